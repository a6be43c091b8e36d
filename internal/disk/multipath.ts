import { Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { requirePrograms } from '../host/machine.ts';
import { blockDeviceAt, type BlockDevice, type BlockDevices } from './block-devices.ts';

/*
 * A disk that is reached on several paths is one device-mapper device, its map. The map is the disk; its paths are never written to.
 * Its partitions are device-mapper devices, too, made by kpartx (multipath/partitions).
 */

/** True for the device that multipathd makes of several paths to one disk. */
export function isMultipath(block: BlockDevice): boolean {
  return block.mapper?.uuid.startsWith('mpath-') === true;
}

/** The multipath device that a whole disk is a path of. */
export function multipathOver(disk: BlockDevice, blocks: BlockDevices): BlockDevice | undefined {
  return disk.holders.flatMap((holder) => blocks.get(holder) ?? []).find(isMultipath);
}

/** The paths of a map, in order of name. */
export function pathsOf(map: BlockDevice, blocks: BlockDevices): BlockDevice[] {
  return map.slaves
    .flatMap((slave) => blocks.get(slave) ?? [])
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** The node that people and programs use for a device: a map's by its name, because its number changes. */
export async function nodeOf(block: BlockDevice): Promise<string> {
  if (block.mapper === undefined) return block.path;
  const node = mapperNode(block.mapper.name);
  return (await blockDeviceAt(node)) === block.device ? node : block.path;
}

/**
 * libdevmapper writes every byte of a name that udev might not like as \xNN, mostly before the kernel hears of it; what is written so
 * already stays.
 */
export function mapperNode(name: string): string {
  if (/^(?:[A-Za-z0-9#+\-.:=@_]|\\x[0-9a-f]{2})+$/.test(name)) return `/dev/mapper/${name}`;
  const bytes = [...Buffer.from(name)].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9#+\-.:=@_]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `/dev/mapper/${bytes.join('')}`;
}

/** What tells one disk from another. */
export type PathFacts = {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sectorBytes: number;
  readonly serial?: string;
  readonly wwn?: string;
};

/**
 * Why paths are not one disk, as a sentence that names two of them; undefined when nothing speaks against it. What a path does not tell
 * (one that is gone has no answer) speaks neither for nor against.
 */
export function notOneDisk(paths: readonly PathFacts[]): string | undefined {
  const kinds = [
    ['WWN', (path: PathFacts) => path.wwn],
    ['serial number', (path: PathFacts) => path.serial],
    ['size', (path: PathFacts) => (path.sizeBytes > 0 ? `${path.sizeBytes} bytes` : undefined)],
    ['sector size', (path: PathFacts) => (path.sizeBytes > 0 ? `${path.sectorBytes} bytes` : undefined)],
  ] as const;
  for (const [what, of] of kinds) {
    const telling = paths.filter((path) => of(path) !== undefined);
    const [first] = telling;
    const other = telling.find((path) => first !== undefined && of(path) !== of(first));
    if (first !== undefined && other !== undefined)
      return `"${first.path}" has ${what} "${of(first) ?? ''}" and "${other.path}" has "${of(other) ?? ''}"`;
  }
  return undefined;
}

/**
 * The paths of a map that the kernel has given up, as device numbers.
 *
 * @param status line of `dmsetup status`: each path is `major:minor A` or `major:minor F`
 */
export function failedPaths(status: string): string[] {
  return [...status.matchAll(/\b(\d+:\d+) ([AF])\b/g)].flatMap(([, device = '', state]) =>
    state === 'F' ? [device] : [],
  );
}

/** What such a disk needs beside the programs for any disk. */
const multipathPrograms = {
  dmsetup: 'device-mapper, tells which paths work and removes partitions',
  kpartx: 'kpartx or device-mapper-multipath, makes partitions of a multipath device',
};

/**
 * Sees that a map may be written to: it has a path that works, and all of its paths are one disk.
 *
 * @throws Failure otherwise
 */
export async function requireOneDisk(
  host: Host,
  map: { readonly name: string; readonly device: string },
  paths: readonly (PathFacts & { readonly device: string })[],
): Promise<void> {
  await requirePrograms(host, multipathPrograms);
  const wrong = notOneDisk(paths);
  if (wrong !== undefined)
    throw new Failure(`the paths of multipath device "${map.name}" are not the same disk: ${wrong}`, {
      next: 'correct multipath.conf and make the map again (multipath -r), or name another disk',
    });
  const [major = '', minor = ''] = map.device.split(':');
  const failed = failedPaths(await host.text('dmsetup', ['status', '--major', major, '--minor', minor]));
  if (paths.every((path) => failed.includes(path.device)))
    throw new Failure(`multipath device "${map.name}" has no path that works`, {
      why: paths.length === 0 ? 'it has no path at all' : `failed: ${paths.map(({ path }) => path).join(', ')}`,
      next: 'see "multipath -ll" and connect the disk, or name another disk',
    });
}

/**
 * Kernel arguments that the installed system needs to find its root through the map, beyond those it is given. A stateroot under a new name
 * inherits none from the operating system image, so what `coreos-installer --append-karg` adds does not reach it.
 * Values of CoreOS' own documentation (multipath/arguments).
 */
export function multipathArguments(given: readonly string[]): string[] {
  const has = (...names: string[]): boolean =>
    given.some((argument) => names.some((name) => argument === name || argument.startsWith(`${name}=`)));
  return [
    ...(has('rd.multipath') ? [] : ['rd.multipath=default']),
    ...(has('root') ? [] : ['root=/dev/disk/by-label/dm-mpath-root']),
    ...(has('rw', 'ro') ? [] : ['rw']),
  ];
}

/** Given arguments with which the installed system would take one path instead of the map. */
export function againstMultipath(given: readonly string[]): string[] {
  return given.filter(
    (argument) =>
      /^(?:nompath|multipath=(?:off|0|no)|rd\.multipath=(?:0|no|off))$/.test(argument) ||
      (argument.startsWith('root=') && !/^root=(?:\/dev\/disk\/by-label\/dm-mpath-|\/dev\/mapper\/)/.test(argument)),
  );
}
