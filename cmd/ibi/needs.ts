import type { IbiConfig } from '../../internal/config/ibi-config.ts';
import { Failure } from '../../internal/errors/errors.ts';
import { sizeText } from '../../internal/log/progress.ts';

/** Smaller than the operating system image plus a boot; a seed needs more, which `requireRoom` knows. */
export const leastDiskBytes = 2e9;

/** The programs that an installation starts, with their purpose. Checked before the disk is touched. */
export function neededPrograms(config: IbiConfig): Record<string, string> {
  return {
    'coreos-installer': 'writes the operating system image',
    lsblk: 'util-linux, finds disks',
    blkid: 'util-linux, recognises file systems',
    sfdisk: 'util-linux, partitions',
    blockdev: 'util-linux, rereads partition tables',
    wipefs: 'util-linux, wipes signatures',
    mount: 'util-linux, mounts',
    umount: 'util-linux, unmounts',
    fsfreeze: 'util-linux, thaws a boot file system that was left frozen',
    sync: 'coreutils, brings data to stable storage',
    growpart: 'cloud-utils-growpart, grows the root partition',
    xfs_growfs: 'xfsprogs, grows the root file system',
    ...(config.useContainersFolder
      ? { chattr: 'e2fsprogs, opens the immutable root folder' }
      : { 'mkfs.xfs': 'xfsprogs, formats container storage' }),
    ostree: 'deploys the seed',
    mkfifo: 'coreutils, makes the pipe that tar reads',
    tar: 'unpacks the seed',
    ...(config.precacheDisabled ? {} : { podman: 'pulls images' }),
    ...(config.shutdown ? { shutdown: 'systemd, powers off' } : {}),
  };
}

/** Inside archives of a layer is text and code that was compressed once: it grows by about this factor. */
const inflation = 3;

/**
 * Holds the seed's size against the disk before the disk is erased. Sizes are estimates from what the registry says, so
 * only the impossible is refused.
 *
 * @throws Failure when the compressed seed alone does not fit
 */
export function requireRoom({
  seedBytes,
  rootEndsAtBytes,
  diskBytes,
}: {
  seedBytes: number;
  rootEndsAtBytes: number;
  diskBytes: number;
}): string[] {
  const end = Math.min(rootEndsAtBytes, diskBytes);
  if (end < leastDiskBytes)
    throw new Failure(
      `the extra partition would begin at ${sizeText(end)}, ${sizeText(leastDiskBytes)} before it are needed for the operating system`,
      { next: 'correct extraPartitionStart or take a larger disk' },
    );
  if (seedBytes > end)
    throw new Failure(
      `the seed has ${sizeText(seedBytes)}, ${sizeText(end)} of the disk are for the operating system`,
      { next: 'correct extraPartitionStart or take a larger disk' },
    );
  const need = seedBytes * inflation;
  return [
    `${sizeText(end)} for the operating system, the seed will take about ${sizeText(need)} of it${need > end ? '; it may not fit' : ''}`,
  ];
}
