import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isNotFound } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { blockDeviceAt, readBlockDevices, type BlockDevice, type BlockDevices } from './block-devices.ts';
import { isMultipath, multipathOver, nodeOf, pathsOf, type PathFacts } from './multipath.ts';
import { showBytes } from './sizes.ts';

/** What is known about a disk, whoever asked for it. */
export type DiskDescription = {
  /** Kernel node, links resolved: "/dev/nvme0n1"; for a multipath device "/dev/mapper/NAME". */
  readonly path: string;
  readonly name: string;
  /** Device number as `major:minor`; the only thing that is compared. */
  readonly device: string;
  /** "disk", "loop" or "mpath". */
  readonly type: string;
  readonly model?: string;
  readonly serial?: string;
  readonly wwn?: string;
  readonly transport?: string;
  readonly sizeBytes: number;
  /** Logical sector size. */
  readonly sectorBytes: number;
  readonly readOnly: boolean;
  /** Stable names below /dev/disk/by-id, sorted. */
  readonly byId: readonly string[];
  /** Set for a multipath device: the disks that it is made of. */
  readonly paths?: readonly (PathFacts & { readonly device: string })[];
};

/** A disk as `ibi disks` shows it. */
export type DiskRow = DiskDescription & {
  /** Why it is or is not a good target, as short phrases. */
  readonly notes: readonly string[];
};

// lsblk takes these from the udev database, and from sysfs where there is none. Structure (partitions, holders) comes from sysfs only.
const lsblkOutput = z.object({
  blockdevices: z.array(
    z.object({
      'maj:min': z.string(),
      type: z.string(),
      model: z.string().nullish(),
      serial: z.string().nullish(),
      wwn: z.string().nullish(),
      tran: z.string().nullish(),
    }),
  ),
});

/** All whole disks of this machine that have a size; loop devices only when something is behind them. A multipath device stands for its paths. */
export async function listDisks(host: Host): Promise<DiskRow[]> {
  const all = await readBlockDevices();
  const blocks = [...all.values()];
  const whole = blocks.filter(
    (block) =>
      block.sizeBytes > 0 &&
      block.partition === undefined &&
      block.raidLevel === undefined &&
      (block.mapper === undefined || isMultipath(block)) &&
      multipathOver(block, all) === undefined,
  );
  const descriptions = await readDescriptions(host, whole, all);
  const mounts = await host.mounts();
  return descriptions
    .filter(({ type }) => isDiskType(type))
    .map((disk) => {
      const own = new Set(
        blocks
          .filter((block) => block.device === disk.device || block.partition?.disk === disk.device)
          .map((block) => block.device),
      );
      const points = mounts.filter((mount) => own.has(mount.device)).map((mount) => mount.target);
      const notes = [
        ...(points.includes('/') || points.includes('/sysroot')
          ? ['holds the running system']
          : points.slice(0, 2).map((point) => `mounted at "${point}"`)),
        ...(disk.readOnly ? ['read-only'] : []),
        ...(disk.paths === undefined ? twinNote(disk, descriptions) : [pathsNote(disk.paths)]),
      ];
      return { ...disk, notes };
    });
}

/** What may be a target, in lsblk's words. */
export function isDiskType(type: string): boolean {
  return type === 'disk' || type === 'loop' || type === 'mpath';
}

/** "2 paths: /dev/sda, /dev/sdb". */
function pathsNote(paths: readonly PathFacts[]): string {
  return `${paths.length} ${paths.length === 1 ? 'path' : 'paths'}: ${paths.map(({ path }) => path).join(', ')}`;
}

/** Paths to one disk that multipathd has not joined look like two disks. */
function twinNote(disk: DiskDescription, all: readonly DiskDescription[]): string[] {
  const twins = twinsOf(disk, all).map(({ path }) => path);
  return twins.length === 0 ? [] : [`same WWN as ${twins.join(', ')}`];
}

/** Other disks with the same WWN. */
export function twinsOf(disk: DiskDescription, all: readonly DiskDescription[]): DiskDescription[] {
  return all.filter(({ device, wwn }) => wwn !== undefined && wwn === disk.wwn && device !== disk.device);
}

/** The table of `ibi disks` and of refusals, heading first. */
export function diskTable(rows: readonly DiskRow[]): string[] {
  const cells = [
    ['NAME', 'SIZE', 'SECTOR', 'MODEL', 'SERIAL', 'STABLE NAME', 'NOTES'],
    ...rows.map((row) => [
      row.path,
      showBytes(row.sizeBytes),
      String(row.sectorBytes),
      row.model ?? '-',
      row.serial ?? '-',
      row.byId.at(0) ?? '-',
      row.notes.join(', '),
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  return cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** One line that lets a person recognise the disk: `sda: "SAMSUNG MZ7", serial S3Z, 480.1 GB, 512-byte sectors`. */
export function describeDisk(disk: DiskDescription): string {
  const parts = [
    ...(disk.model === undefined ? [] : [`"${disk.model}"`]),
    ...(disk.serial === undefined ? [] : [`serial ${disk.serial}`]),
    ...(disk.wwn === undefined ? [] : [`WWN ${disk.wwn}`]),
    showBytes(disk.sizeBytes),
    `${disk.sectorBytes}-byte sectors`,
    ...(disk.paths === undefined ? [] : [pathsNote(disk.paths)]),
  ];
  return `${disk.name}: ${parts.join(', ')}`;
}

/** Adds what lsblk and /dev/disk/by-id know to devices of the kernel; devices that lsblk no longer shows are left out. */
export async function readDescriptions(
  host: Host,
  blocks: readonly BlockDevice[],
  all: BlockDevices,
): Promise<DiskDescription[]> {
  const plain = await describe(
    host,
    blocks.flatMap((block) => (isMultipath(block) ? [block, ...pathsOf(block, all)] : [block])),
  );
  const of = (block: BlockDevice): DiskDescription[] => plain.filter(({ device }) => device === block.device);
  return blocks.flatMap((block) =>
    isMultipath(block)
      ? of(block).map((map) => joined(map, pathsOf(block, all).flatMap(of), block.mapper?.name ?? block.name))
      : of(block),
  );
}

/** A map itself knows neither model nor serial number; its paths do. */
function joined(map: DiskDescription, paths: readonly DiskDescription[], name: string): DiskDescription {
  const told = <K extends 'model' | 'serial' | 'wwn' | 'transport'>(key: K): Partial<Record<K, string>> =>
    named(key, paths.find((path) => path[key] !== undefined)?.[key]);
  return {
    ...map,
    name,
    ...told('model'),
    ...told('serial'),
    ...told('wwn'),
    ...told('transport'),
    // "dm-name-mpatha" is no more stable than "mpatha"
    byId: map.byId.filter((link) => !/\/dm-name-/.test(link)),
    paths: paths.map(({ path, device, sizeBytes, sectorBytes, serial, wwn }) => ({
      ...{ path, device, sizeBytes, sectorBytes },
      ...(serial === undefined ? {} : { serial }),
      ...(wwn === undefined ? {} : { wwn }),
    })),
  };
}

async function describe(host: Host, blocks: readonly BlockDevice[]): Promise<DiskDescription[]> {
  if (blocks.length === 0) return [];
  // lsblk answers for the devices it could find and exits 32 or 64 when one has just gone
  const columns = ['--json', '--bytes', '--nodeps', '--output', 'MAJ:MIN,TYPE,MODEL,SERIAL,WWN,TRAN'];
  const output = await host.json(lsblkOutput, 'lsblk', [...columns, ...blocks.map((block) => block.path)], {
    okStatuses: [0, 32, 64],
  });
  const links = await stableNames();
  const nodes = new Map(await Promise.all(blocks.map(async (block) => [block.device, await nodeOf(block)] as const)));
  return blocks.flatMap((block) => {
    const entry = output.blockdevices.find((candidate) => candidate['maj:min'].trim() === block.device);
    if (entry === undefined) return [];
    return [
      {
        path: nodes.get(block.device) ?? block.path,
        name: block.name,
        device: block.device,
        type: entry.type,
        ...named('model', entry.model),
        ...named('serial', entry.serial),
        ...named('wwn', entry.wwn),
        ...named('transport', entry.tran),
        sizeBytes: block.sizeBytes,
        sectorBytes: block.sectorBytes,
        readOnly: block.readOnly,
        byId: links.filter((link) => link.device === block.device).map((link) => link.path),
      },
    ];
  });
}

function named<K extends string>(key: K, value: string | null | undefined): Partial<Record<K, string>> {
  const text = value?.trim() ?? '';
  // a computed key widens to an index signature, so the shape is stated
  return text === '' ? {} : ({ [key]: text } as Record<K, string>);
}

async function stableNames(folder = '/dev/disk/by-id'): Promise<{ path: string; device: string }[]> {
  try {
    const names = (await readdir(folder)).sort();
    const links = await Promise.all(
      names.map(async (name) => ({ path: join(folder, name), device: await blockDeviceAt(join(folder, name)) })),
    );
    return links.flatMap(({ path, device }) => (typeof device === 'string' ? [{ path, device }] : []));
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
