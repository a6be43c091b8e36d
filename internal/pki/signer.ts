import { generateKeyPair, sign } from 'node:crypto';
import type { Curve, KeyShape, PrivateKey, PublicKey } from './keys.ts';
import { privateKeyFrom } from './keys.ts';

export type Hash = 'sha256' | 'sha384' | 'sha512';

/**
 * Signs with one key. Behind it is node:crypto here, and the host's `openssl` on a host in FIPS mode (in a room that may start
 * programs). RSA is PKCS#1 v1.5, ECDSA gives its DER sequence, Ed25519 takes no hash.
 */
export type Signer = {
  readonly publicKey: PublicKey;
  readonly sign: (data: Uint8Array, hash: Hash | undefined) => Promise<Uint8Array>;
};

/** Makes keys; the other half of the same seam. */
export type KeyMaker = { readonly make: (shape: KeyShape) => Promise<PrivateKey> };

/** Signs in this process, on node's thread pool. */
export function nodeSigner(key: PrivateKey): Signer {
  return {
    publicKey: key.public,
    sign: (data, hash) =>
      new Promise((resolve, reject) => {
        sign(hash, data, key.object, (error, signature) => {
          if (error === null) resolve(new Uint8Array(signature));
          else reject(error);
        });
      }),
  };
}

const curveNames: Readonly<Record<Curve, string>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};

/** Makes keys in this process, on node's thread pool: it uses as many cores as `UV_THREADPOOL_SIZE` says (4). */
export const nodeKeyMaker: KeyMaker = {
  make: (shape) =>
    new Promise((resolve, reject) => {
      const done = (error: Error | null, _: unknown, key: Parameters<typeof privateKeyFrom>[0]): void => {
        if (error === null) resolve(privateKeyFrom(key));
        else reject(error);
      };
      switch (shape.type) {
        case 'rsa':
          generateKeyPair('rsa', { modulusLength: shape.bits, publicExponent: 0x10001 }, done);
          break;
        case 'ec':
          generateKeyPair('ec', { namedCurve: curveNames[shape.curve] }, done);
          break;
        case 'ed25519':
          generateKeyPair('ed25519', {}, done);
          break;
      }
    }),
};
