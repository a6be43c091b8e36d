import type { PrivateKey } from '../../pki/keys.ts';
import type { KeyMaker, Signer } from '../../pki/signer.ts';

/** Who makes keys and signs. Released at the end of its scope: threads, or files that hold keys. */
export type Crypto = AsyncDisposable & {
  readonly by: 'node' | 'openssl';
  readonly keyMaker: KeyMaker;
  readonly signerOf: (key: PrivateKey) => Signer;
};
