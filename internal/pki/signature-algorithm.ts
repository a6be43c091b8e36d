import type { KeyShape } from './keys.ts';
import { tags, tlv } from './der.ts';
import type { Hash } from './signer.ts';

/** How a certificate says that it is signed: the OID's content bytes in hex, and the hash that goes with it. */
type Algorithm = { readonly oid: string; readonly family: KeyShape['type']; readonly hash: Hash | undefined };

const algorithms: Readonly<Record<string, Algorithm>> = {
  '1.2.840.113549.1.1.11': { oid: '2a864886f70d01010b', family: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { oid: '2a864886f70d01010c', family: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { oid: '2a864886f70d01010d', family: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.3.2': { oid: '2a8648ce3d040302', family: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { oid: '2a8648ce3d040303', family: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { oid: '2a8648ce3d040304', family: 'ec', hash: 'sha512' },
  '1.3.101.112': { oid: '2b6570', family: 'ed25519', hash: undefined },
};

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
export function signatureAlgorithmFor(
  signer: KeyShape,
  oldOid: string,
): { readonly hash: Hash | undefined; readonly der: Uint8Array } {
  const old = algorithms[oldOid];
  const chosen =
    old?.family === signer.type ? old : algorithms[signer.type === 'ec' ? usual[signer.curve] : usual[signer.type]];
  if (chosen === undefined) throw new Error('unreachable: every usual algorithm is in the table');
  // RSA has NULL parameters (RFC 4055), ECDSA and Ed25519 none at all (RFC 5758, RFC 8410).
  const parameters = chosen.family === 'rsa' ? [tlv(tags.null)] : [];
  return {
    hash: chosen.hash,
    der: tlv(tags.sequence, tlv(tags.oid, new Uint8Array(Buffer.from(chosen.oid, 'hex'))), ...parameters),
  };
}
