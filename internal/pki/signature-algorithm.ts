import type { KeyShape } from './keys.ts';
import type { Hash } from './signer.ts';

/** How a certificate is signed: what it says of it, and the hash that goes with that. */
export type SignatureAlgorithm = {
  readonly oid: string;
  readonly family: KeyShape['type'];
  readonly hash: Hash | undefined;
};

export const signatureAlgorithms: readonly SignatureAlgorithm[] = [
  { oid: '1.2.840.113549.1.1.11', family: 'rsa', hash: 'sha256' },
  { oid: '1.2.840.113549.1.1.12', family: 'rsa', hash: 'sha384' },
  { oid: '1.2.840.113549.1.1.13', family: 'rsa', hash: 'sha512' },
  { oid: '1.2.840.10045.4.3.2', family: 'ec', hash: 'sha256' },
  { oid: '1.2.840.10045.4.3.3', family: 'ec', hash: 'sha384' },
  { oid: '1.2.840.10045.4.3.4', family: 'ec', hash: 'sha512' },
  { oid: '1.3.101.112', family: 'ed25519', hash: undefined },
];

const usual = {
  rsa: '1.2.840.113549.1.1.11',
  'P-256': '1.2.840.10045.4.3.2',
  'P-384': '1.2.840.10045.4.3.3',
  'P-521': '1.2.840.10045.4.3.4',
  ed25519: '1.3.101.112',
} as const;

/**
 * The algorithm for a new signature. The old one where the signing key is of its family: a certificate signed with SHA-512 stays
 * so. Otherwise, and for what is no longer accepted (SHA-1) or not made by any cluster (RSA-PSS), what Go takes for the key.
 */
export function signatureAlgorithmFor(signer: KeyShape, oldOid: string): SignatureAlgorithm {
  const usualOid = signer.type === 'ec' ? usual[signer.curve] : usual[signer.type];
  const chosen =
    signatureAlgorithms.find(({ oid, family }) => oid === oldOid && family === signer.type) ??
    signatureAlgorithms.find(({ oid }) => oid === usualOid);
  if (chosen === undefined) throw new Error('unreachable: every usual algorithm is in the table');
  return chosen;
}
