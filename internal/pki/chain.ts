import { X509Certificate } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { sameBytes } from './der.ts';
import type { PublicKey } from './keys.ts';

/** Whether the signature is this key's. Nothing else is looked at: names and dates are not what makes a signer. */
export function isSignedBy(certificate: Certificate, key: PublicKey): boolean {
  try {
    return new X509Certificate(certificate.der).verify(key.object);
  } catch {
    return false; // another kind of key, or an algorithm that OpenSSL does not know
  }
}

/** Why a certificate does not follow from the one that should have signed it; empty when it does. Dates are the caller's matter. */
export function chainFaults(certificate: Certificate, signer: Certificate): string[] {
  const faults: string[] = [];
  if (signer.publicKey === undefined || !isSignedBy(certificate, signer.publicKey)) faults.push('the signature is not by the key of its signer');
  if (!sameBytes(certificate.issuer, signer.subject)) faults.push(`the issuer "${certificate.issuerText}" is not the signer's subject "${signer.subjectText}"`);
  if (certificate.authorityKeyId !== undefined && signer.subjectKeyId !== undefined && !sameBytes(certificate.authorityKeyId, signer.subjectKeyId)) faults.push('the authority key identifier is not that of the signer');
  if (certificate.authoritySerial !== undefined && !sameBytes(certificate.authoritySerial, signer.serial)) faults.push('the authority serial number is not that of the signer');
  if (!signer.isCa && !sameBytes(certificate.der, signer.der)) faults.push('the signer is no authority');
  return faults;
}
