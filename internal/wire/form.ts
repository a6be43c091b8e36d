import { bytesOf, startsWith } from './bytes.ts';

/**
 * How an etcd value is written, told by its first bytes alone. The key says nothing: a custom resource may be JSON or CBOR, and
 * a built-in kind may be encrypted.
 */
export type Form = 'protobuf' | 'cbor' | 'json' | 'encrypted' | 'other';

export const protobufHead = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);
export const cborHead = Uint8Array.of(0xd9, 0xd9, 0xf7);
const encryptedHead = bytesOf('k8s:enc:');

/** The form of a value; `other` for what is no object (`compact_rev_key`, allocation ranges of old releases). */
export function formOf(bytes: Uint8Array): Form {
  if (startsWith(bytes, protobufHead)) return 'protobuf';
  if (startsWith(bytes, cborHead)) return 'cbor';
  if (startsWith(bytes, encryptedHead)) return 'encrypted';
  const first = bytes.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
  return first === 0x7b ? 'json' : 'other';
}
