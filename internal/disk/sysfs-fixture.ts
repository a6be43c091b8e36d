import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '../host/files.ts';
import { readBlockDevices } from './block-devices.ts';
import type { Disk } from './identity.ts';
import type { KernelState } from './kernel-state.ts';

/** One device of a made-up machine, as sysfs would show it. */
export type Made = {
  readonly name: string;
  readonly device: string;
  /** Partition number, and the disk's name. */
  readonly partition?: readonly [number, string];
  /** Names of the devices it is built on. */
  readonly on?: readonly string[];
  /** Device-mapper name and uuid. */
  readonly mapper?: readonly [string, string];
  readonly raid?: string;
  readonly loopFile?: string;
  readonly gibibytes?: number;
};

/** Lays the devices out as a sysfs in a temporary folder and reads them back: the reader is under test as well. */
export async function madeState(
  made: readonly Made[],
  uses: Partial<Omit<KernelState, 'blocks'>> = {},
): Promise<KernelState> {
  await using folder = await temporaryFolder(tmpdir(), 'sysfs-');
  const list = join(folder.path, 'class/block');
  await mkdir(list, { recursive: true });
  const place = (one: Made): string =>
    one.partition === undefined
      ? join(folder.path, 'devices', one.name)
      : join(folder.path, 'devices', one.partition[1], one.name);
  for (const one of made) {
    const at = place(one);
    await mkdir(join(at, 'holders'), { recursive: true });
    await mkdir(join(at, 'slaves'), { recursive: true });
    await symlink(at, join(list, one.name));
    const attributes: Record<string, string> = {
      dev: one.device,
      size: String((one.gibibytes ?? 10) * 2 ** 21),
      ro: '0',
    };
    if (one.partition !== undefined) attributes['partition'] = String(one.partition[0]);
    else attributes['queue/logical_block_size'] = '512';
    if (one.mapper !== undefined) [attributes['dm/name'], attributes['dm/uuid']] = one.mapper;
    if (one.raid !== undefined) attributes['md/level'] = one.raid;
    if (one.loopFile !== undefined) attributes['loop/backing_file'] = one.loopFile;
    for (const [name, value] of Object.entries(attributes)) {
      await mkdir(join(at, name, '..'), { recursive: true });
      await writeFile(join(at, name), `${value}\n`);
    }
  }
  for (const one of made) {
    for (const below of one.on ?? []) {
      const lower = made.find((candidate) => candidate.name === below);
      if (lower === undefined) throw new Error(`${one.name} is built on ${below}, which is not there`);
      await symlink(place(one), join(place(lower), 'holders', one.name));
      await symlink(place(lower), join(place(one), 'slaves', below));
    }
  }
  return {
    blocks: await readBlockDevices(folder.path),
    mounts: [],
    swaps: [],
    physicalVolumes: [],
    raidMembers: [],
    marks: { parts: [], unmarked: [], closed: [], bare: new Map() },
    ...uses,
  };
}

/** The disk of this name in a made-up machine. */
export function madeDisk(state: KernelState, name: string): Disk {
  const block = [...state.blocks.values()].find((candidate) => candidate.name === name);
  if (block === undefined) throw new Error(`there is no ${name}`);
  const { path, device, sizeBytes, sectorBytes, readOnly } = block;
  return { spelling: path, path, name, device, type: 'disk', sizeBytes, sectorBytes, readOnly, byId: [] };
}

/** Partitions 1 to n of a disk: sda1 … or nvme0n1p1 …, with device numbers that follow the disk's. */
export function partitionsOf(disk: string, device: string, count: number): Made[] {
  const [major, minor] = device.split(':').map(Number);
  const glue = /\d$/.test(disk) ? 'p' : '';
  return Array.from({ length: count }, (_, index) => ({
    name: `${disk}${glue}${index + 1}`,
    device: `${major ?? 0}:${(minor ?? 0) + index + 1}`,
    partition: [index + 1, disk] as const,
  }));
}
