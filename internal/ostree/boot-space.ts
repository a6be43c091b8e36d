import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { sizeText } from '../log/progress.ts';

/** ostree writes a boot entry and needs room to swap its folder; a megabyte is plenty. */
const slackBytes = 1_000_000;

/**
 * What kernel and initramfs of a commit take on the boot file system.
 * @throws Failure naming the commit when the repository does not hold it
 */
export async function bootBytesOf(host: Host, repository: string, commit: string): Promise<number> {
  try {
    return bootFileBytes(await host.text('ostree', ['ls', '--repo', repository, '-R', commit, '/usr/lib/modules']));
  } catch (error) {
    if (!(error instanceof CommandError) || error.end.kind !== 'exit') throw error;
    throw new Failure(`the repository "${repository}" holds no commit "${commit}" with a kernel`, {
      why: error.stderrTail.split('\n').at(-1) ?? '',
      cause: error,
    });
  }
}

/**
 * Sees that kernel and initramfs fit on the boot file system beside what is there, before a deployment fails half-way with a full `/boot`.
 *
 * @returns the need in one sentence
 * @throws Failure naming need and free space
 */
export async function requireBootSpace(sysroot: string, needBytes: number): Promise<string> {
  const { bavail, bsize } = await statfs(join(sysroot, 'boot'));
  if (needBytes + slackBytes > bavail * bsize) {
    throw new Failure(
      `kernel and initramfs of the seed need ${sizeText(needBytes)}, the boot file system has ${sizeText(bavail * bsize)} free`,
      { next: 'take an operating system image with a larger boot partition' },
    );
  }
  return `kernel and initramfs need ${sizeText(needBytes)} of ${sizeText(bavail * bsize)} free on the boot file system`;
}

/** Sums the kernel and initramfs files of a recursive `ostree ls`: mode, owner, group, size, path. */
export function bootFileBytes(listing: string): number {
  return [
    ...listing.matchAll(
      /^-\S+\s+\S+\s+\S+\s+(\d+)\s+\/usr\/lib\/modules\/[^/]+\/(?:vmlinuz|initramfs\.img|devicetree)$/gm,
    ),
  ].reduce((sum, match) => sum + Number(match[1]), 0);
}
