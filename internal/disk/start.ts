import { Failure, UsageError } from '../errors/errors.ts';
import type { PartitionTable } from './partitions.ts';

/**
 * Where the extra partition begins, as written in the configuration. What has no minus in front goes to sfdisk in the reference and means what
 * sfdisk makes of it; it reads a plus as nothing.
 *
 * | written              | means                                                      | aligned to 1 MiB |
 * |----------------------|------------------------------------------------------------|------------------|
 * | `-40G`, `-40.5GiB`   | so far from the end of the disk                            | down             |
 * | `120G`, `+4G`        | so far from its beginning                                  | no: it was said  |
 * | `120GB`              | the same in powers of 1000                                 | no: it was said  |
 * | `251658240`          | this sector (sfdisk's meaning of a number without unit)    | no               |
 * | `0`                  | the beginning of the largest free space                    | up               |
 *
 * Units are powers of 1024 (K, M, G, T, P, with or without "iB"), in the first row with "B" as well, as the reference reckons there. After a
 * minus a number without unit is bytes.
 */
export type Start =
  | { readonly from: 'end' | 'beginning'; readonly bytes: number; readonly text: string }
  | { readonly from: 'sector'; readonly sector: number; readonly text: string }
  | { readonly from: 'free-space'; readonly text: string };

/** What the arithmetic needs to know of the disk. */
export type Geometry = { readonly sizeBytes: number; readonly sectorBytes: number };

const mebibyte = 1024 * 1024;
const unitPower: Readonly<Record<string, number>> = { '': 0, K: 1, M: 2, G: 3, T: 4, P: 5 };

/** Understands a start value. @throws UsageError `invalid size format: …` */
export function parseStart(text: string): Start {
  const trimmed = text.trim();
  if (trimmed.startsWith('-'))
    return {
      from: 'end',
      bytes: parseSize(trimmed.slice(1), {
        context: `failed to calculate start position for negative start ${trimmed}: `,
      }),
      text: trimmed,
    };
  const size = trimmed.replace(/^\+/, '');
  if (/^0+$/.test(size)) return { from: 'free-space', text: trimmed };
  if (/^\d+$/.test(size)) return { from: 'sector', sector: Number(size), text: trimmed };
  return { from: 'beginning', bytes: parseSize(size, { decimalBytes: true }), text: trimmed };
}

/** Bytes of a size such as "40G", "40.5GiB", "120GB"; fractions of a byte are cut. `decimalBytes`: units with a "B" are powers of 1000. */
export function parseSize(
  text: string,
  { context = '', decimalBytes = false }: { context?: string; decimalBytes?: boolean } = {},
): number {
  const parts = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(I?B)?$/.exec(text.trim().toUpperCase());
  const [, number, unit, bytes] = parts ?? [];
  if (number === undefined || unit === undefined || (unit === '' && bytes === 'IB'))
    throw new UsageError(`${context}invalid size format: ${text}`);
  const base = decimalBytes && bytes === 'B' ? 1000 : 1024;
  const size = Math.trunc(Number(number) * base ** (unitPower[unit] ?? 0));
  if (!Number.isSafeInteger(size)) throw new UsageError(`${context}invalid size format: ${text}`);
  return size;
}

/**
 * The first sector of the new partition, in logical sectors.
 *
 * @param present the table the partition will be added to; only "0" depends on it
 * @throws Failure when the disk is too small for it
 */
export function startSector(start: Start, geometry: Geometry, present: PartitionTable | undefined): number {
  const { sizeBytes, sectorBytes } = geometry;
  const context = start.from === 'end' ? `failed to calculate start position for negative start ${start.text}: ` : '';
  if (!(sectorBytes > 0)) throw new Failure(`${context}invalid sector size ${sectorBytes}: must be greater than zero`);
  const sectorsPerMebibyte = mebibyte / sectorBytes;
  const table = present ?? emptyTable(geometry);
  switch (start.from) {
    case 'end': {
      const sector = Math.trunc((sizeBytes - start.bytes) / sectorBytes);
      if (sector < 0) throw new Failure(`${context}partition size ${start.text.slice(1)} is larger than disk size`);
      return Math.floor(sector / sectorsPerMebibyte) * sectorsPerMebibyte;
    }
    case 'sector':
      return start.sector;
    case 'beginning':
      return Math.floor(start.bytes / sectorBytes);
    case 'free-space': {
      const largest = freeSpaces(table).reduce((best, space) => (space.sectors > best.sectors ? space : best), {
        startSector: 0,
        sectors: 0,
      });
      return alignUp(largest.startSector, sectorsPerMebibyte);
    }
  }
}

/** The free stretches of a table, in order, in sectors. */
export function freeSpaces(table: PartitionTable): { startSector: number; sectors: number }[] {
  const spaces: { startSector: number; sectors: number }[] = [];
  let next = table.firstSector;
  for (const partition of [...table.partitions].sort((a, b) => a.startSector - b.startSector)) {
    if (partition.startSector > next) spaces.push({ startSector: next, sectors: partition.startSector - next });
    next = Math.max(next, partition.startSector + partition.sectors);
  }
  if (table.lastSector >= next) spaces.push({ startSector: next, sectors: table.lastSector - next + 1 });
  return spaces;
}

function emptyTable({ sizeBytes, sectorBytes }: Geometry): PartitionTable {
  const firstSector = mebibyte / sectorBytes;
  return {
    kind: 'gpt',
    sectorBytes,
    firstSector,
    lastSector: Math.floor((sizeBytes - mebibyte) / sectorBytes),
    partitions: [],
  };
}

function alignUp(sector: number, step: number): number {
  return Math.ceil(sector / step) * step;
}
