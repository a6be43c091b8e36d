import { directlyAbove, devicesOf, holderTree, kindOf } from './holders.ts';
import type { Disk } from './identity.ts';
import type { KernelState } from './kernel-state.ts';
import { isMultipath } from './multipath.ts';
import type { Partition } from './partitions.ts';
import { isFirmwareRaid } from './raid.ts';
import type { Reason } from './reason.ts';
import type { Closed, Unmarked } from './shared-parts.ts';
import { wholesOf } from './wholes.ts';

/*
 * What lies on this disk and on others as well.
 *
 * | structure                                  | members elsewhere are told by                          | then    |
 * |--------------------------------------------|--------------------------------------------------------|---------|
 * | LVM volume group                           | its UUID on other physical volumes                     | refused |
 * | MD array, running                          | the kernel's slaves of the array                       | refused |
 * | MD array, at rest                          | its UUID in other superblocks                          | refused |
 * | file system over several devices           | its UUID there (shared-parts.ts)                       | refused |
 * | other mapper                               | the kernel's slaves                                    | refused |
 * | firmware RAID                              | nothing: the firmware knows the rest                   | refused |
 * | what has its data on a device without mark | nothing, or the size of one that bears no mark         | refused |
 * | any of these, parts missing                | the count of parts that it tells                       | named   |
 * | a copy of a part, on a disk that was cloned| the part's own UUID there; both disks are whole        | named   |
 * | what is closed                             | nothing: it cannot be looked into                      | named   |
 */

/** Reasons not to erase a disk because others have a part in what it holds. */
export function spanningReasons(state: KernelState, disk: Disk, devices: ReadonlySet<string>): Reason[] {
  return [
    ...firmwareReasons(state, disk, devices),
    ...wholesOf(state, devices)
      .filter(({ ours, others }) => ours.length > 0 && others.length > 0)
      .map(({ name, others }) => spans(name, disk, others)),
    ...stackReasons(state, disk, devices),
    ...unmarkedReasons(state, disk, devices),
  ];
}

/** What a person shall know of the disk before it is erased, and that is no reason not to. */
export function spanningNotes(state: KernelState, disk: Disk, devices: ReadonlySet<string>): string[] {
  const on = `on disk "${disk.name}"`;
  const shut = shutOn(state, devices);
  const hasBare = [...state.marks.bare.keys()].some((device) => devices.has(device));
  return [
    ...wholesOf(state, devices).flatMap(({ name, ours, others, copies, missing }) => {
      if (ours.length === 0)
        return missing > 0 && shut.length > 0
          ? [`${name} on ${quoted(others)} misses a part, which may be in what is not open ${on}`]
          : [];
      return [
        ...(missing > 0
          ? [`${name} ${on} has ${missing} more of its parts elsewhere, where this machine does not see them`]
          : []),
        ...(copies.length > 0 ? [`${name} ${on} has a copy on ${quoted(copies)}, which stays as it is`] : []),
      ];
    }),
    ...shut.map(({ path, what }) => `"${path}" ${on} is ${what}, which is not open: what is in it cannot be seen`),
    ...state.marks.unmarked
      .filter(({ device, otherBytes }) => !devices.has(device) && otherBytes === undefined && hasBare)
      .map((one) => `${showUnmarked(one)}; that may be ${on}`),
  ];
}

/** A volume group or array that lies half on a kept partition and half on what is erased cannot be served either way. */
export function halfSavedReasons(state: KernelState, disk: Disk, saved: readonly Partition[]): Reason[] {
  if (saved.length === 0) return [];
  const kept = savedDevices(state, saved);
  const rest = new Set(devicesOf(holderTree(state, disk.device)).filter((device) => !kept.has(device)));
  return wholesOf(state, kept)
    .filter(
      ({ ours, others, copies }) => ours.length > 0 && [...others, ...copies].some(({ device }) => rest.has(device)),
    )
    .map(({ name }) => ({
      what: `${name} lies on a partition of disk "${disk.name}" that is kept and on one that is erased`,
      next: 'keep all of its partitions or none',
    }));
}

/** The kept partitions and everything that is built on them. */
export function savedDevices(state: KernelState, saved: readonly Partition[]): Set<string> {
  return new Set(
    saved.flatMap((partition) =>
      partition.device === undefined ? [] : devicesOf(holderTree(state, partition.device)),
    ),
  );
}

/** What lies on these devices and must be opened before anyone can look into it. */
function shutOn(state: KernelState, devices: ReadonlySet<string>): Closed[] {
  const arrays = state.raidMembers.map(({ device, path, arrayName, arrayUuid }) => ({
    device,
    path,
    what: `a member of RAID array "${arrayName ?? arrayUuid}"`,
  }));
  return [...state.marks.closed, ...arrays].filter(
    ({ device }) => devices.has(device) && directlyAbove(state, device).every((above) => above.partition !== undefined),
  );
}

function firmwareReasons(state: KernelState, disk: Disk, devices: ReadonlySet<string>): Reason[] {
  const kinds = state.raidMembers.filter((member) => devices.has(member.device) && isFirmwareRaid(member));
  return [...new Set(kinds.map(({ metadata }) => metadata))].map((metadata) => ({
    what: `disk "${disk.name}" is a member of a firmware RAID (metadata ${metadata})`,
    next: 'take it out of the array in the firmware or choose another disk',
  }));
}

function unmarkedReasons(state: KernelState, disk: Disk, devices: ReadonlySet<string>): Reason[] {
  const fitting = ({ otherBytes }: Unmarked, onDisk: boolean): boolean =>
    otherBytes !== undefined &&
    [...state.marks.bare].some(
      ([device, bytes]) => devices.has(device) === onDisk && bytes >= otherBytes.from && bytes < otherBytes.below,
    );
  return state.marks.unmarked.flatMap((one) => {
    if (devices.has(one.device))
      return fitting(one, true)
        ? []
        : [{ what: `${showUnmarked(one)}, and "${one.path}" is on disk "${disk.name}"`, next: byHand }];
    return fitting(one, true)
      ? [{ what: `${showUnmarked(one)}; disk "${disk.name}" has one of its very size`, next: byHand }]
      : [];
  });
}

function showUnmarked({ path, what, other }: Unmarked): string {
  return `"${path}" is ${what}, ${other} is on another device and bears no mark there`;
}

function stackReasons(state: KernelState, disk: Disk, devices: ReadonlySet<string>): Reason[] {
  const told = new Set(
    [...state.raidMembers, ...state.physicalVolumes, ...state.marks.parts].flatMap(({ device }) => device ?? []),
  );
  const stacked = [...devices]
    .flatMap((device) => directlyAbove(state, device))
    .filter((block) => block.partition === undefined && !isMultipath(block)); // a path is refused as such
  return [...new Set(stacked)].flatMap((block) => {
    // what metadata has named already is not named twice
    const others = block.slaves
      .filter((slave) => !devices.has(slave) && !told.has(slave))
      .map((slave) => ({ path: state.blocks.get(slave)?.path ?? slave }));
    return others.length === 0
      ? []
      : [spans(`${kindOf(block)} device "${block.mapper?.name ?? block.name}"`, disk, others)];
  });
}

const byHand = 'take it apart by hand or choose another disk';

function spans(name: string, disk: Disk, others: readonly { readonly path: string }[]): Reason {
  return { what: `${name} lies on disk "${disk.name}" and also on ${quoted(others)}`, next: byHand };
}

function quoted(devices: readonly { readonly path: string }[]): string {
  return [...new Set(devices.map(({ path }) => path))]
    .sort()
    .map((path) => `"${path}"`)
    .join(', ');
}
