import { realpath } from 'node:fs/promises';
import { Failure, messageOf } from '../errors/errors.ts';
import { exists } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import type { MountEntry } from '../host/mounts.ts';
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
  const own = new Set([target.rootPartition, target.bootPartition, target.containersPartition].flatMap((partition) => partition?.device ?? []));
  const points: string[] = [];
  for (const point of [target.containers, target.root]) {
    const top = await topMount(host, point);
    if (top !== undefined && own.has(top.device)) points.push(top.target);
  }
  const all = await mountsBelow(host, points);
  // One sync per file system, while every one of them is still mounted: a failing write-back is found before anything is taken apart.
  for (const device of own) {
    const mount = all.find((entry) => entry.device === device);
    if (mount !== undefined) await host.run('sync', ['--file-system', mount.target], { budgetMs: 1_800_000, onStop: 'finish' });
  }
  for (const mount of all.reverse()) await letGo(host, mount.target);
  const left = (await host.mounts()).filter((entry) => own.has(entry.device));
  if (left.length > 0) throw new Failure(`disk "${target.disk.name}" is still mounted at ${left.map((entry) => `"${entry.target}"`).join(', ')}`);
  await host.run('blockdev', ['--flushbufs', target.disk.path], { budgetMs: 600_000, onStop: 'finish' });
  if (all.length > 0) say(`disk "${target.disk.name}" is written out and unmounted`);
}

/** Mounts at or below these points, in mount order. */
export async function mountsBelow(host: Host, points: readonly string[]): Promise<MountEntry[]> {
  return (await host.mounts()).filter((entry) => points.some((point) => isBelow(entry.target, point)));
}

/** True for the folder itself and everything in it. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** The path without links; itself when it does not exist. */
export async function realPathOf(path: string): Promise<string> {
  return await exists(path) ? realpath(path) : path;
}

/** Unmounts one mount point. @throws Failure naming the processes that use it */
export async function letGo(host: Host, mountPoint: string): Promise<void> {
  try {
    await host.unmount(mountPoint);
  } catch (error) {
    const users = await usersBelow(mountPoint);
    throw new Failure(`"${mountPoint}" cannot be unmounted`, {
      why: users.length === 0 ? messageOf(error) : `in use by ${users.slice(0, 5).join(', ')}`,
      next: 'end what uses it and start again',
      cause: error,
    });
  }
}
