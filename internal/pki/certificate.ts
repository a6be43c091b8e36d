import { createHash } from 'node:crypto';
import type { OctetString } from '@peculiar/asn1-schema';
import { AsnConvert } from '@peculiar/asn1-schema';
import { AuthorityKeyIdentifier, BasicConstraints, Certificate as Schema, SubjectKeyIdentifier } from '@peculiar/asn1-x509';
import { Failure } from '../errors/errors.ts';
import { childrenOf, sameBytes, tags, tlvAt, whole } from './der.ts';
import type { PublicKey } from './keys.ts';
import { readPublicKey } from './keys.ts';
import { commonNamesOf, generalNamesOf, nameText } from './names.ts';
import type { Validity } from './validity.ts';

/** A certificate as read. `der` is what counts; all else is read from it. */
export type Certificate = {
  readonly der: Uint8Array;
  /** What follows the certificate in a `TRUSTED CERTIFICATE` block (OpenSSL's trust settings); usually nothing. */
  readonly trailer: Uint8Array;
  /** SHA-256 of `der` in hex: the identity of a certificate. */
  readonly digest: string;
  /** Names as DER, and for people. */
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subjectText: string;
  readonly issuerText: string;
  readonly commonNames: readonly string[];
  readonly serial: Uint8Array;
  readonly validity: Validity;
  /** Undefined for a key of a kind that we do not make. */
  readonly publicKey: PublicKey | undefined;
  readonly signatureOid: string;
  readonly subjectKeyId: Uint8Array | undefined;
  /** What the authority key identifier says of the signer; each part may be absent. */
  readonly authorityKeyId: Uint8Array | undefined;
  readonly authoritySerial: Uint8Array | undefined;
  readonly isCa: boolean;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly Uint8Array[];
  /** Issuer and subject are the same bytes: a root, or an orphan that looks like one. */
  readonly selfIssued: boolean;
};

/** Extensions that are read or written, by OID. */
export const extensionOids = { subjectKeyId: '2.5.29.14', subjectAltName: '2.5.29.17', basicConstraints: '2.5.29.19', authorityKeyId: '2.5.29.35' } as const;

/** Reads a certificate. Throws for what is none. */
export function readCertificate(bytes: Uint8Array): Certificate {
  try {
    const outer = tlvAt(bytes);
    const der = whole(bytes, outer);
    const parsed = AsnConvert.parse(der, Schema);
    const { issuer, subject, spki } = tbsParts(der);
    const { extensions } = parsed.tbsCertificate;
    const extension = (oid: string): Uint8Array | undefined => {
      const found = extensions?.find((candidate) => candidate.extnID === oid);
      return found === undefined ? undefined : new Uint8Array(found.extnValue.buffer);
    };
    const authority = parse(extension(extensionOids.authorityKeyId), AuthorityKeyIdentifier);
    const names = generalNamesOf(extension(extensionOids.subjectAltName) ?? Uint8Array.of(tags.sequence, 0));
    const times = parsed.tbsCertificate.validity;
    return {
      der,
      trailer: bytes.subarray(outer.end),
      digest: createHash('sha256').update(der).digest('hex'),
      subject, issuer,
      subjectText: nameText(subject),
      issuerText: nameText(issuer),
      commonNames: commonNamesOf(subject),
      serial: new Uint8Array(parsed.tbsCertificate.serialNumber),
      validity: { notBefore: times.notBefore.getTime(), notAfter: times.notAfter.getTime() },
      publicKey: publicKeyIn(spki),
      signatureOid: parsed.signatureAlgorithm.algorithm,
      subjectKeyId: bytesOf(parse(extension(extensionOids.subjectKeyId), SubjectKeyIdentifier)),
      authorityKeyId: bytesOf(authority?.keyIdentifier),
      authoritySerial: authority?.authorityCertSerialNumber === undefined ? undefined : new Uint8Array(authority.authorityCertSerialNumber),
      isCa: parse(extension(extensionOids.basicConstraints), BasicConstraints)?.cA ?? false,
      dnsNames: names.dns,
      ipAddresses: names.ips,
      selfIssued: sameBytes(issuer, subject),
    };
  } catch (cause) {
    throw new Failure('bytes are no certificate', { cause });
  }
}

/** The members of the to-be-signed part, as they stand. `rest` holds unique identifiers and extensions, whatever there is. */
export type TbsParts = Readonly<Record<'version' | 'serial' | 'algorithm' | 'issuer' | 'validity' | 'subject' | 'spki', Uint8Array>> & { readonly rest: readonly Uint8Array[] };

export function tbsParts(der: Uint8Array): TbsParts {
  const [tbs] = childrenOf(der, tlvAt(der));
  if (tbs === undefined) throw new Failure('a certificate is empty');
  const members = childrenOf(der, tbs).map((member) => whole(der, member));
  const version = members[0]?.[0] === 0xa0 ? members[0] : new Uint8Array(); // absent in version 1
  const [serial, algorithm, issuer, validity, subject, spki, ...rest] = version.length > 0 ? members.slice(1) : members;
  if (serial === undefined || algorithm === undefined || issuer === undefined || validity === undefined || subject === undefined || spki === undefined) throw new Failure('a certificate lacks members');
  return { version, serial, algorithm, issuer, validity, subject, spki, rest };
}

/** What goes back into the block: the certificate and what followed it there. */
export function storedBytes(certificate: Certificate): Uint8Array {
  return certificate.trailer.length === 0 ? certificate.der : new Uint8Array(Buffer.concat([certificate.der, certificate.trailer]));
}

function parse<T>(bytes: Uint8Array | undefined, type: new () => T): T | undefined {
  return bytes === undefined ? undefined : AsnConvert.parse(bytes, type);
}

function bytesOf(octets: OctetString | undefined): Uint8Array | undefined {
  return octets === undefined ? undefined : new Uint8Array(octets.buffer);
}

function publicKeyIn(spki: Uint8Array): PublicKey | undefined {
  try {
    return readPublicKey(spki).key;
  } catch {
    return undefined; // RSA-PSS, DSA, curves of others: such a certificate is listed and left alone
  }
}
