import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isNotFound } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { blockDeviceAt, readBlockDevices, type BlockDevice } from './block-devices.ts';
import { showBytes } from './sizes.ts';

/** What is known about a disk, whoever asked for it. */
export type DiskDescription = {
  /** Kernel node, links resolved: "/dev/nvme0n1". */
  readonly path: string;
  readonly name: string;
  /** Device number as `major:minor`; the only thing that is compared. */
  readonly device: string;
  /** "disk" or "loop". */
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

/** All whole disks of this machine that have a size; loop devices only when something is behind them. */
export async function listDisks(host: Host): Promise<DiskRow[]> {
  const blocks = [...(await readBlockDevices()).values()];
  const whole = blocks.filter(
    (block) =>
      block.sizeBytes > 0 &&
      block.partition === undefined &&
      block.mapper === undefined &&
      block.raidLevel === undefined,
  );
  const descriptions = await readDescriptions(host, whole);
  const mounts = await host.mounts();
  return descriptions
    .filter(({ type }) => type === 'disk' || type === 'loop')
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
      ];
      return { ...disk, notes };
    });
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
  ];
  return `${disk.name}: ${parts.join(', ')}`;
}

/** Adds what lsblk and /dev/disk/by-id know to devices of the kernel; devices that lsblk no longer shows are left out. */
export async function readDescriptions(host: Host, blocks: readonly BlockDevice[]): Promise<DiskDescription[]> {
  if (blocks.length === 0) return [];
  // lsblk answers for the devices it could find and exits 32 or 64 when one has just gone
  const columns = ['--json', '--bytes', '--nodeps', '--output', 'MAJ:MIN,TYPE,MODEL,SERIAL,WWN,TRAN'];
  const output = await host.json(lsblkOutput, 'lsblk', [...columns, ...blocks.map((block) => block.path)], {
    okStatuses: [0, 32, 64],
  });
  const links = await stableNames();
  return blocks.flatMap((block) => {
    const entry = output.blockdevices.find((candidate) => candidate['maj:min'].trim() === block.device);
    if (entry === undefined) return [];
    return [
      {
        path: block.path,
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
