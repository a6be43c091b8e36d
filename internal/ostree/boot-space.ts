import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { sizeText } from '../log/progress.ts';

/** ostree writes a boot entry and needs room to swap its folder; a megabyte is plenty. */
const slackBytes = 1_000_000;

/**
 * Sees that kernel and initramfs of a commit fit on the boot file system beside what is there, before a deployment fails half-way
 * with a full `/boot`.
 *
 * @returns the need in one sentence
 * @throws Failure naming need and free space
 */
export async function requireBootSpace(host: Host, sysroot: string, commit: string): Promise<string> {
  const listing = await host.text('ostree', ['ls', '--repo', join(sysroot, 'ostree/repo'), '-R', commit, '/usr/lib/modules']);
  const needBytes = bootFileBytes(listing);
  const { bavail, bsize } = await statfs(join(sysroot, 'boot'));
  if (needBytes + slackBytes > bavail * bsize) {
    throw new Failure(`kernel and initramfs of the seed need ${sizeText(needBytes)}, the boot file system has ${sizeText(bavail * bsize)} free`, { next: 'take an operating system image with a larger boot partition' });
  }
  return `kernel and initramfs need ${sizeText(needBytes)} of ${sizeText(bavail * bsize)} free on the boot file system`;
}

/** Sums the kernel and initramfs files of a recursive `ostree ls`: mode, owner, group, size, path. */
export function bootFileBytes(listing: string): number {
  return [...listing.matchAll(/^-\S+\s+\S+\s+\S+\s+(\d+)\s+\/usr\/lib\/modules\/[^/]+\/(?:vmlinuz|initramfs\.img|devicetree)$/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
}
