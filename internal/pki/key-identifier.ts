import { createHash } from 'node:crypto';
import { childrenOf, content, sameBytes, tags, tlvAt } from './der.ts';
import type { PublicKey } from './keys.ts';

/**
 * How a subject key identifier is made of a key. The method is found by trying all on the old key, and used for the new one:
 * an operator that compares identifiers must find what it would have made.
 *
 * | method            | of what                         | hash                          | made by                        |
 * |-------------------|---------------------------------|-------------------------------|--------------------------------|
 * | rfc7093-1         | bits of the public key          | SHA-256, first 20 bytes       | Go 1.25, OLM                   |
 * | rfc5280-1         | bits of the public key          | SHA-1                         | Go before 1.25, OpenSSL        |
 * | library-go-sha1   | RSA modulus                     | SHA-1                         | library-go                     |
 * | library-go-sha256 | RSA modulus                     | SHA-256, first 20 bytes       | library-go since 2026          |
 * | rfc5280-2         | bits of the public key          | 0100 and last 60 bits of SHA-1 |                               |
 * | rfc7093-2, -3     | bits of the public key          | SHA-384, SHA-512, first 20    |                                |
 * | rfc7093-4         | whole SubjectPublicKeyInfo      | SHA-256                       |                                |
 * | spki-sha1         | whole SubjectPublicKeyInfo      | SHA-1                         | some Java and Python tools     |
 */
const methods = {
  'rfc7093-1': (key: PublicKey) => digest('sha256', bitsOf(key)).subarray(0, 20),
  'rfc5280-1': (key: PublicKey) => digest('sha1', bitsOf(key)),
  'library-go-sha1': (key: PublicKey) => ofModulus(key, 'sha1'),
  'library-go-sha256': (key: PublicKey) => ofModulus(key, 'sha256'),
  'rfc5280-2': (key: PublicKey) => {
    const tail = digest('sha1', bitsOf(key)).slice(-8);
    tail[0] = 0x40 | ((tail[0] ?? 0) & 0x0f);
    return tail;
  },
  'rfc7093-2': (key: PublicKey) => digest('sha384', bitsOf(key)).subarray(0, 20),
  'rfc7093-3': (key: PublicKey) => digest('sha512', bitsOf(key)).subarray(0, 20),
  'rfc7093-4': (key: PublicKey) => digest('sha256', key.spki),
  'spki-sha1': (key: PublicKey) => digest('sha1', key.spki),
} as const;

export type KeyIdMethod = keyof typeof methods;

/** The method that made this identifier from this key; undefined for one that we do not know. */
export function keyIdMethodOf(key: PublicKey, id: Uint8Array): KeyIdMethod | undefined {
  return keyIdMethods.find((name) => {
    const made = methods[name](key);
    return made !== undefined && sameBytes(made, id);
  });
}

export const keyIdMethods = Object.keys(methods) as KeyIdMethod[]; // keys of the literal above

/**
 * The identifier of a new key. Without a known method, or with one that needs an RSA key and has none, it is a SHA-256 cut to the old
 * length: an identifier only has to be the same in a certificate and in what it signed, so a new method of Go must not stop a site.
 */
export function keyIdOf(key: PublicKey, method: KeyIdMethod | undefined, length = 20): Uint8Array {
  const made = method === undefined ? undefined : methods[method](key);
  return new Uint8Array(made ?? digest('sha256', bitsOf(key)).subarray(0, Math.min(length, 32)));
}

function digest(hash: string, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(hash).update(data).digest());
}

/** The content of the BIT STRING, without its count of unused bits. */
function bitsOf(key: PublicKey): Uint8Array {
  const bits = childrenOf(key.spki, tlvAt(key.spki)).at(-1);
  return bits === undefined ? new Uint8Array() : content(key.spki, bits).subarray(1);
}

function ofModulus(key: PublicKey, hash: string): Uint8Array | undefined {
  if (key.shape.type !== 'rsa') return undefined;
  const rsa = bitsOf(key);
  const modulus = childrenOf(rsa, tlvAt(rsa)).find((child) => child.tag === tags.integer);
  if (modulus === undefined) return undefined;
  const number = content(rsa, modulus);
  return digest(hash, number[0] === 0 ? number.subarray(1) : number).subarray(0, 20);
}
