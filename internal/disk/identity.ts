import { realpath } from 'node:fs/promises';
import { Failure, Interrupted, Refusal, UsageError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { blockDeviceAt, readBlockDevices, type BlockDevice, type BlockDevices } from './block-devices.ts';
import {
  describeDisk,
  diskTable,
  isDiskType,
  listDisks,
  readDescriptions,
  type DiskDescription,
} from './candidates.ts';
import { isMultipath, mapperNode, multipathOver, requireOneDisk } from './multipath.ts';
import type { Say } from './say.ts';
import { showBytes } from './sizes.ts';

/** One whole disk of this machine, resolved to exactly one kernel device. */
export type Disk = DiskDescription & {
  /** As the person wrote it; what other programs are called with. */
  readonly spelling: string;
};

export type ResolveOptions = {
  /** How long a disk may take to appear, in milliseconds. */
  readonly waitMs?: number;
  /** Smallest size that makes sense, in bytes. */
  readonly minimumBytes?: number;
  readonly say?: Say;
};

const pollMs = 500;

/**
 * Resolves what a person wrote to one whole, writable disk; waits for a late one. Only reads.
 *
 * @throws UsageError when it names something that is not a whole disk
 * @throws Failure when it is absent, read-only or too small
 */
export async function resolveDisk(host: Host, spelling: string, options: ResolveOptions = {}): Promise<Disk> {
  if (!spelling.startsWith('/'))
    throw new UsageError(
      `disk "${spelling}" is not a path; write "/dev/${spelling}" or a name below "/dev/disk/by-id"`,
    );
  const device = await waitForDevice(host, spelling, options);
  const blocks = await readBlockDevices();
  const block = blocks.get(device);
  if (block === undefined)
    throw new Failure(`the kernel does not list the device ${device} that "${spelling}" leads to`);
  requireWholeDisk(spelling, block, blocks);
  const description = (await readDescriptions(host, [block], blocks))[0];
  if (description === undefined) throw new Failure(`disk "${spelling}" went away while it was looked at`);
  if (!isDiskType(description.type))
    throw new UsageError(`"${spelling}" is of type "${description.type}"; name a disk`);
  if (description.paths !== undefined) await requireOneDisk(host, description, description.paths);
  const disk: Disk = {
    spelling,
    ...description,
    ...(description.paths === undefined ? { path: await realpath(spelling) } : {}),
  };
  if (disk.readOnly)
    throw new Failure(`disk "${disk.name}" is read-only; lift its write protection or choose another disk`, {
      why: describeDisk(disk),
    });
  const minimum = options.minimumBytes ?? 0;
  if (disk.sizeBytes < minimum) {
    throw new Failure(
      `disk "${disk.name}" has ${showBytes(disk.sizeBytes)}, and at least ${showBytes(minimum)} are needed; choose a larger disk`,
      { why: describeDisk(disk) },
    );
  }
  return disk;
}

/**
 * Makes sure that the disk is still the one that was chosen: minutes lie between the check and the first write, and a disk may have
 * been pulled or names given anew.
 *
 * @throws Refusal when it is another one
 */
export async function confirmDisk(host: Host, disk: Disk): Promise<void> {
  const blocks = await readBlockDevices();
  const block = blocks.get(disk.device);
  const now = block === undefined ? undefined : (await readDescriptions(host, [block], blocks))[0];
  const differs = (['name', 'sizeBytes', 'sectorBytes', 'serial', 'wwn'] as const).find(
    (key) => now !== undefined && now[key] !== undefined && disk[key] !== undefined && now[key] !== disk[key],
  );
  if (
    now !== undefined &&
    differs === undefined &&
    (await blockDeviceAt(disk.path)) === disk.device &&
    (await blockDeviceAt(disk.spelling)) === disk.device
  )
    return;
  throw new Refusal(`disk "${disk.spelling}" is no longer the one that was chosen`, {
    why: `chosen was ${describeDisk(disk)}; now it is ${now === undefined ? 'gone' : describeDisk(now)}`,
    next: 'see that the disk is in its place',
  });
}

/** Says that a name may mean another disk after the next start; undefined for stable names. */
export function nameWarning(disk: Disk): string | undefined {
  if (disk.paths !== undefined) return mapNameWarning(disk);
  // Every kernel node lies directly in /dev (or in a driver's folder); every stable link lies in /dev/disk or is made by a person.
  if (disk.spelling !== disk.path || disk.type === 'loop') return undefined;
  const stable = disk.byId.at(0);
  const wish = stable === undefined ? 'prefer a name below "/dev/disk/by-path"' : `prefer "${stable}"`;
  return `the name "${disk.spelling}" may mean another disk after the next start of this machine; ${wish}`;
}

/** "mpatha" is kept in a file that a live system forgets; a WWID is the disk's own. */
function mapNameWarning({ spelling, name, byId }: Disk): string | undefined {
  if (!/^\/dev\/(?:dm-\d+$|mapper\/)/.test(spelling) || byId.includes(`/dev/disk/by-id/dm-uuid-mpath-${name}`))
    return undefined;
  const [stable] = byId;
  const wish = stable === undefined ? 'prefer a name below "/dev/disk/by-id"' : `prefer "${stable}"`;
  return `the name "${spelling}" may mean another disk after the next start of this machine; ${wish}`;
}

async function waitForDevice(host: Host, spelling: string, { waitMs = 60_000, say }: ResolveOptions): Promise<string> {
  const deadline = performance.now() + waitMs;
  for (let first = true; ; first = false) {
    const device = await blockDeviceAt(spelling);
    if (device === null) throw new UsageError(`"${spelling}" is not a block device; name a disk`);
    if (device !== undefined && ((await readBlockDevices()).get(device)?.sizeBytes ?? 0) > 0) return device;
    const left = deadline - performance.now();
    if (left <= 0)
      throw await absent(host, spelling, device === undefined ? 'did not appear' : 'had no medium', waitMs);
    if (host.stop.aborted) throw new Interrupted(`stopped while waiting for disk "${spelling}"`);
    if (first) say?.(`waiting up to ${Math.ceil(waitMs / 1000)} s for disk "${spelling}" to appear`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(pollMs, left)));
  }
}

async function absent(host: Host, spelling: string, what: string, waitMs: number): Promise<Failure> {
  const rows = await listDisks(host);
  const present =
    rows.length === 0 ? ['this machine shows no disk at all'] : ['the disks of this machine are:', ...diskTable(rows)];
  return new Failure(`disk "${spelling}" ${what}${waitMs > 0 ? ` within ${Math.ceil(waitMs / 1000)} s` : ''}`, {
    why: present.join('\n'),
    next: spelling.startsWith('/dev/mapper/')
      ? 'start multipathd, correct "installationDisk", or attach the disk'
      : 'correct "installationDisk", or attach the disk',
  });
}

/** @throws UsageError for a partition, a path of a multipath device, another device-mapper device or an array, naming the whole disk */
export function requireWholeDisk(spelling: string, block: BlockDevice, blocks: BlockDevices): void {
  if (block.partition !== undefined) {
    const whole = blocks.get(block.partition.disk);
    const map = whole === undefined ? undefined : multipathOver(whole, blocks);
    if (map !== undefined)
      throw new UsageError(
        `"${spelling}" is partition ${block.partition.number} of disk "${whole?.name ?? ''}", ${pathOf(map)}; name "${shownNode(map)}"`,
      );
    throw new UsageError(
      `"${spelling}" is partition ${block.partition.number} of disk "${whole?.mapper?.name ?? whole?.name ?? block.partition.disk}"; name the whole disk "${whole === undefined ? '' : shownNode(whole)}"`,
    );
  }
  const map = multipathOver(block, blocks);
  if (map !== undefined) throw new UsageError(`"${spelling}" is ${pathOf(map)}; name "${shownNode(map)}"`);
  if (isMultipath(block)) return;
  if (block.mapper === undefined && block.raidLevel === undefined) return;
  const kind =
    block.mapper === undefined ? `RAID array "${block.name}"` : `device-mapper device "${block.mapper.name}"`;
  const disks = wholeDisksBelow(block, blocks).map((disk) => `"${shownNode(disk)}"`);
  throw new UsageError(
    `"${spelling}" is the ${kind}${disks.length === 0 ? '' : `, which lies on ${disks.join(' and ')}`}; name a whole disk`,
  );
}

/** What a path is, for people: `a path of multipath device "mpatha"`. */
export function pathOf(map: BlockDevice): string {
  return `a path of multipath device "${map.mapper?.name ?? map.name}"`;
}

/** The node to name to a program. */
export function shownNode(block: BlockDevice): string {
  return block.mapper === undefined ? block.path : mapperNode(block.mapper.name);
}

/** The whole disks at the bottom of a stacked device, each once, in order of name. A multipath device is one, its paths are not. */
export function wholeDisksBelow(block: BlockDevice, blocks: BlockDevices): BlockDevice[] {
  const found = new Map<string, BlockDevice>();
  const visit = (device: BlockDevice): void => {
    const below = device.partition !== undefined ? [device.partition.disk] : isMultipath(device) ? [] : device.slaves;
    if (below.length === 0) found.set(device.device, device);
    for (const number of below) {
      const next = blocks.get(number);
      if (next !== undefined) visit(next);
    }
  };
  visit(block);
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}
