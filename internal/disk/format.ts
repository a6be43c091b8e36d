import { open } from 'node:fs/promises';
import { Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import type { Disk } from './identity.ts';
import { findPartition, partitionPath, readTable, type Partition } from './partitions.ts';
import type { Say } from './say.ts';

/**
 * Makes the XFS file system of container storage.
 *
 * INVARIANTS
 * - Only a partition that carries our own PARTUUID on the disk (read again here) is formatted: what existed before the run has another.
 * - A file system with our UUID that mkfs finished is kept: a rerun does not throw away finished downloads.
 */
export async function formatPartition(
  host: Host,
  disk: Disk,
  partition: Partition,
  uuids: { partUuid: string; fsUuid: string },
  say: Say,
): Promise<void> {
  const own = findPartition(await readTable(host, disk), { uuid: uuids.partUuid }, disk.name);
  if (own.number !== partition.number || own.startSector !== partition.startSector) {
    throw new Failure(
      `partition ${partition.number} of disk "${disk.name}" is not the one this installation made, and is left alone`,
    );
  }
  const path = partitionPath(own);
  if (await isFormatted(path, uuids.fsUuid)) {
    say(`partition ${own.number} of disk "${disk.name}" holds its file system already`);
    return;
  }
  await host.run('mkfs.xfs', ['-f', '-m', `uuid=${uuids.fsUuid}`, path], { budgetMs: 600_000 });
  if (!(await isFormatted(path, uuids.fsUuid)))
    throw new Failure(`mkfs.xfs reported success, and "${path}" holds no finished XFS file system`);
  say(`partition ${own.number} of disk "${disk.name}" is formatted: XFS`);
}

/** True when a finished XFS file system with this UUID is there. mkfs.xfs writes its mark first and clears "in progress" last. */
export async function isFormatted(path: string, fsUuid: string): Promise<boolean> {
  const device = await open(path, 'r');
  try {
    const superblock = Buffer.alloc(512);
    await device.read(superblock, 0, 512, 0);
    return (
      superblock.toString('latin1', 0, 4) === 'XFSB' &&
      superblock.toString('hex', 32, 48) === fsUuid.replaceAll('-', '').toLowerCase() &&
      superblock[126] === 0
    ); // sb_inprogress
  } finally {
    await device.close();
  }
}
