import { directlyAbove, devicesOf, holderTree, kindOf } from './holders.ts';
import type { Disk } from './identity.ts';
import type { KernelState } from './kernel-state.ts';
import type { Partition } from './partitions.ts';
import { isFirmwareRaid } from './raid.ts';
import type { Reason } from './reason.ts';

/*
 * What lies on this disk and on others as well.
 *
 * | structure               | members elsewhere are told by                  |
 * |-------------------------|------------------------------------------------|
 * | LVM volume group        | its UUID on other physical volumes, present or missing |
 * | MD array, running       | the kernel's slaves of the array               |
 * | MD array, at rest       | its UUID in other superblocks                  |
 * | multipath, other mapper | the kernel's slaves                            |
 * | firmware RAID           | always refused: the firmware knows the rest    |
 */

/** Reasons not to erase a disk because others have a part in what it holds. */
export function spanningReasons(state: KernelState, disk: Disk, devices: ReadonlySet<string>): Reason[] {
  return [
    ...groupReasons(state, disk, devices),
    ...raidReasons(state, disk, devices),
    ...stackReasons(state, disk, devices),
  ];
}

/** A volume group or array that lies half on a kept partition and half on what is erased cannot be served either way. */
export function halfSavedReasons(state: KernelState, disk: Disk, saved: readonly Partition[]): Reason[] {
  if (saved.length === 0) return [];
  const kept = savedDevices(state, saved);
  const rest = new Set(devicesOf(holderTree(state, disk.device)).filter((device) => !kept.has(device)));
  const parts = [
    ...state.physicalVolumes.map((volume) => ({
      id: volume.groupUuid,
      name: `volume group "${volume.groupName ?? ''}"`,
      device: volume.device,
    })),
    ...state.raidMembers.map((member) => ({
      id: member.arrayUuid,
      name: `RAID array "${member.arrayName ?? member.arrayUuid}"`,
      device: member.device,
    })),
  ];
  const split = parts.filter(
    (part) =>
      part.id !== undefined &&
      part.device !== undefined &&
      kept.has(part.device) &&
      parts.some((other) => other.id === part.id && other.device !== undefined && rest.has(other.device)),
  );
  return [...new Set(split.map((part) => part.name))].map((name) => ({
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

function groupReasons(state: KernelState, disk: Disk, devices: ReadonlySet<string>): Reason[] {
  const ours = state.physicalVolumes.filter((volume) => volume.device !== undefined && devices.has(volume.device));
  return [...new Set(ours.flatMap((volume) => volume.groupUuid ?? []))].flatMap((uuid) => {
    const others = state.physicalVolumes.filter(
      (volume) => volume.groupUuid === uuid && volume.device !== undefined && !devices.has(volume.device),
    );
    const name = ours.find((volume) => volume.groupUuid === uuid)?.groupName ?? uuid;
    return others.length === 0
      ? []
      : [
          spans(
            `volume group "${name}"`,
            disk,
            others.map((other) => other.path),
          ),
        ];
  });
}

function raidReasons(state: KernelState, disk: Disk, devices: ReadonlySet<string>): Reason[] {
  const ours = state.raidMembers.filter((member) => devices.has(member.device));
  return [...new Set(ours.map((member) => member.arrayUuid))].flatMap((uuid) => {
    const member = ours.find((candidate) => candidate.arrayUuid === uuid);
    const name = `RAID array "${member?.arrayName ?? uuid}"`;
    if (member !== undefined && isFirmwareRaid(member)) {
      return [
        {
          what: `disk "${disk.name}" is a member of a firmware RAID (metadata ${member.metadata})`,
          next: 'take it out of the array in the firmware or choose another disk',
        },
      ];
    }
    const others = state.raidMembers.filter((other) => other.arrayUuid === uuid && !devices.has(other.device));
    return others.length === 0
      ? []
      : [
          spans(
            name,
            disk,
            others.map((other) => other.path),
          ),
        ];
  });
}

function stackReasons(state: KernelState, disk: Disk, devices: ReadonlySet<string>): Reason[] {
  const told = new Set(state.raidMembers.map((member) => member.device));
  const groups = new Set(state.physicalVolumes.flatMap((volume) => volume.device ?? []));
  const stacked = [...devices]
    .flatMap((device) => directlyAbove(state, device))
    .filter((block) => block.partition === undefined);
  return [...new Set(stacked)].flatMap((block) => {
    // an array or a group that metadata has named already is not named twice
    const others = block.slaves
      .filter((slave) => !devices.has(slave) && !told.has(slave) && !groups.has(slave))
      .map((slave) => state.blocks.get(slave)?.path ?? slave);
    return others.length === 0
      ? []
      : [spans(`${kindOf(block)} device "${block.mapper?.name ?? block.name}"`, disk, others)];
  });
}

function spans(name: string, disk: Disk, others: readonly string[]): Reason {
  return {
    what: `${name} lies on disk "${disk.name}" and also on ${[...new Set(others)]
      .sort()
      .map((other) => `"${other}"`)
      .join(', ')}`,
    next: 'take it apart by hand or choose another disk',
  };
}
