import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CommandError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';

/**
 * Links the objects of the sysroot into a repository on the same file system that an archive is about to fill: a seed was mostly made from
 * the very operating system that the disk was written with, and what is there need not be written again.
 *
 * Good for bare repositories on both sides. It is a help only: what cannot be linked comes from the archive.
 */
export async function shareObjects(host: Host, sysroot: string, repository: string): Promise<void> {
  const objects = join(repository, 'objects');
  try {
    await host.run(
      'cp',
      ['--archive', '--link', '--no-target-directory', '--', join(sysroot, 'ostree/repo/objects'), objects],
      { budgetMs: 5 * 60_000 },
    );
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
  await dropNotes(objects);
}

/** What is noted beside a commit is no object: the same name may have another content in the seed, and that one counts. */
async function dropNotes(objects: string): Promise<void> {
  for (const folder of readdirSync(objects, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue;
    for (const name of readdirSync(join(objects, folder.name)))
      if (name.endsWith('.commitmeta')) rmSync(join(objects, folder.name, name));
    await nextTurn();
  }
}
