import type { BlockDevice, BlockDevices } from './block-devices.ts';

/** True for the device that multipathd makes of several paths to one disk. */
export function isMultipath(block: BlockDevice): boolean {
  return block.mapper?.uuid.startsWith('mpath-') === true;
}

/** The multipath device that a whole disk is a path of. */
export function multipathOver(disk: BlockDevice, blocks: BlockDevices): BlockDevice | undefined {
  return disk.holders.flatMap((holder) => blocks.get(holder) ?? []).find(isMultipath);
}
