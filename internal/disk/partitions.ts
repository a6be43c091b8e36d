import { z } from 'zod';
import { Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { readBlockDevices } from './block-devices.ts';
import type { DiskDescription } from './candidates.ts';

/** One partition of the table on the disk, joined with the kernel's node of the same number. */
export type Partition = {
  readonly number: number;
  readonly startSector: number;
  readonly sectors: number;
  readonly sizeBytes: number;
  /** Type: a GUID in upper case, or the hexadecimal code of a DOS table. */
  readonly type: string;
  /** GPT partition name; not the label of a file system. */
  readonly label?: string;
  /** PARTUUID in lower case. */
  readonly uuid?: string;
  /** Kernel node and number; absent while the kernel does not know the partition. */
  readonly path?: string;
  readonly device?: string;
};

/** The partition table of a disk. Sectors are logical sectors of the disk. */
export type PartitionTable = {
  readonly kind: string;
  readonly id?: string;
  readonly sectorBytes: number;
  /** First and last sector that a partition may use. */
  readonly firstSector: number;
  readonly lastSector: number;
  /** In order of number. */
  readonly partitions: readonly Partition[];
};

/** How to name a partition of the target. Several given must all hold. */
export type PartitionQuery = { readonly number?: number; readonly label?: string; readonly uuid?: string };

const sfdiskOutput = z.object({
  partitiontable: z.object({
    label: z.string(),
    id: z.string().optional(),
    firstlba: z.number().optional(),
    lastlba: z.number().optional(),
    sectorsize: z.number().optional(),
    partitions: z
      .array(
        z.object({
          node: z.string(),
          start: z.number(),
          size: z.number(),
          type: z.string(),
          uuid: z.string().optional(),
          name: z.string().optional(),
        }),
      )
      .optional(),
  }),
});

/**
 * Reads the table from the disk itself (not from the kernel's or udev's memory of it).
 * Undefined when the disk has none.
 */
export async function readTable(host: Host, disk: DiskDescription): Promise<PartitionTable | undefined> {
  const output = await askSfdisk(host, disk, '--json');
  if (output === undefined) return undefined;
  const { partitiontable: table } = sfdiskOutput.parse(JSON.parse(output));
  const nodes = [...(await readBlockDevices()).values()].filter((block) => block.partition?.disk === disk.device);
  const sectorBytes = table.sectorsize ?? disk.sectorBytes;
  const partitions = (table.partitions ?? []).map((entry): Partition => {
    const number = partitionNumber(disk, entry.node);
    const node = nodes.find((block) => block.partition?.number === number);
    return {
      number,
      startSector: entry.start,
      sectors: entry.size,
      sizeBytes: entry.size * sectorBytes,
      type: entry.type,
      ...(entry.name === undefined || entry.name === '' ? {} : { label: entry.name }),
      ...(entry.uuid === undefined ? {} : { uuid: entry.uuid.toLowerCase() }),
      ...(node === undefined ? {} : { path: node.path, device: node.device }),
    };
  });
  return {
    kind: table.label,
    ...(table.id === undefined ? {} : { id: table.id.toLowerCase() }),
    sectorBytes,
    firstSector: table.firstlba ?? 1,
    lastSector:
      table.label === 'gpt'
        ? lastUsableSector(disk.sizeBytes, sectorBytes)
        : Math.floor(disk.sizeBytes / sectorBytes) - 1,
    partitions: partitions.sort((a, b) => a.number - b.number),
  };
}

/**
 * The last sector that a GPT leaves free: behind it lie 16 KiB of entries and the header. Not the `lastlba` of the table,
 * because an image made for a smaller disk names its own end; sfdisk moves the backup table to the disk's end when it writes.
 */
function lastUsableSector(sizeBytes: number, sectorBytes: number): number {
  return Math.floor(sizeBytes / sectorBytes) - 1 - Math.ceil(16_384 / sectorBytes) - 1;
}

/** The table as text that `sfdisk` can read back; undefined when the disk has none. */
export async function dumpTable(host: Host, disk: DiskDescription): Promise<string | undefined> {
  return askSfdisk(host, disk, '--dump');
}

/** The one partition that fits; on the target only, so a label that another disk carries as well does not matter. */
export function findPartition(
  table: PartitionTable | undefined,
  query: PartitionQuery,
  diskName = 'target',
): Partition {
  const found = matching(table, query);
  const [partition, second] = found;
  const shown = showQuery(query);
  if (partition === undefined)
    throw new Failure(`disk "${diskName}" has no partition ${shown}`, { why: showPartitions(table) });
  if (second !== undefined)
    throw new Failure(`disk "${diskName}" has ${found.length} partitions ${shown}`, { why: showPartitions(table) });
  return partition;
}

/** True when at least one partition fits. */
export function hasPartition(table: PartitionTable | undefined, query: PartitionQuery): boolean {
  return matching(table, query).length > 0;
}

/** The kernel node of a partition. */
export function partitionPath(partition: Partition): string {
  if (partition.path === undefined)
    throw new Failure(`the kernel does not show partition ${partition.number}, which is in the table of the disk`);
  return partition.path;
}

function matching(table: PartitionTable | undefined, query: PartitionQuery): Partition[] {
  return (table?.partitions ?? []).filter(
    (partition) =>
      (query.number === undefined || partition.number === query.number) &&
      (query.label === undefined || partition.label === query.label) &&
      (query.uuid === undefined || partition.uuid === query.uuid.toLowerCase()),
  );
}

function showQuery({ number, label, uuid }: PartitionQuery): string {
  const parts = [
    ...(number === undefined ? [] : [`with number ${number}`]),
    ...(label === undefined ? [] : [`labelled "${label}"`]),
    ...(uuid === undefined ? [] : [`with PARTUUID ${uuid}`]),
  ];
  return parts.join(' and ');
}

/** "1 BIOS-BOOT, 2 EFI-SYSTEM, 3 boot, 4 root". */
export function showPartitions(table: PartitionTable | undefined): string {
  if (table === undefined) return 'it has no partition table';
  if (table.partitions.length === 0) return 'its partition table is empty';
  return `its partitions are ${table.partitions.map(({ number, label }) => (label === undefined ? String(number) : `${number} "${label}"`)).join(', ')}`;
}

/**
 * sfdisk tells the number only as the tail of a name it made from the path we gave: the path, a "p" after a digit, the number. Of a map's
 * number it makes the map's name, and it drops a "disc" at the end (a custom of devfs).
 */
function partitionNumber(disk: DiskDescription, node: string): number {
  for (const start of [disk.path, ...(disk.paths === undefined ? [] : [`/dev/mapper/${disk.name}`])])
    for (const prefix of [start, start.replace(/disc$/, '')]) {
      const tail = node.startsWith(prefix) ? /^(?:p|-part)?(\d+)$/.exec(node.slice(prefix.length)) : null;
      if (tail?.[1] !== undefined) return Number(tail[1]);
    }
  throw new Failure(`sfdisk names a partition "${node}" that does not belong to "${disk.path}"`);
}

/** The kernel rereads no table of a multipath device; sfdisk would ask it to. */
export function sfdiskFlags(disk: DiskDescription): string[] {
  return disk.paths === undefined ? [] : ['--no-reread', '--no-tell-kernel'];
}

async function askSfdisk(host: Host, disk: DiskDescription, question: string): Promise<string | undefined> {
  const result = await host.run('sfdisk', [question, disk.path], { okStatuses: [0, 1] });
  if (result.status === 0) return result.stdout;
  if (/does not contain a recognized partition table/.test(result.stderr)) return undefined;
  throw new Failure(`the partition table of disk "${disk.name}" cannot be read`, { why: result.stderr.trim() });
}
