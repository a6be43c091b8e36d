import { availableParallelism } from 'node:os';
import type { KeyShape } from '../../pki/keys.ts';
import type { Host } from '../../host/host.ts';
import { nodeSigner } from '../../pki/signer.ts';
import { kernelIsInFipsMode } from '../../host/machine.ts';
import { openCrypto } from './crypto.ts';
import { openKeyPool, usualNeed, type KeyPool } from './key-pool.ts';
import { openKeyWorkers } from './key-workers.ts';
import type { Crypto } from './signing.ts';

/** Who signs, and the keys that are being made. One renewal uses it up. */
export type KeySupply = AsyncDisposable & {
  readonly crypto: Crypto;
  readonly pool: KeyPool;
  /** The keys are waited for now: what was made at idle priority is made at the usual one. */
  readonly hurry: () => void;
};

export type KeySupplyOptions = {
  /** Left out: what the kernel says of FIPS mode. */
  readonly fips: boolean | undefined;
  /** Keys made at a time. Left out: one for each CPU. */
  readonly threads: number | undefined;
  /** Begun at once. */
  readonly guess: readonly KeyShape[];
};

/** Opens cryptography and begins with the keys that a renewal usually needs. */
export async function openKeySupply(host: Host, { fips, threads, guess }: KeySupplyOptions): Promise<KeySupply> {
  return supplyOf(await openCrypto(host, fips), guess, threads, () => undefined);
}

/**
 * The same, long before a renewal begins: keys need nothing of the site. They are made in threads of the lowest priority, so that nothing
 * else on the host waits for them, and are kept in memory only.
 */
export async function openIdleKeySupply(host: Host): Promise<KeySupply> {
  // The host's openssl is a program for each key; there is no thread of ours to be slow.
  if (await kernelIsInFipsMode()) return supplyOf(await openCrypto(host, true), usualNeed, undefined, () => undefined);
  const workers = openKeyWorkers(availableParallelism(), { idle: true });
  const crypto: Crypto = {
    by: 'node',
    keyMaker: workers,
    signerOf: nodeSigner,
    [Symbol.asyncDispose]: () => workers[Symbol.asyncDispose](),
  };
  return supplyOf(crypto, usualNeed, undefined, workers.hurry);
}

function supplyOf(
  crypto: Crypto,
  guess: readonly KeyShape[],
  threads: number | undefined,
  hurry: () => void,
): KeySupply {
  const pool = openKeyPool(crypto.keyMaker, guess, threads);
  return {
    crypto,
    pool,
    hurry,
    [Symbol.asyncDispose]: async () => {
      pool[Symbol.dispose]();
      await crypto[Symbol.asyncDispose]();
    },
  };
}
