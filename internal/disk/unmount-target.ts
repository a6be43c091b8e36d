import { realpath } from 'node:fs/promises';
import { Failure, messageOf } from '../errors/errors.ts';
import { exists } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { topMount } from './mounting.ts';
import type { Target } from './mount-target.ts';
import { usersBelow } from './mount-users.ts';
import type { Say } from './say.ts';

/**
 * Writes out and unmounts the target, and whatever others have mounted inside it, in the opposite order of mounting.
 * Nothing mounted is fine. Mounts of other disks at the same points are left alone.
 *
 * @throws Failure naming the processes that hold it
 */
export async function unmountTarget(host: Host, target: Target, say: Say): Promise<void> {
  const own = new Set(
    [target.rootPartition, target.bootPartition, target.containersPartition].flatMap(
      (partition) => partition?.device ?? [],
    ),
  );
  const shown = new Set<string>();
  for (const point of [target.containers, target.root]) {
    const top = await topMount(host, point);
    if (top !== undefined && own.has(top.device)) shown.add(top.target);
  }
  const mounts = await host.mounts();
  const all = mountsOnTop(
    mounts,
    mounts.filter((entry) => own.has(entry.device) && [...shown].some((point) => isBelow(entry.target, point))),
  );
  // One sync per file system, while every one of them is still mounted: a failing write-back is found before anything is taken apart.
  for (const device of own) {
    const mount = all.find((entry) => entry.device === device);
    if (mount !== undefined)
      await host.run('sync', ['--file-system', mount.target], { budgetMs: 1_800_000, onStop: 'finish' });
  }
  for (const mount of all.reverse()) await letGo(host, mount.target);
  const left = (await host.mounts()).filter((entry) => own.has(entry.device));
  if (left.length > 0)
    throw new Failure(
      `disk "${target.disk.name}" is still mounted at ${left.map((entry) => `"${entry.target}"`).join(', ')}`,
    );
  await host.run('blockdev', ['--flushbufs', target.disk.path], { budgetMs: 600_000, onStop: 'finish' });
  if (all.length > 0) say(`disk "${target.disk.name}" is written out and unmounted`);
}

/** These mounts and all that was mounted in or over them later, in mount order. What an earlier mount at the same point covers stays out. */
export function mountsOnTop<T extends { readonly target: string }>(table: readonly T[], own: readonly T[]): T[] {
  return table.filter((entry, index) =>
    own.some((mount) => table.indexOf(mount) <= index && isBelow(entry.target, mount.target)),
  );
}

/** True for the folder itself and everything in it. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** The path without links; itself when it does not exist. */
export async function realPathOf(path: string): Promise<string> {
  return (await exists(path)) ? realpath(path) : path;
}

/** Unmounts one mount point. @throws Failure naming the processes that use it */
export async function letGo(host: Host, mountPoint: string): Promise<void> {
  try {
    await host.unmount(mountPoint);
  } catch (error) {
    const users = await usersBelow(mountPoint);
    throw new Failure(`"${mountPoint}" cannot be unmounted`, {
      why: users.length === 0 ? messageOf(error) : `in use by ${users.slice(0, 5).join(', ')}`,
      next: 'end what uses it',
      cause: error,
    });
  }
}
