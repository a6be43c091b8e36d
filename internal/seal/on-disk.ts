import {
  findPartition,
  hasPartition,
  lookInto,
  mountPartition,
  readTable,
  type Disk,
  type Partition,
} from '../disk/disk.ts';
import type { Host } from '../host/host.ts';
import { readRecord, readRecordBeforeReplay, writeFirstRecord, writeRecord, type InstallRecord } from './record.ts';

/**
 * Reads the install record of a disk without changing a byte of it: from where its root is mounted, or by a read-only look.
 * Anything that cannot be looked into has no record of ours.
 *
 * @param runFolder a folder in memory for the mount point
 */
export async function recordOnDisk(host: Host, disk: Disk, runFolder: string): Promise<InstallRecord | undefined> {
  const partition = await rootPartition(host, disk);
  if (partition === undefined) return undefined;
  const mounted = (await host.mounts()).find((entry) => entry.device === partition.device && entry.root === '/');
  if (mounted !== undefined) return readRecord(mounted.target);
  try {
    await using look = await lookInto(host, partition, runFolder);
    return await readRecordBeforeReplay(look.path);
  } catch {
    return undefined;
  }
}

/** Writes the record to a disk whose root is not mounted, and unmounts again: the record is on stable storage afterwards. */
export async function signDisk(
  host: Host,
  disk: Disk,
  mountPoint: string,
  make: () => Promise<InstallRecord>,
): Promise<void> {
  const partition = findPartition(await readTable(host, disk), { label: 'root' }, disk.name);
  await mountPartition(host, partition, mountPoint);
  try {
    const record = await make();
    // The seal must not replace the first record: a power cut in that moment would hide both.
    await (record.state === 'open' ? writeFirstRecord : writeRecord)(host, mountPoint, record);
  } finally {
    await host.unmount(mountPoint);
  }
}

async function rootPartition(host: Host, disk: Disk): Promise<Partition | undefined> {
  const table = await readTable(host, disk).catch(() => undefined);
  return table !== undefined && hasPartition(table, { label: 'root' })
    ? findPartition(table, { label: 'root' })
    : undefined;
}
