import { join } from 'node:path';
import { CommandError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';

/**
 * Links the objects of the sysroot into a repository on the same file system that an archive is about to fill: a seed was mostly made from
 * the very operating system that the disk was written with, and what is there need not be written again.
 *
 * Good for bare repositories on both sides. It is a help only: what cannot be linked comes from the archive.
 */
export async function shareObjects(host: Host, sysroot: string, repository: string): Promise<void> {
  try {
    await host.run(
      'cp',
      [
        '--archive',
        '--link',
        '--no-target-directory',
        '--',
        join(sysroot, 'ostree/repo/objects'),
        join(repository, 'objects'),
      ],
      { budgetMs: 5 * 60_000 },
    );
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
}
