import { Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import type { Disk } from './identity.ts';
import { topMount } from './mounting.ts';
import { findPartition, readTable, type Partition } from './partitions.ts';
import type { Say } from './say.ts';
import { settle } from './settle.ts';
import { showBytes } from './sizes.ts';

/** Grows the partition labelled "root" up to its next neighbour. Nothing to grow is fine. */
export async function growRoot(host: Host, disk: Disk, say: Say): Promise<Partition> {
  const before = findPartition(await readTable(host, disk), { label: 'root' }, disk.name);
  // growpart has one status for "nothing to do" and for several failures; its word tells them apart
  const result = await host.run('growpart', [disk.path, String(before.number)], {
    okStatuses: [0, 1],
    onStop: 'finish',
  });
  if (result.status === 1 && !result.stdout.includes('NOCHANGE:')) {
    throw new Failure(`the root partition of disk "${disk.name}" could not be grown`, {
      why: `${result.stdout}${result.stderr}`.trim().split('\n').slice(-4).join('\n'),
    });
  }
  await settle(host, disk);
  const after = findPartition(await readTable(host, disk), { label: 'root' }, disk.name);
  if (after.startSector !== before.startSector || after.sectors < before.sectors)
    throw new Failure(`growpart moved or shrank the root partition of disk "${disk.name}"`);
  say(
    after.sectors === before.sectors
      ? `root partition ${after.number} of disk "${disk.name}" has its full size: ${showBytes(after.sizeBytes)}`
      : `root partition ${after.number} of disk "${disk.name}" grown from ${showBytes(before.sizeBytes)} to ${showBytes(after.sizeBytes)}`,
  );
  return after;
}

/** Grows the mounted file system to the size of its partition. Nothing to grow is fine. */
export async function growFileSystem(host: Host, mountPoint: string, say: Say): Promise<void> {
  const mount = await topMount(host, mountPoint); // /mnt may be a link, and these programs look for the mount point itself
  if (mount === undefined) throw new Failure(`nothing is mounted at "${mountPoint}"`);
  switch (mount.type) {
    case 'xfs':
      await host.run('xfs_growfs', [mount.target], { budgetMs: 300_000, onStop: 'finish' });
      break;
    case 'ext4':
      await host.run('resize2fs', [mount.source], { budgetMs: 300_000, onStop: 'finish' });
      break;
    default:
      throw new Failure(
        `the root file system at "${mountPoint}" is of type "${mount.type}", which cannot be grown here`,
      );
  }
  say(`file system at "${mountPoint}" fills its partition`);
}
