import { dirname, join } from 'node:path';
import { Interrupted } from '../errors/errors.ts';
import { temporaryFolder } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { watchGrowth } from './growth.ts';
import { podmanTrouble } from './podman-trouble.ts';
import type { ImageStore } from './store.ts';

export type PullWorkOptions = {
  readonly store: ImageStore;
  readonly authFile?: string | undefined;
  readonly workFolder?: string;
  readonly stallMs?: number;
  readonly signal?: AbortSignal | undefined;
};

/** Runs single pulls. Its folder is gone when the scope ends. */
export type PullWork = AsyncDisposable & {
  /** One attempt of one image. @throws Failure with its class */
  pull(image: string, onBytes: (bytes: number) => void): Promise<void>;
};

/**
 * Prepares pulls. podman keeps the blobs of a running pull in TMPDIR, by default /var/tmp, which is memory on a live system; here it
 * is a folder of its own on the disk of the store, and its growth is the sign of life.
 */
export async function pullOnce(
  host: Host,
  { store, authFile, workFolder, stallMs = 300_000, signal }: PullWorkOptions,
): Promise<PullWork> {
  const parent = workFolder ?? join(dirname(store.graphRoot), '.pulls');
  // What a killed run left there is of no use to anybody.
  await host.run('rm', ['-rf', '--', parent]);
  const auth = authFile === undefined ? [] : ['--authfile', authFile];
  return {
    async pull(image, onBytes) {
      await using folder = await temporaryFolder(parent, 'pull-');
      using watch = watchGrowth(folder.path, stallMs, onBytes);
      try {
        await store.podman(['pull', ...auth, image], {
          onStop: 'finish',
          budgetMs: Infinity,
          signal: signal === undefined ? watch.signal : AbortSignal.any([watch.signal, signal]),
          env: { TMPDIR: folder.path },
          onLine: () => {
            watch.alive();
          },
        });
      } catch (error) {
        if (signal?.aborted === true) throw new Interrupted(`stopped while "${image}" was pulled`, { cause: error });
        throw podmanTrouble(error, image);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await host.run('rm', ['-rf', '--', parent], { onStop: 'finish' });
    },
  };
}
