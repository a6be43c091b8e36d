import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isNotFound } from '../errors/errors.ts';
import { namesIfPresent } from '../host/files.ts';

/** One block device as the kernel knows it. Devices refer to each other by number ("8:0"), never by name. */
export type BlockDevice = {
  readonly device: string;
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sectorBytes: number;
  readonly readOnly: boolean;
  /** Set for partitions, those of a multipath device among them: number in the table and the whole disk. */
  readonly partition?: { readonly number: number; readonly disk: string };
  /** Devices built on this one, and devices this one is built on. */
  readonly holders: readonly string[];
  readonly slaves: readonly string[];
  /** Set for device-mapper devices; the uuid begins with the kind ("LVM-", "CRYPT-", "mpath-"). */
  readonly mapper?: { readonly name: string; readonly uuid: string; readonly suspended?: true };
  /** Set for MD arrays: "raid1", "container", … */
  readonly raidLevel?: string;
  /** Set for loop devices: what is behind it, and on which device (or which device's file system) that lies. */
  readonly loop?: { readonly file: string; readonly on?: string };
};

export type BlockDevices = ReadonlyMap<string, BlockDevice>;

/** Reads all block devices from sysfs. Needs neither udev nor a program. */
export async function readBlockDevices(sys = '/sys'): Promise<BlockDevices> {
  const folder = join(sys, 'class/block');
  const devices: BlockDevice[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const device = await readBlockDevice(sys, name);
    if (device !== undefined) devices.push(device);
  }
  return new Map(devices.map((device) => [device.device, device]));
}

/** The device number of a device node as `major:minor`, from `stat().rdev` (or of a file's file system, from `.dev`). */
export function deviceNumber(number: bigint): string {
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** The number of the block device at a path; undefined when nothing is there, null when it is something else. */
export async function blockDeviceAt(path: string): Promise<string | null | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    return found.isBlockDevice() ? deviceNumber(found.rdev) : null;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function readBlockDevice(sys: string, name: string): Promise<BlockDevice | undefined> {
  const folder = join(sys, 'class/block', name);
  const device = await attribute(folder, 'dev');
  // Paths of an NVMe multipath controller are listed without a node of their own; so is a device that vanishes while we read.
  if (device === undefined) return undefined;
  const number = await attribute(folder, 'partition');
  const real = await realpath(folder).catch(() => undefined);
  if (real === undefined) return undefined;
  const disk = dirname(real);
  const mapperName = await attribute(folder, 'dm/name');
  const raidLevel = await attribute(folder, 'md/level');
  const backing = await attribute(folder, 'loop/backing_file');
  const parent = number === undefined ? undefined : await attribute(disk, 'dev');
  const slaves = await linked(sys, join(folder, 'slaves'));
  const mapper = mapperName === undefined ? undefined : await mapperOf(folder, mapperName);
  const partition =
    number === undefined || parent === undefined
      ? mapper && partitionOfMap(mapper.uuid, slaves)
      : { number: Number(number), disk: parent };
  return {
    device,
    name,
    path: `/dev/${name.replaceAll('!', '/')}`,
    sizeBytes: Number((await attribute(folder, 'size')) ?? 0) * 512, // always in units of 512, whatever the sector size
    sectorBytes: Number((await attribute(parent === undefined ? folder : disk, 'queue/logical_block_size')) ?? 512),
    readOnly: (await attribute(folder, 'ro')) === '1',
    ...(partition === undefined ? {} : { partition }),
    holders: await linked(sys, join(folder, 'holders')),
    slaves,
    ...(mapper === undefined ? {} : { mapper }),
    ...(raidLevel === undefined ? {} : { raidLevel }),
    ...(backing === undefined ? {} : { loop: await loopBacking(backing) }),
  };
}

async function attribute(folder: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(folder, name), 'utf8')).trim();
  } catch (error) {
    // ENODEV, ENXIO, EINVAL: the device goes or is half made; to us it has no such attribute
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

async function mapperOf(folder: string, name: string): Promise<NonNullable<BlockDevice['mapper']>> {
  const uuid = (await attribute(folder, 'dm/uuid')) ?? '';
  return { name, uuid, ...((await attribute(folder, 'dm/suspended')) === '1' ? { suspended: true } : {}) };
}

/** kpartx writes the number and the map's uuid into the uuid of the partition; its name may be anything. */
function partitionOfMap(uuid: string, slaves: readonly string[]): BlockDevice['partition'] {
  const number = /^part(\d+)-mpath-/.exec(uuid)?.[1];
  const [disk] = slaves;
  return number === undefined || disk === undefined ? undefined : { number: Number(number), disk };
}

async function linked(sys: string, folder: string): Promise<string[]> {
  const names = await namesIfPresent(folder);
  const numbers = await Promise.all(names.map((name) => attribute(join(sys, 'class/block', basename(name)), 'dev')));
  return numbers.filter((number) => number !== undefined);
}

async function loopBacking(file: string): Promise<{ file: string; on?: string }> {
  try {
    const found = await stat(file, { bigint: true });
    return { file, on: deviceNumber(found.isBlockDevice() ? found.rdev : found.dev) };
  } catch {
    return { file }; // deleted, or in another mount namespace: it lies on nothing we can name
  }
}
