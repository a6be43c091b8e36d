import { createHash } from 'node:crypto';
import { Failure, UsageError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { confirmDisk, type Disk } from './identity.ts';
import {
  findPartition,
  hasPartition,
  readTable,
  sfdiskFlags,
  showPartitions,
  type Partition,
  type PartitionTable,
} from './partitions.ts';
import type { Say } from './say.ts';
import { settle } from './settle.ts';
import { showBytes } from './sizes.ts';
import { freeSpaces, startSector, type Start } from './start.ts';

export type ExtraPartition = {
  readonly start: Start;
  /** GPT partition name, at most 36 characters. */
  readonly label: string;
  /** Wished number; another one is taken, and said, when it is in use. */
  readonly number?: number;
  /** How a later run knows the partition as its own. */
  readonly partUuid: string;
};

/** A UUID that the same installation always gets for the same purpose (RFC 9562, version 8: our own digest). */
export function derivedUuid(installId: string, purpose: string): string {
  const hex = createHash('sha256').update(`${purpose}\n${installId}`).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Adds the partition for container storage: from its start to the end of the free space there. A partition that already carries
 * our PARTUUID is the result of an earlier run and is taken as it is.
 *
 * @throws Failure when the label is taken by another partition, or the start lies in no free space
 */
export async function addPartition(host: Host, disk: Disk, wish: ExtraPartition, say: Say): Promise<Partition> {
  requireName(wish.label);
  await confirmDisk(host, disk);
  const table = await readTable(host, disk);
  if (table?.kind !== 'gpt')
    throw new Failure(`disk "${disk.name}" has no GPT to add a partition to`, {
      why: table === undefined ? showPartitions(table) : `its table is of type "${table.kind}"`,
    });
  if (hasPartition(table, { uuid: wish.partUuid })) {
    await settle(host, disk);
    const own = findPartition(await readTable(host, disk), { uuid: wish.partUuid }, disk.name);
    say(`partition ${own.number} "${own.label ?? ''}" of disk "${disk.name}" is there already: ${describeExtent(own)}`);
    return own;
  }
  if (hasPartition(table, { label: wish.label })) {
    throw new Failure(
      `disk "${disk.name}" already has a partition labelled "${wish.label}", which this installation did not make; choose another extraPartitionLabel`,
      { why: showPartitions(table) },
    );
  }
  const sector = startSector(wish.start, disk, table);
  requireFree(disk, table, wish.start, sector);
  const number = freeNumber(table, wish.number, say);
  // The new partition's first bytes may still show what lay there under an older table, and udev would act on it: wipe those, and only those.
  // (The number stands in the script and not behind -N: that ignores both the number of a new partition and the wish to wipe it.)
  await host.run('sfdisk', ['--append', ...sfdiskFlags(disk), '--wipe-partitions', 'always', disk.path], {
    input: `${number} : start=${scriptStart(wish.start, sector)}, name="${wish.label}", uuid=${wish.partUuid}\n`,
    onStop: 'finish',
  });
  await settle(host, disk);
  const made = findPartition(await readTable(host, disk), { uuid: wish.partUuid, label: wish.label }, disk.name);
  say(
    `partition ${made.number} "${wish.label}" made on disk "${disk.name}": start "${wish.start.text}" is sector ${made.startSector}, ${describeExtent(made)}`,
  );
  return made;
}

/** What was said from the beginning is sfdisk's to read, as in the reference: it makes another sector of "4.3G" than arithmetic does. */
function scriptStart(start: Start, sector: number): string {
  return start.from === 'beginning' ? start.text.replace(/\s/g, '') : String(sector);
}

function freeNumber(table: PartitionTable, wished: number | undefined, say: Say): number {
  const taken = new Map(table.partitions.map((partition) => [partition.number, partition.label ?? '']));
  let lowest = 1;
  while (taken.has(lowest)) lowest += 1;
  if (wished === undefined || wished < 1) return lowest;
  const label = taken.get(wished);
  if (label === undefined) return wished;
  say(`partition number ${wished} is taken${label === '' ? '' : ` by "${label}"`}; number ${lowest} is used`);
  return lowest;
}

function requireFree(disk: Disk, table: PartitionTable, start: Start, sector: number): void {
  if (freeSpaces(table).some((space) => sector >= space.startSector && sector < space.startSector + space.sectors))
    return;
  const owner = table.partitions.find(
    (partition) => sector >= partition.startSector && sector < partition.startSector + partition.sectors,
  );
  const where =
    owner === undefined
      ? `outside the sectors ${table.firstSector} to ${table.lastSector} that a partition may use`
      : `inside partition ${owner.number} "${owner.label ?? ''}" (${describeExtent(owner)})`;
  throw new Failure(
    `extraPartitionStart "${start.text}" is sector ${sector} of disk "${disk.name}", which lies ${where}; choose a start in free space`,
    { why: `${showBytes(disk.sizeBytes)}; ${showPartitions(table)}` },
  );
}

function requireName(label: string): void {
  // sfdisk reads its script line by line and its values in double quotes; GPT has room for 36 UTF-16 units
  if (label.length > 36)
    throw new UsageError(
      `extraPartitionLabel "${label}" has ${label.length} characters, and a GPT partition name takes 36`,
    );
  if (label === '' || /["\\\p{Cc}]/u.test(label))
    throw new UsageError(`extraPartitionLabel "${label}" is empty or holds quotes, backslashes or control characters`);
}

function describeExtent(partition: Partition): string {
  return `sectors ${partition.startSector} to ${partition.startSector + partition.sectors - 1}, ${showBytes(partition.sizeBytes)}`;
}
