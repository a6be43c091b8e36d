import { Refusal } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { describeDisk, listDisks, twinsOf } from './candidates.ts';
import { activeHolders, devicesOf, holderTree, type Holder } from './holders.ts';
import { staysBusy } from './busy.ts';
import { pathOf, shownNode, type Disk } from './identity.ts';
import { readKernelState, type KernelState } from './kernel-state.ts';
import { lookAlikes } from './look-alikes.ts';
import { namespacesWith } from './mount-users.ts';
import { multipathOver } from './multipath.ts';
import { isOwnMount, ownFolders, type OwnFolders } from './own-mounts.ts';
import { readTable, type Partition } from './partitions.ts';
import { keepsSomething, savedFilter, savedPartitions } from './saved-partitions.ts';
import type { Reason } from './reason.ts';
import { settle } from './settle.ts';
import { halfSavedReasons, spanningNotes, spanningReasons } from './spanning.ts';

/** All that was found out about a disk before it is touched. */
export type Inspection = {
  readonly disk: Disk;
  readonly tree: Holder;
  /** Empty when the disk may be erased. */
  readonly reasons: readonly Reason[];
  /** Mount points that an earlier, killed run of ours left; they are released, not refused. */
  readonly leftovers: readonly string[];
  /** Facts worth saying. */
  readonly notes: readonly string[];
  /** Partitions that are kept. */
  readonly saved: readonly Partition[];
};

export type InspectOptions = {
  readonly coreosInstallerArgs?: readonly string[];
  /** Allows volume groups and arrays that also lie on other disks; only our part is taken out of them. */
  readonly allowSpanning?: boolean;
  /** Where an earlier run of ours may have mounted the disk. */
  readonly own?: OwnFolders;
};

/** Finds out whether the disk may be erased. Only reads. */
export async function inspectDisk(host: Host, disk: Disk, options: InspectOptions = {}): Promise<Inspection> {
  return (await lookAt(host, disk, options)).inspection;
}

/** The inspection together with the look it was computed from. */
export async function lookAt(
  host: Host,
  disk: Disk,
  options: InspectOptions,
): Promise<{ state: KernelState; inspection: Inspection }> {
  const filter = savedFilter(options.coreosInstallerArgs ?? []);
  // Nobody but kpartx makes the partitions of a multipath device; without them what they hold would not be seen. The disk is not written.
  if (disk.paths !== undefined) await settle(host, disk);
  const saved = savedPartitions(filter, await readTable(host, disk));
  const state = await readKernelState(host);
  const inspection = judge(state, disk, {
    saved,
    allowSpanning: options.allowSpanning ?? false,
    own: await ownFolders(options.own),
  });
  const notes = [
    ...inspection.notes,
    ...(keepsSomething(filter) && saved.length === 0
      ? [`no partition of disk "${disk.name}" fits what coreosInstallerArgs asks to keep; nothing of it is kept`]
      : []),
    ...(await lookAlikes(host, state, disk)),
    ...(await twinNotes(host, disk)),
  ];
  return {
    state,
    inspection: { ...inspection, reasons: [...inspection.reasons, ...(await hiddenUse(inspection))], notes },
  };
}

/** Without multipathd each path looks like a disk of its own, and others write to the same disk beside us. */
async function twinNotes(host: Host, disk: Disk): Promise<string[]> {
  if (disk.wwn === undefined || disk.paths !== undefined) return [];
  return twinsOf(disk, await listDisks(host)).map(
    (twin) =>
      `disk "${twin.name}" has the same WWN; if both are paths to one disk, start multipathd and name "/dev/mapper/…"`,
  );
}

/** A container may have mounted the disk where our mount table does not show it. Only telling while nothing visible holds the disk. */
async function hiddenUse({ disk, tree }: Inspection): Promise<Reason[]> {
  if (activeHolders(tree).length > 0 || !(await staysBusy(disk))) return [];
  const users = await namespacesWith(new Set(devicesOf(tree)));
  return [
    {
      what: `disk "${disk.name}" is in use where this mount namespace does not show it${users.length === 0 ? '' : `: ${users.slice(0, 5).join(', ')}`}`,
      next: 'end what uses it or choose another disk',
    },
  ];
}

/** The judgement itself, from values only. */
export function judge(
  state: KernelState,
  disk: Disk,
  { saved, allowSpanning, own }: { saved: readonly Partition[]; allowSpanning: boolean; own: OwnFolders },
): Inspection {
  const tree = holderTree(state, disk.device);
  const devices = new Set(devicesOf(tree));
  const mounts = state.mounts.filter((mount) => devices.has(mount.device));
  const foreign = mounts.filter((mount) => !isOwnMount(mount, mounts, own));
  const leftovers = mounts.filter((mount) => isOwnMount(mount, mounts, own)).map((mount) => mount.target);
  const reasons = [
    ...pathReasons(state, disk),
    ...mountReasons(disk, foreign),
    ...(allowSpanning ? [] : spanningReasons(state, disk, devices)),
    ...halfSavedReasons(state, disk, saved),
  ];
  const swaps = activeHolders(tree).filter(({ kind }) => kind === 'swap');
  const notes = [
    ...(leftovers.length === 0 ? [] : [`an earlier run left disk "${disk.name}" mounted at ${quoted(leftovers)}`]),
    ...spanningNotes(state, disk, devices),
    ...swaps.map((swap) => `swap on "${swap.name}" will be switched off`),
    ...saved.map(
      (partition) => `partition ${partition.number} "${partition.label ?? ''}" of disk "${disk.name}" is kept`,
    ),
  ];
  return { disk, tree, reasons, leftovers, notes, saved };
}

/** @throws Refusal with every reason, so that one look is enough */
export function refuseUnsafe(inspection: Inspection): void {
  const [first, ...more] = inspection.reasons;
  if (first === undefined) return;
  throw new Refusal([first, ...more].map((reason) => reason.what).join('; '), {
    why: describeDisk(inspection.disk),
    next: [...new Set([first, ...more].map((reason) => reason.next))].join('; '),
  });
}

/** A map may have been made of the disk since it was chosen. */
function pathReasons(state: KernelState, disk: Disk): Reason[] {
  const block = state.blocks.get(disk.device);
  const map = block === undefined ? undefined : multipathOver(block, state.blocks);
  return map === undefined
    ? []
    : [{ what: `disk "${disk.name}" is ${pathOf(map)}`, next: `name "${shownNode(map)}" as the disk` }];
}

type MountFact = { readonly target: string; readonly type: string };

const liveFolders = ['/run/media/iso', '/run/initramfs/live', '/run/live/medium', '/sysroot/images'];

function mountReasons(disk: Disk, mounts: readonly MountFact[]): Reason[] {
  if (mounts.length === 0) return [];
  const live = mounts.filter((mount) => mount.type === 'iso9660' || liveFolders.includes(mount.target));
  if (live.length > 0) {
    return [
      {
        what: `disk "${disk.name}" holds the medium this system was started from (${quoted(live.map((mount) => mount.target))})`,
        next: 'choose another disk',
      },
    ];
  }
  const system = mounts.filter((mount) => ['/', '/sysroot', '/usr', '/boot'].includes(mount.target));
  if (system.length > 0)
    return [
      {
        what: `disk "${disk.name}" holds the running system (${quoted(system.map((mount) => mount.target))})`,
        next: 'choose another disk',
      },
    ];
  return [
    {
      what: `disk "${disk.name}" holds mounted file systems: ${quoted(mounts.map((mount) => mount.target))}`,
      next: 'unmount them or choose another disk',
    },
  ];
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(', ');
}
