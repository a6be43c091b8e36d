import { existsSync, mkdirSync, readdirSync, renameSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isPlain } from './repository-mode.ts';

/**
 * Moves a commit and the objects of its repository into the repository of the sysroot, on the same file system: one rename for what are
 * two links and two removals with `pullLocal`. Doing it again moves the rest.
 *
 * INVARIANTS
 * - The commit comes last: where it is, ostree takes for granted that all is there that it needs. What the repository never had is
 *   missed by the deployment, which opens every object.
 * - Until the commit is deployed nothing may prune the sysroot, because the objects have no second place.
 *
 * @returns false when the sysroot has no such commit then: there is none, or a repository keeps its objects in another way than as plain
 * files, and nothing was moved
 */
export async function moveObjects(sysroot: string, repository: string, commit: string): Promise<boolean> {
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
  for (const kind of ['commitmeta', 'commit']) {
    const path = objectPath(commit, kind);
    if (existsSync(join(repository, path)) && !existsSync(join(own, path)))
      renameSync(join(repository, path), join(own, path));
  }
  return existsSync(join(own, objectPath(commit, 'commit')));
}

const objectPath = (checksum: string, kind: string): string =>
  join('objects', checksum.slice(0, 2), `${checksum.slice(2)}.${kind}`);

function isMovable(entry: Dirent): boolean {
  return entry.isFile()
    ? /^[0-9a-f]{62}\.(?:file|dirtree|dirmeta)$/.test(entry.name)
    : entry.isSymbolicLink() && /^[0-9a-f]{62}\.file$/.test(entry.name);
}
