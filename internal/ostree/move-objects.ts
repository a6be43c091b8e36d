import { existsSync, mkdirSync, readdirSync, renameSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isPlain } from './repository-mode.ts';

/**
 * Moves commits and the objects of their repository into the repository of the sysroot, on the same file system: one rename for what are
 * two links and two removals with `pullLocal`. Doing it again moves the rest.
 *
 * INVARIANTS
 * - Commits come last: where one is, ostree takes for granted all is there that it needs. What the repository never had is
 *   missed by the deployment, which opens every object.
 * - What is noted and signed beside a commit may change with time: the seed's takes the place of the disk's, as for ostree.
 * - Until the commit is deployed nothing may prune the sysroot, because the objects have no second place.
 *
 * @returns false when a repository keeps its objects in another way than as plain files; nothing was moved
 */
export async function moveObjects(sysroot: string, repository: string, commits: readonly string[]): Promise<boolean> {
  const own = join(sysroot, 'ostree/repo');
  if (!(await isPlain(own)) || !(await isPlain(repository))) return false;
  for (const folder of readdirSync(join(repository, 'objects'), { withFileTypes: true })) {
    if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) continue;
    const from = join(repository, 'objects', folder.name);
    const to = join(own, 'objects', folder.name);
    mkdirSync(to, { recursive: true });
    const there = new Set(readdirSync(to));
    for (const { name } of readdirSync(from, { withFileTypes: true }).filter(isMovable))
      if (!there.has(name)) renameSync(join(from, name), join(to, name));
    await nextTurn();
  }
  for (const commit of commits) {
    const [path, mark] = [objectPath(commit, 'commit'), join('state', `${commit}.commitpartial`)];
    const isNew = !existsSync(join(own, path));
    // Without the mark of a commit that the seed itself has a part of only, the rest would count as lost.
    const parts = [...(isNew ? [mark] : []), objectPath(commit, 'commitmeta'), ...(isNew ? [path] : [])];
    for (const part of parts)
      if (existsSync(join(repository, part))) renameSync(join(repository, part), join(own, part));
  }
  return true;
}

/** True when a repository has this commit; its file stands at the same place in every mode. */
export function hasCommit(repository: string, commit: string): boolean {
  return existsSync(join(repository, objectPath(commit, 'commit')));
}

const objectPath = (checksum: string, kind: string): string =>
  join('objects', checksum.slice(0, 2), `${checksum.slice(2)}.${kind}`);

function isMovable(entry: Dirent): boolean {
  return entry.isFile()
    ? /^[0-9a-f]{62}\.(?:file|dirtree|dirmeta)$/.test(entry.name)
    : entry.isSymbolicLink() && /^[0-9a-f]{62}\.file$/.test(entry.name);
}
