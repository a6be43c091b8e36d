import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eachOf } from '../host/each-of.ts';
import { readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { removeTree } from '../host/remove.ts';
import type { MemberName } from './layout.ts';

/**
 * The seed's content on the target's root file system, until it is deployed:
 *
 * | path         | what                                                       |
 * |--------------|------------------------------------------------------------|
 * | `ostree/`    | the repository of `ostree.tgz`                              |
 * | `var/var/`   | the content of `var.tgz`                                    |
 * | `etc.tgz`    | as it came: it is unpacked over the deployment              |
 * | `members/`   | the small members by name                                   |
 * | `complete`   | the digest of the seed; written last, after one sync        |
 *
 * It stands on the same file system as the sysroot, so that objects and `/var` are renamed instead of copied, and objects that the
 * sysroot has are links to its own.
 */
export type Staging = {
  readonly folder: string;
  readonly repository: string;
  readonly var: string;
  readonly etcArchive: string;
  readonly membersFolder: string;
  member(name: MemberName): Promise<string>;
};

/** Names the parts of a staging folder; nothing is made. */
export function stagingAt(folder: string): Staging {
  const membersFolder = join(folder, 'members');
  return {
    folder,
    repository: join(folder, 'ostree'),
    var: join(folder, 'var'),
    etcArchive: join(folder, 'etc.tgz'),
    membersFolder,
    member: (name) => readFile(join(membersFolder, name), 'utf8'),
  };
}

/** True when this very seed is completely staged. */
export async function isStaged(folder: string, digest: string): Promise<boolean> {
  return (await readTextIfPresent(join(folder, 'complete')))?.trim() === digest;
}

/** Empties the staging folder: half an archive is worth nothing, because the stream cannot continue inside it. */
export async function resetStaging(host: Host, folder: string): Promise<Staging> {
  await removeTree(host, folder);
  const staging = stagingAt(folder);
  for (const path of [folder, staging.membersFolder, staging.repository, staging.var])
    await mkdir(path, { recursive: true, mode: 0o700 });
  return staging;
}

/**
 * Makes the folders of the repository's objects ahead of the stream. XFS lays each new folder into another allocation group and reads
 * the headers of that group first; behind the writes of a filling stream such a read takes up to 0.3 s, and with it the stream (bench/README.md).
 * Two at a time: the stream needs the other threads of Node's pool.
 * tar gives the folders what the archive says of them.
 *
 * The first folder stands when this returns: from then on no archive can put a link in the place of `objects`, through which the others
 * would lead elsewhere.
 *
 * @returns waits for the others. They are a help: what fails here fails again in tar, which has words for it
 */
export async function makeObjectFolders(staging: Staging): Promise<() => Promise<void>> {
  const [first = '', ...others] = Array.from({ length: 256 }, (_, number) =>
    join(staging.repository, 'objects', number.toString(16).padStart(2, '0')),
  );
  await mkdir(first, { recursive: true });
  const made = eachOf(others, 2, (folder) => mkdir(folder).catch(() => undefined));
  return async () => {
    await made;
  };
}

/** How long the staging may gather unwritten bytes. */
const behindMs = 500;

/**
 * Has the file system written out while the stream still fills it, so that the sync at the end finds little: left alone, the
 * kernel begins only when a tenth of the memory is dirty or half a minute old, and a seed is neither.
 *
 * INVARIANT: a failure here is a failure of the staging. The kernel tells an error of writing back to one syncfs only, so the one
 * at the end would not hear of it again.
 */
export function writeBehind(host: Host, folder: string): { end(): Promise<void> } {
  const over = new AbortController();
  const writing = (async () => {
    while (await sleep(behindMs, true, { signal: over.signal }).catch(() => false)) await syncFolder(host, folder);
  })();
  writing.catch(() => undefined); // told by end()
  return {
    end: () => {
      over.abort();
      return writing;
    },
  };
}

async function syncFolder(host: Host, folder: string): Promise<void> {
  await host.run('sync', ['-f', folder], { onStop: 'finish', budgetMs: 20 * 60_000 });
}

/** Says, durably, that the staging is complete. One sync of the file system covers all that was unpacked. */
export async function finishStaging(host: Host, staging: Staging, digest: string): Promise<void> {
  await syncFolder(host, staging.folder);
  await host.writeFile(join(staging.folder, 'complete'), `${digest}\n`);
}
