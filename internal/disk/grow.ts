import { Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import type { Disk } from './identity.ts';
import { topMount } from './mounting.ts';
import { dumpTable, findPartition, readTable, sfdiskFlags, type Partition, type PartitionTable } from './partitions.ts';
import type { Say } from './say.ts';
import { settle } from './settle.ts';
import { showBytes } from './sizes.ts';

/** Grows the partition labelled "root" up to its next neighbour. Nothing to grow is fine. */
export async function growRoot(host: Host, disk: Disk, say: Say): Promise<Partition> {
  const table = await readTable(host, disk);
  const before = findPartition(table, { label: 'root' }, disk.name);
  await (disk.paths === undefined ? growByGrowpart(host, disk, before) : growBySfdisk(host, disk, before, table));
  await settle(host, disk);
  const after = findPartition(await readTable(host, disk), { label: 'root' }, disk.name);
  if (after.startSector !== before.startSector || after.sectors < before.sectors)
    throw new Failure(`growing moved or shrank the root partition of disk "${disk.name}"`);
  say(
    after.sectors === before.sectors
      ? `root partition ${after.number} of disk "${disk.name}" has its full size: ${showBytes(after.sizeBytes)}`
      : `root partition ${after.number} of disk "${disk.name}" grown from ${showBytes(before.sizeBytes)} to ${showBytes(after.sizeBytes)}`,
  );
  return after;
}

async function growByGrowpart(host: Host, disk: Disk, before: Partition): Promise<void> {
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
}

/**
 * What growpart does, for a multipath device, which growpart does not know (multipath/growpart): the whole table is written again with
 * another size of root, and without the end that an image for a smaller disk names. A gain of less than a MiB is left alone.
 */
export async function growBySfdisk(
  host: Host,
  disk: Disk,
  root: Partition,
  table: PartitionTable | undefined,
): Promise<void> {
  const end = root.startSector + root.sectors;
  const partitions = table?.partitions ?? [];
  const limit = Math.min(
    (table?.lastSector ?? 0) + 1,
    ...partitions.map(({ startSector }) => startSector).filter((start) => start >= end),
  );
  if ((limit - end) * disk.sectorBytes < 1024 * 1024) return;
  // nodes are named by number: of "mpath14" sfdisk would read partition 14
  const script = ((await dumpTable(host, disk)) ?? '')
    .split('\n')
    .filter((line) => !line.startsWith('last-lba:'))
    .map((line) => {
      const [, values = '', start] = /^\S.* : (start= *(\d+),.*)$/.exec(line) ?? [];
      const partition = partitions.find(({ startSector }) => String(startSector) === start);
      if (partition === undefined) return line;
      const sectors = partition.number === root.number ? limit - root.startSector : partition.sectors;
      return `${partition.number} : ${values.replace(/\bsize= *\d+/, `size=${sectors}`)}`;
    });
  const flags = ['--quiet', ...sfdiskFlags(disk), '--wipe', 'never', '--wipe-partitions', 'never'];
  await host.run('sfdisk', [...flags, disk.path], { input: script.join('\n'), onStop: 'finish' });
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
