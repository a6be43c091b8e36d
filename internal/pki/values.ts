import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AuthorityKeyIdentifier,
  GeneralName,
  KeyIdentifier,
  SubjectKeyIdentifier,
  Time,
  Validity as ValiditySchema,
} from '@peculiar/asn1-x509';
import { childrenOf, content, mapChildren, sameBytes, tlv, tlvAt, whole } from './der.ts';
import { ipText } from './ip-bytes.ts';
import type { NameRule } from './names.ts';
import { generalName, renamedName, ruledIp, ruledText } from './names.ts';
import { signatureAlgorithms, type SignatureAlgorithm } from './signature-algorithm.ts';
import type { Validity } from './validity.ts';

/*
 * The values that a renewal writes into a certificate, by the schemas of @peculiar/asn1-x509. What stands around them is spliced
 * (`resign.ts`), and what stands beside them inside one value as well: a schema that writes what it has read drops explicit defaults,
 * and lengths and texts that are no DER.
 *
 * Loaded by the first renewal, not with the program: the schemas take longer than all else that `recert --help` needs.
 */

export function subjectKeyIdValue(id: Uint8Array): Uint8Array {
  return written(new SubjectKeyIdentifier(id));
}

/** What a new authority key identifier says of the signer; a part that is undefined stays as it was. */
export type Authority = { readonly keyId: Uint8Array | undefined; readonly serial: Uint8Array | undefined };

/** The authority key identifier with its key and serial number replaced, and its issuer renamed. Parts that it does not have are not added. */
export function authorityKeyIdValue(
  value: Uint8Array,
  { keyId, serial }: Authority,
  rules: readonly NameRule[],
): Uint8Array {
  const fresh = written(
    new AuthorityKeyIdentifier({
      ...(keyId === undefined ? {} : { keyIdentifier: new KeyIdentifier(keyId) }),
      ...(serial === undefined ? {} : { authorityCertSerialNumber: bufferOf(serial) }),
    }),
  );
  const parts = new Map(childrenOf(fresh, tlvAt(fresh)).map((part) => [part.tag, whole(fresh, part)]));
  return mapChildren(
    value,
    (part, tag) => parts.get(tag) ?? (tag === authorityIssuer ? renamedGeneralNames(part, rules) : part),
  );
}

const authorityIssuer = 0xa1;

/** GeneralNames (subject alternative names, the issuer in an authority identifier) with DNS names, addresses and names replaced. */
export function renamedGeneralNames(names: Uint8Array, rules: readonly NameRule[]): Uint8Array {
  return mapChildren(names, (name, tag) => {
    const inside = content(name, tlvAt(name));
    switch (tag) {
      case generalName.dns: {
        const old = Buffer.from(inside).toString('latin1');
        const fresh = ruledText(old, rules);
        return fresh === old ? name : written(new GeneralName({ dNSName: fresh }));
      }
      case generalName.ip: {
        const fresh = ruledIp(inside, rules);
        return sameBytes(fresh, inside) ? name : written(new GeneralName({ iPAddress: ipText(fresh) }));
      }
      case generalName.directory: {
        const fresh = renamedName(inside, rules);
        return fresh === inside ? name : tlv(tag, fresh);
      }
      default:
        return name;
    }
  });
}

/** RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on and, which the schema leaves out, before 1950; each bound for itself. */
export function validityValue({ notBefore, notAfter }: Validity): Uint8Array {
  return written(Object.assign(new ValiditySchema(), { notBefore: timeOf(notBefore), notAfter: timeOf(notAfter) }));
}

function timeOf(date: Date): Time {
  const time = new Time(date);
  return time.utcTime !== undefined && date.getUTCFullYear() < 1950 ? new Time({ generalTime: time.utcTime }) : time;
}

/** RSA has NULL parameters (RFC 4055), ECDSA and Ed25519 none at all (RFC 5758, RFC 8410). Written once: every certificate bears it twice. */
const algorithmValues: ReadonlyMap<SignatureAlgorithm, Uint8Array> = new Map(
  signatureAlgorithms.map((one) => [
    one,
    written(new AlgorithmIdentifier({ algorithm: one.oid, ...(one.family === 'rsa' ? { parameters: null } : {}) })),
  ]),
);

export function algorithmValue(algorithm: SignatureAlgorithm): Uint8Array {
  const value = algorithmValues.get(algorithm);
  if (value === undefined) throw new Error('unreachable: an algorithm is a row of the table');
  return value;
}

function written(value: object): Uint8Array {
  return new Uint8Array(AsnConvert.serialize(value));
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
