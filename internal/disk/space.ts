import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isNotFound } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import type { MountEntry } from '../host/mounts.ts';
import { readBlockDevices } from './block-devices.ts';
import { showBytes } from './sizes.ts';
import { isBelow, realPathOf } from './unmount-target.ts';

export type Space = { readonly totalBytes: number; readonly freeBytes: number; readonly freeFiles: number };

/** One thing that will be put on a file system. */
export type Need = { readonly what: string; readonly bytes: number };

/** Space of the file system that holds this path; the path itself need not exist yet. */
export async function spaceOf(path: string): Promise<Space> {
  try {
    const found = await statfs(path);
    return { totalBytes: found.blocks * found.bsize, freeBytes: found.bavail * found.bsize, freeFiles: found.ffree };
  } catch (error) {
    if (isNotFound(error) && path !== '/') return spaceOf(dirname(path));
    throw error;
  }
}

/** What does not fit, as sentences; empty when all fits. `where` names the file system for people. */
export function missingSpace(where: string, needs: readonly Need[], space: Pick<Space, 'freeBytes'>): string[] {
  const needed = needs.reduce((sum, need) => sum + need.bytes, 0);
  if (needed <= space.freeBytes) return [];
  const parts = needs.map((need) => `${need.what} ${showBytes(need.bytes)}`).join(', ');
  return [
    `${where} has ${showBytes(space.freeBytes)} free, and ${showBytes(needed)} are needed (${parts}); ${showBytes(needed - space.freeBytes)} are missing`,
  ];
}

/**
 * Why a path is memory and not a disk ("tmpfs at "/var""), or undefined when a disk is behind it. An overlay is what its upper
 * folder is, a loop device what its file is: the live system's /var is an XFS in a file in a tmpfs.
 */
export async function memoryBacked(host: Host, path: string): Promise<string | undefined> {
  const real = await realPathOf(await existingAncestor(path));
  const mount = mountOf(real, await host.mounts());
  if (mount === undefined) return undefined;
  if (['tmpfs', 'ramfs', 'devtmpfs', 'rootfs'].includes(mount.type)) return `${mount.type} at "${mount.target}"`;
  if (/^\/dev\/z?ram/.test(mount.source)) return `${mount.source} at "${mount.target}"`;
  const behind =
    mount.type === 'overlay'
      ? mount.superOptions.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length)
      : (await readBlockDevices()).get(mount.device)?.loop?.file;
  // An overlay's own mount may hide its upper folder; then nothing can be told, and free space decides.
  if (
    behind === undefined ||
    mountOf(behind, await host.mounts()) === undefined ||
    mountOf(behind, await host.mounts())?.target === mount.target
  )
    return undefined;
  const below = await memoryBacked(host, behind);
  return below === undefined ? undefined : `${mount.type} at "${mount.target}" over ${below}`;
}

/** The mount that a path without links lies on: the longest mount point, and of equal ones the last. */
function mountOf(path: string, mounts: readonly MountEntry[]): MountEntry | undefined {
  return mounts
    .filter((entry) => isBelow(path, entry.target))
    .reduce<MountEntry | undefined>(
      (best, entry) => (best === undefined || entry.target.length >= best.target.length ? entry : best),
      undefined,
    );
}

async function existingAncestor(path: string): Promise<string> {
  try {
    await statfs(path);
    return path;
  } catch (error) {
    if (isNotFound(error) && path !== '/') return existingAncestor(dirname(path));
    throw error;
  }
}
