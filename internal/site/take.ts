import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../errors/errors.ts';
import { syncFolder } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { removeTree } from '../host/remove.ts';
import type { SitePlaces } from './places.ts';
import { treeDigest } from './tree.ts';

/** What a medium must not bring: markers would make the host believe that work is done. */
const isForeign = (name: string): boolean => name.endsWith('.done') || name.startsWith('.') || name === 'lost+found';

/** What counts of a medium: its files but for those that are not taken. */
export const mediumDigest = (folder: string): string =>
  treeDigest(folder, (path) => path.includes('/') || !isForeign(path));

/** What was made of an earlier site config, and must be made again from another one. */
const madeOfSite: readonly string[] = [
  'setSSHKey.done',
  'pull-secret.done',
  'apply-static-network.done',
  'nmstate.yaml',
  'kubeconfig-crypto',
  'recert_config.json',
];

/**
 * Copies a site config into the working folder.
 *
 * INVARIANT: `cluster-configuration` appears last and is removed first, so that whoever finds it finds all of the config. A copy that a power
 * cut left half done is never taken for one.
 *
 * @returns the digest of what was taken
 * @throws Failure when the copy differs from the medium
 */
export async function takeSite(
  host: Host,
  from: string,
  places: SitePlaces,
  say: (fact: string) => void,
): Promise<string> {
  const staging = join(places.work, '.taking');
  await mkdir(places.work, { recursive: true, mode: 0o700 });
  await removeTree(host, staging);
  await mkdir(staging, { mode: 0o700 });
  const names = await readdir(from);
  for (const name of names.filter(isForeign)) say(`"${name}" of the medium is not taken`);
  const taken = names.filter((name) => !isForeign(name));
  try {
    for (const name of taken)
      await cp(join(from, name), join(staging, name), { recursive: true, verbatimSymlinks: true });
  } catch (error) {
    throw new Failure('the config medium cannot be copied', {
      why: messageOf(error),
      next: 'attach the config ISO again, or another copy of it',
      transient: true,
      cause: error,
    });
  }
  const [digest, copied] = [mediumDigest(from), mediumDigest(staging)];
  if (digest !== copied)
    throw new Failure('the copy of the config medium differs from it', {
      why: 'the medium changed, or was read wrongly',
      next: 'attach the config ISO again, or another copy of it',
      transient: true,
    });
  // An ISO may say that nobody writes here; the host's own programs do.
  await host.run('chmod', ['-R', 'u+rwX', staging]);
  await mkdir(join(staging, 'cluster-configuration/manifests'), { recursive: true });
  await host.run('sync', ['--file-system', staging], { onStop: 'finish', budgetMs: 10 * 60_000 });
  await removeTree(host, places.configuration);
  await syncFolder(places.work);
  for (const name of madeOfSite) await rm(join(places.work, name), { recursive: true, force: true });
  const inOrder = taken.toSorted(
    (one, other) => Number(one === 'cluster-configuration') - Number(other === 'cluster-configuration'),
  );
  for (const name of inOrder) {
    await removeTree(host, join(places.work, name));
    await syncFolder(places.work);
    await rename(join(staging, name), join(places.work, name));
  }
  await removeTree(host, staging);
  await syncFolder(places.work);
  return digest;
}

const ours: ReadonlySet<string> = new Set([
  ...madeOfSite,
  'cluster-configuration/manifests/99-master-ssh.json',
  'cluster-configuration/manifests/99-worker-ssh.json',
]);

/** Names the config that stands in the working folder, without what we have made there ourselves; undefined when none does. */
export function takenDigest(places: SitePlaces): string | undefined {
  if (!existsSync(places.configuration)) return undefined;
  return treeDigest(places.work, (path) => !ours.has(path) && (path.includes('/') || !isForeign(path)));
}
