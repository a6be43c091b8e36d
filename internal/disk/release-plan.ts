import type { BlockDevice } from './block-devices.ts';
import { devicesOf, directlyAbove, kindOf } from './holders.ts';
import type { KernelState } from './kernel-state.ts';
import { lvmSettings, type PhysicalVolume } from './lvm.ts';
import type { Inspection } from './refusals.ts';
import { savedDevices } from './spanning.ts';
import { mountsOnTop } from './unmount-target.ts';

/** One act of taking a disk out of use, as data: shown first, then run. */
export type ReleaseAction = {
  readonly action:
    | 'unmount'
    | 'swap off'
    | 'deactivate'
    | 'remove group'
    | 'remove volume'
    | 'close'
    | 'stop'
    | 'zero superblock'
    | 'wipe';
  readonly program: string;
  readonly args: readonly string[];
  readonly reason: string;
  /** The action is passed over when this device is gone by then: an earlier action took it along. */
  readonly device?: string;
  /** Exit statuses that do not stop us: a damaged group refuses its removal, and wiping it is right all the same. The look afterwards counts. */
  readonly okStatuses?: readonly number[];
};

/**
 * INVARIANTS of the plan
 * - Leaf before root: nothing is taken away from under something that still uses it. The order comes from the kernel's graph and from
 *   LVM's membership, never from names (thin pools have their data and metadata below the pool).
 * - Only devices of the target's tree appear. A volume group that is also elsewhere loses our physical volume and is not removed.
 * - What lies on a kept partition is deactivated, never removed or wiped; and then the disk's own table stays, too.
 */
export function planRelease(state: KernelState, inspection: Inspection): ReleaseAction[] {
  const devices = devicesOf(inspection.tree);
  const kept = savedDevices(state, inspection.saved);
  const actions: ReleaseAction[] = [...unmounts(state, devices), ...swapOffs(state, devices)];
  const visited = new Set<string>();
  const groupsDone = new Set<string>();

  const visit = (device: string): void => {
    if (visited.has(device)) return;
    visited.add(device);
    for (const above of directlyAbove(state, device)) visit(above.device);
    for (const volume of state.physicalVolumes.filter((candidate) => candidate.device === device)) {
      if (volume.groupUuid !== undefined && !groupsDone.has(volume.groupUuid)) {
        groupsDone.add(volume.groupUuid);
        const members = membersOf(state, volume.groupUuid, devices);
        // a group's volumes may lie on any of its members, so all of them are cleared above before the group goes
        for (const member of members)
          if (member.device !== undefined && devices.includes(member.device))
            for (const above of directlyAbove(state, member.device)) visit(above.device);
        actions.push(...groupActions(volume, members, devices, kept));
      }
      if (!kept.has(device))
        actions.push({
          action: 'remove volume',
          program: 'pvremove',
          args: [...lvmSettings([volume.path]), '-y', '-ff', volume.path],
          reason: 'its LVM label would be found again',
          okStatuses: [0, 5],
        });
    }
    const block = state.blocks.get(device);
    if (block !== undefined)
      actions.push(
        ...superblockActions(state, block, kept),
        ...(device === inspection.disk.device ? [] : closingActions(block)),
      );
  };
  visit(inspection.disk.device);

  return [...actions, ...wipes(state, inspection, kept)];
}

/** The plan as lines for people. */
export function showPlan(actions: readonly ReleaseAction[]): string[] {
  return actions.map((action) => `${action.program} ${action.args.join(' ')}: ${action.reason}`);
}

function unmounts(state: KernelState, devices: readonly string[]): ReleaseAction[] {
  // with all that stands inside them, whatever file system it is: container layers, a tmpfs of a hook
  return mountsOnTop(
    state.mounts,
    state.mounts.filter((mount) => devices.includes(mount.device)),
  )
    .reverse()
    .map((mount) => ({
      action: 'unmount',
      program: 'umount',
      args: ['--', mount.target],
      reason: `"${mount.source}" is still mounted`,
    }));
}

function swapOffs(state: KernelState, devices: readonly string[]): ReleaseAction[] {
  return state.swaps
    .filter((swap) => devices.includes(swap.device))
    .map((swap) => ({ action: 'swap off', program: 'swapoff', args: [swap.path], reason: 'swap is in use' }));
}

/** The volumes of a group. Copies of ours on another disk are none of its. */
function membersOf(state: KernelState, groupUuid: string, devices: readonly string[]): PhysicalVolume[] {
  const members = state.physicalVolumes.filter((volume) => volume.groupUuid === groupUuid);
  const isOurs = ({ device }: PhysicalVolume): boolean => device !== undefined && devices.includes(device);
  const ours = new Set(members.filter(isOurs).flatMap(({ uuid }) => uuid ?? []));
  return members.filter((member) => isOurs(member) || member.uuid === undefined || !ours.has(member.uuid));
}

function groupActions(
  volume: PhysicalVolume,
  members: readonly PhysicalVolume[],
  devices: readonly string[],
  kept: ReadonlySet<string>,
): ReleaseAction[] {
  const isOurs = ({ device }: PhysicalVolume): boolean => device !== undefined && devices.includes(device);
  const select = [
    ...lvmSettings(members.filter(isOurs).map(({ path }) => path)),
    '--select',
    `vg_uuid=${volume.groupUuid ?? ''}`,
  ];
  const name = `volume group "${volume.groupName ?? ''}"`;
  const whole = members.every(isOurs);
  const isKept = volume.device !== undefined && kept.has(volume.device);
  // Its volumes were deactivated by number already where they were active; this also ends monitoring, and a damaged group may refuse it.
  const deactivate: ReleaseAction = {
    action: 'deactivate',
    program: 'vgchange',
    args: ['-an', ...select],
    reason: `${name} lies on the disk`,
    okStatuses: [0, 5],
  };
  if (isKept) return [{ ...deactivate, reason: `${name} lies on a partition that is kept` }];
  if (!whole)
    return [{ ...deactivate, reason: `${name} has members that are not on this disk, and they stay as they are` }];
  return [
    deactivate,
    {
      action: 'remove group',
      program: 'vgremove',
      args: ['-y', ...select],
      reason: `${name} lies on this disk only`,
      okStatuses: [0, 5],
    },
  ];
}

function superblockActions(state: KernelState, block: BlockDevice, kept: ReadonlySet<string>): ReleaseAction[] {
  return state.raidMembers
    .filter((member) => member.device === block.device && !kept.has(block.device))
    .map((member) => ({
      // an old superblock at the end of the last partition shows on the whole disk as well, and the first act removes both
      action: 'zero superblock',
      program: 'mdadm',
      args: ['--zero-superblock', block.path],
      reason: `it is a member of RAID array "${member.arrayName ?? member.arrayUuid}"`,
      okStatuses: [0, 1, 2],
    }));
}

/** Takes down a device that is built on the target. The target itself may be a loop device, over a file elsewhere: it never comes here. */
function closingActions(block: BlockDevice): ReleaseAction[] {
  const { device } = block;
  const name = block.mapper?.name ?? block.name;
  const kind = kindOf(block);
  switch (kind) {
    case 'crypt':
      return [
        {
          action: 'close',
          program: 'cryptsetup',
          args: ['close', name],
          reason: 'an encrypted device is open',
          device,
        },
      ];
    case 'logical volume':
    case 'multipath':
    case 'mapper':
      return [
        {
          action: 'deactivate',
          program: 'dmsetup',
          args: ['remove', '--retry', name],
          reason: `${kind} "${name}" is active`,
          device,
        },
      ];
    case 'raid':
      return [
        {
          action: 'stop',
          program: 'mdadm',
          args: ['--stop', block.path],
          reason: `RAID array "${name}" is running`,
          device,
        },
      ];
    case 'loop':
      return [
        {
          action: 'close',
          program: 'losetup',
          args: ['--detach', block.path],
          reason: `it is set up over "${block.loop?.file ?? ''}"`,
          device,
        },
      ];
    case 'disk':
    case 'partition':
    case 'mount':
    case 'swap':
    case 'volume group':
    case 'raid member':
    case 'shared part':
      return [];
  }
}

function wipes(state: KernelState, { disk, saved }: Inspection, kept: ReadonlySet<string>): ReleaseAction[] {
  const partitions = [...state.blocks.values()].filter(
    (block) => block.partition?.disk === disk.device && !kept.has(block.device),
  );
  const ordered = partitions.sort((a, b) => (a.partition?.number ?? 0) - (b.partition?.number ?? 0));
  return [
    ...ordered.map((block): ReleaseAction => ({
      action: 'wipe',
      program: 'wipefs',
      args: ['--all', '--force', block.path],
      reason: 'signatures inside partitions outlive the table',
      device: block.device,
    })),
    // The table is what leads to the kept partitions; coreos-installer rewrites it itself.
    ...(saved.length > 0
      ? []
      : [
          {
            action: 'wipe',
            program: 'wipefs',
            args: ['--all', '--force', disk.path],
            reason: 'the partition table and what lies on the whole disk',
          } satisfies ReleaseAction,
        ]),
  ];
}
