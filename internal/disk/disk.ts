/**
 * The room's door, in the order of an installation.
 *
 * Check (only reads): which disk is meant, who uses it, may it be erased.
 */
export { resolveDisk, confirmDisk, nameWarning, type Disk, type ResolveOptions } from './identity.ts';
export { listDisks, diskTable, describeDisk, type DiskDescription, type DiskRow } from './candidates.ts';
export { inspectDisk, refuseUnsafe, type Inspection, type InspectOptions } from './refusals.ts';
export type { Reason } from './reason.ts';
export { readKernelState, type KernelState } from './kernel-state.ts';
export { holderTree, printTree, type Holder } from './holders.ts';
export { savedFilter, savedPartitions, type SavedFilter } from './saved-partitions.ts';
export { parseStart, startSector, type Start } from './start.ts';

/** Write: the old contents of the disk are lost. */
export { releaseDisk, type Released } from './release.ts';
export { planRelease, showPlan, type ReleaseAction } from './release-plan.ts';
export { writeImage, type WriteOptions } from './write.ts';
export type { WriteProgress } from './write-progress.ts';
export { settle } from './settle.ts';
export {
  readTable,
  dumpTable,
  findPartition,
  hasPartition,
  partitionPath,
  showPartitions,
  type Partition,
  type PartitionQuery,
  type PartitionTable,
} from './partitions.ts';
export { addPartition, derivedUuid, type ExtraPartition } from './extra-partition.ts';
export { formatPartition, isFormatted } from './format.ts';
export { growRoot, growFileSystem } from './grow.ts';
export { againstMultipath, multipathArguments } from './multipath.ts';

/** Fill: the target is mounted, measured, and let go. */
export { mountTarget, isMounted, relabelContainers, type MountPlan, type Target } from './mount-target.ts';
export { mountPartition } from './mounting.ts';
export { unmountTarget } from './unmount-target.ts';
export { lookInto, type Look } from './look-into.ts';
export { spaceOf, missingSpace, memoryBacked, type Need, type Space } from './space.ts';
export { diskEvidence } from './evidence.ts';
export { showBytes } from './sizes.ts';
export type { Say } from './say.ts';
