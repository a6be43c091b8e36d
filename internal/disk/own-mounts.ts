import type { MountUse } from './kernel-state.ts';
import { isBelow, realPathOf } from './unmount-target.ts';

/** Where a run of ours mounts the target, without links. */
export type OwnFolders = { readonly root: string; readonly containers: string };

export async function ownFolders(
  own: OwnFolders = { root: '/mnt', containers: '/var/lib/containers' },
): Promise<OwnFolders> {
  return { root: await realPathOf(own.root), containers: await realPathOf(own.containers) };
}

/**
 * True for a mount that an earlier run of ours left. Container storage alone is no proof: a running node has it mounted at the
 * same place. We mount root first and unmount it last, so ours never stands without it.
 */
export function isOwnMount(mount: MountUse, mountsOfDisk: readonly MountUse[], own: OwnFolders): boolean {
  if (isBelow(mount.target, own.root)) return true;
  return isBelow(mount.target, own.containers) && mountsOfDisk.some((other) => other.target === own.root);
}
