import type { Certificate } from './certificate.ts';
import { extensionNumber, extensions, readCertificate, tbsParts } from './certificate.ts';
import { extensionsTag } from './extensions.ts';
import { childrenOf, content, mapChildren, sameBytes, tags, tlv, tlvAt } from './der.ts';
import type { KeyIdMethod } from './key-identifier.ts';
import { renamedNameConstraints } from './name-constraints.ts';
import { keyIdMethodOf, keyIdOf } from './key-identifier.ts';
import type { PublicKey } from './keys.ts';
import type { NameRule } from './names.ts';
import { renamedName, ruledIp, ruledText } from './names.ts';
import { signatureAlgorithmFor } from './signature-algorithm.ts';
import type { Signer } from './signer.ts';
import type { Validity } from './validity.ts';
import type { Authority } from './values.ts';

/** What is new about a certificate. What is not named here keeps its bytes. */
export type Renewal = {
  readonly newKey: PublicKey;
  /** The key of the issuer; for a root, of itself. */
  readonly signer: Signer;
  /**
   * What the authority key identifier points at: what the new certificate of the issuer is called; the certificate itself; or nothing
   * that is known (an orphan), and then it stays. Parts that the old extension does not have are not added.
   */
  readonly authority: AuthorityNames | 'self' | 'unknown';
  /** A serial number's content bytes (see `newSerial`), or the old one again. */
  readonly serial: Uint8Array | 'keep';
  readonly validity: Validity | 'keep';
  readonly rules?: readonly NameRule[];
};

/** What an authority key identifier may say of a certificate. Both are known before it is signed, so no order of signing is needed. */
export type AuthorityNames = Pick<Certificate, 'subjectKeyId' | 'serial'>;

export type Renewed = {
  readonly certificate: Certificate;
  /** How the subject key identifier was made; `unknown` where the old one fits no method we know, undefined where there is none. */
  readonly keyIdMethod: KeyIdMethod | 'unknown' | undefined;
};

/** A certificate of the same shape for a new key, signed anew. */
export async function resign(old: Certificate, renewal: Renewal): Promise<Renewed> {
  const values = await import('./values.ts'); // which says why not with the program
  const parts = tbsParts(old.der);
  const rules = renewal.rules ?? [];
  const serial = renewal.serial === 'keep' ? parts.serial : tlv(tags.integer, renewal.serial);
  const algorithm = signatureAlgorithmFor(renewal.signer.publicKey.shape, old.signatureOid);
  const method = methodOf(old);
  const ownKeyId = renewedKeyId(old, renewal.newKey);
  const algorithmValue = values.algorithmValue(algorithm);
  const authority = authorityOf(old, renewal.authority, ownKeyId, content(serial, tlvAt(serial)));

  const tbs = tlv(
    tags.sequence,
    parts.version,
    serial,
    algorithmValue,
    renamedName(parts.issuer, rules),
    renewal.validity === 'keep' ? parts.validity : values.validityValue(renewal.validity),
    renamedName(parts.subject, rules),
    renewal.newKey.spki,
    ...parts.rest.map((member) =>
      member[0] === extensionsTag
        ? withExtensions(member, (number, value) => {
            switch (number) {
              case extensions.subjectKeyId:
                return ownKeyId === undefined ? value : values.subjectKeyIdValue(ownKeyId);
              case extensions.authorityKeyId:
                return values.authorityKeyIdValue(value, authority, rules);
              case extensions.subjectAltName:
                return values.renamedGeneralNames(value, rules);
              case extensions.nameConstraints:
                return renamedNameConstraints(value, rules);
              default:
                return value;
            }
          })
        : member,
    ),
  );
  const signature = await renewal.signer.sign(tbs, algorithm.hash);
  const der = tlv(tags.sequence, tbs, algorithmValue, tlv(tags.bitString, Uint8Array.of(0), signature));
  return {
    certificate: readCertificate(new Uint8Array(Buffer.concat([der, old.trailer]))),
    keyIdMethod: old.subjectKeyId === undefined ? undefined : (method ?? 'unknown'),
  };
}

/** The subject key identifier that the certificate gets with a new key: by the method of the old one. Undefined where it has none. */
export function renewedKeyId(old: Certificate, newKey: PublicKey): Uint8Array | undefined {
  return old.subjectKeyId === undefined ? undefined : keyIdOf(newKey, methodOf(old), old.subjectKeyId.length);
}

function methodOf(old: Certificate): KeyIdMethod | undefined {
  return old.subjectKeyId === undefined || old.publicKey === undefined
    ? undefined
    : keyIdMethodOf(old.publicKey, old.subjectKeyId);
}

/** True when the rules would change a name of the certificate. */
export function rulesTouch(certificate: Certificate, rules: readonly NameRule[]): boolean {
  return (
    [certificate.issuer, certificate.subject, ...certificate.directoryNames].some(
      (name) => !sameBytes(renamedName(name, rules), name),
    ) ||
    certificate.dnsNames.some((name) => ruledText(name, rules) !== name) ||
    certificate.ipAddresses.some((address) => !sameBytes(ruledIp(address, rules), address))
  );
}

/**
 * A self-signed certificate's identifier may carry its own serial, so both are known before either is written. Few identifiers say a serial
 * number; it is not written for the others.
 */
function authorityOf(
  old: Certificate,
  authority: Renewal['authority'],
  ownKeyId: Uint8Array | undefined,
  ownSerial: Uint8Array,
): Authority {
  if (authority === 'unknown') return { keyId: undefined, serial: undefined };
  const { subjectKeyId: keyId, serial } =
    authority === 'self' ? { subjectKeyId: ownKeyId, serial: ownSerial } : authority;
  return { keyId, serial: old.authoritySerial === undefined ? undefined : serial };
}

/** The extensions with some values changed; order, criticality (an explicit FALSE too) and unknown ones stay. */
function withExtensions(member: Uint8Array, change: (number: number, value: Uint8Array) => Uint8Array): Uint8Array {
  return mapChildren(member, (list) =>
    mapChildren(list, (extension) => {
      const children = childrenOf(extension, tlvAt(extension));
      const [id, value] = [children[0], children.at(-1)];
      const number = id === undefined ? undefined : extensionNumber(content(extension, id));
      if (number === undefined || value?.tag !== tags.octetString) return extension;
      const old = content(extension, value);
      const fresh = change(number, old);
      if (fresh === old) return extension;
      return tlv(
        tags.sequence,
        extension.subarray(tlvAt(extension).contentStart, value.start),
        tlv(tags.octetString, fresh),
      );
    }),
  );
}
