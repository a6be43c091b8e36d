import { X509Certificate } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { childrenOf, sameBytes, tlvAt } from './der.ts';
import type { KeyShape, PublicKey } from './keys.ts';

/** Whether the signature is this key's. Nothing else is looked at: names and dates are not what makes a signer. */
export function isSignedBy(certificate: Certificate, key: PublicKey): boolean {
  return signatureOf(certificate)(key);
}

/** The same question for many keys: the certificate is read once. */
export function signatureOf(certificate: Certificate): (key: PublicKey) => boolean {
  let read: X509Certificate | undefined;
  return (key) => {
    try {
      read ??= new X509Certificate(certificate.der);
      return read.verify(key.object);
    } catch {
      return false; // another kind of key, or an algorithm that OpenSSL does not know
    }
  };
}

/**
 * The shape that the key of a signer unseen probably has: RSA as long as the signature, ECDSA on the curve that goes with the hash.
 * P-256 for what is none of these.
 */
export function signerShapeOf(certificate: Certificate): KeyShape {
  const parts = childrenOf(certificate.der, tlvAt(certificate.der));
  const signature = parts.at(-1);
  const bits = signature === undefined ? 0 : (signature.end - signature.contentStart - 1) * 8;
  switch (certificate.signatureOid) {
    case '1.2.840.10045.4.3.2':
      return { type: 'ec', curve: 'P-256' };
    case '1.2.840.10045.4.3.3':
      return { type: 'ec', curve: 'P-384' };
    case '1.2.840.10045.4.3.4':
      return { type: 'ec', curve: 'P-521' };
    case '1.3.101.112':
      return { type: 'ed25519' };
    default:
      return certificate.signatureOid.startsWith('1.2.840.113549.1.1.') && bits >= 1024
        ? { type: 'rsa', bits }
        : { type: 'ec', curve: 'P-256' };
  }
}

/** Why a certificate does not follow from the one that should have signed it. */
export type ChainFault = {
  readonly kind: 'signature' | 'issuer' | 'key-id' | 'serial' | 'authority';
  readonly text: string;
};

/** Why a certificate does not follow from the one that should have signed it; empty when it does. Dates are the caller's matter. */
export function chainFaultsOf(certificate: Certificate, signer: Certificate): ChainFault[] {
  const faults: ChainFault[] = [];
  if (signer.publicKey === undefined || !isSignedBy(certificate, signer.publicKey))
    faults.push({ kind: 'signature', text: 'the signature is not by the key of its signer' });
  if (!sameBytes(certificate.issuer, signer.subject))
    faults.push({
      kind: 'issuer',
      text: `the issuer "${certificate.issuerText}" is not the signer's subject "${signer.subjectText}"`,
    });
  if (
    certificate.authorityKeyId !== undefined &&
    signer.subjectKeyId !== undefined &&
    !sameBytes(certificate.authorityKeyId, signer.subjectKeyId)
  )
    faults.push({ kind: 'key-id', text: 'the authority key identifier is not that of the signer' });
  if (certificate.authoritySerial !== undefined && !sameBytes(certificate.authoritySerial, signer.serial))
    faults.push({ kind: 'serial', text: 'the authority serial number is not that of the signer' });
  if (!signer.isCa && !sameBytes(certificate.der, signer.der))
    faults.push({ kind: 'authority', text: 'the signer is no authority' });
  return faults;
}

/** The same as sentences. */
export function chainFaults(certificate: Certificate, signer: Certificate): string[] {
  return chainFaultsOf(certificate, signer).map(({ text }) => text);
}
