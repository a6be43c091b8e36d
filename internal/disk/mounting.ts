import { realpath } from 'node:fs/promises';
import { Failure } from '../errors/errors.ts';
import { exists } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import type { MountEntry } from '../host/mounts.ts';
import { partitionPath, type Partition } from './partitions.ts';
import type { Say } from './say.ts';

const mountBudgetMs = 600_000; // a journal is replayed here, and on a slow disk that takes its time

/**
 * Mounts a partition of the target. Already there is fine; another disk's file system there is not. What lies in memory only
 * (the tmpfs of a live system) is covered.
 */
export async function mountPartition(
  host: Host,
  partition: Partition,
  target: string,
  options: readonly string[] = [],
): Promise<void> {
  if (!(await exists(target))) await host.run('mkdir', ['-p', target]);
  const present = await topMount(host, target);
  if (present !== undefined && present.device === partition.device && present.root === '/') return;
  requireFreePoint(present, target);
  const path = partitionPath(partition);
  const type = await fileSystemType(host, path);
  // Every disk written from one image carries the same XFS UUID until its first boot; the kernel would refuse the second one.
  const all = [...options, ...(type === 'xfs' ? ['nouuid'] : [])];
  await host.run(
    'mount',
    [
      ...(type === undefined ? [] : ['-t', type]),
      ...(all.length === 0 ? [] : ['-o', all.join(',')]),
      '--',
      path,
      target,
    ],
    { budgetMs: mountBudgetMs },
  );
}

/**
 * Thaws a file system that was left frozen. OSTree freezes the boot file system for a moment, so that boot loaders find it without
 * replaying a journal. Killed in that moment with the guard that it starts, it leaves everyone who writes there waiting for ever,
 * signals or not.
 */
export async function thaw(host: Host, target: string, say: Say): Promise<void> {
  const { status } = await host.run('fsfreeze', ['--unfreeze', target], { okStatuses: [0, 1] });
  if (status === 0) say(`"${target}" was frozen: a program was killed that held it so; it is thawed`);
}

/** Mounts a folder a second time. Already there is fine. */
export async function bindFolder(
  host: Host,
  folder: string,
  device: string | undefined,
  target: string,
): Promise<void> {
  if (!(await exists(target))) await host.run('mkdir', ['-p', target]);
  const present = await topMount(host, target);
  if (present !== undefined && present.device === device && present.root !== '/') return;
  requireFreePoint(present, target);
  await host.run('mount', ['-o', 'bind', folder, target]);
}

/** The mount that is visible at a path, if the path is a mount point. */
export async function topMount(host: Host, path: string): Promise<MountEntry | undefined> {
  if (!(await exists(path))) return undefined;
  const real = await realpath(path); // /mnt is a link to /var/mnt on an OSTree system; the kernel's table has no links
  return (await host.mounts()).findLast((entry) => entry.target === real);
}

/** The type of the file system on a device, from the device itself; undefined when there is none. */
export async function fileSystemType(host: Host, path: string): Promise<string | undefined> {
  const result = await host.run('blkid', ['--probe', '--match-tag', 'TYPE', '--output', 'value', path], {
    okStatuses: [0, 2],
  });
  const type = result.stdout.trim();
  return type === '' ? undefined : type;
}

/** Device numbers with major 0 are file systems without a device; of those, only btrfs has a disk behind it. */
export function hasDevice(entry: MountEntry): boolean {
  return !entry.device.startsWith('0:') || entry.type === 'btrfs';
}

function requireFreePoint(present: MountEntry | undefined, target: string): void {
  if (present === undefined || !hasDevice(present)) return;
  throw new Failure(`"${present.source}" is mounted at "${target}", where the target belongs; unmount it`);
}
