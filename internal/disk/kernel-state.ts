import { readFile, stat } from 'node:fs/promises';
import { isNotFound } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import type { MountEntry } from '../host/mounts.ts';
import { blockDeviceAt, deviceNumber, readBlockDevices, type BlockDevice, type BlockDevices } from './block-devices.ts';
import { readPhysicalVolumes, type PhysicalVolume } from './lvm.ts';
import { multipathOver } from './multipath.ts';
import { readRaidMembers, type RaidMember } from './raid.ts';
import { readMarks, type Marks } from './shared-parts.ts';
import { readSignatures } from './signatures.ts';

/** A mounted file system with the number of the device that holds it. */
export type MountUse = Pick<MountEntry, 'source' | 'target' | 'type' | 'root'> & { readonly device: string };

/** Active swap: on a device itself, or a file on its file system. */
export type SwapUse = { readonly path: string; readonly device: string };

/** One look at who uses which block device. Values only; everything that decides is computed from it. */
export type KernelState = {
  readonly blocks: BlockDevices;
  /** In mount order. */
  readonly mounts: readonly MountUse[];
  readonly swaps: readonly SwapUse[];
  readonly physicalVolumes: readonly PhysicalVolume[];
  readonly raidMembers: readonly RaidMember[];
  /** What else lies on several devices, or may. */
  readonly marks: Marks;
};

/** Takes the look. Only reads. */
export async function readKernelState(
  host: Host,
  sources: { readonly sys?: string; readonly swaps?: string } = {},
): Promise<KernelState> {
  const blocks = await readBlockDevices(sources.sys);
  const asked = [...blocks.values()].filter((block) => holdsContent(block, blocks));
  const signatures = await readSignatures(host, asked);
  return {
    blocks,
    mounts: await Promise.all((await host.mounts()).map(mountUse)),
    swaps: await readSwaps(sources.swaps ?? '/proc/swaps'),
    physicalVolumes: await readPhysicalVolumes(host, signatures),
    raidMembers: await readRaidMembers(host, asked, signatures),
    marks: await readMarks(signatures),
  };
}

/** Parses /proc/swaps: a heading, then path (blanks as octal), kind, sizes. */
export function parseSwaps(text: string): { path: string; file: boolean }[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [path, kind] = line.split(/\s+/);
      if (path === undefined || path === '' || kind === undefined) return [];
      return [
        {
          path: path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
          file: kind === 'file',
        },
      ];
    });
}

async function mountUse(entry: MountEntry): Promise<MountUse> {
  const { source, target, type, root } = entry;
  // btrfs reports an anonymous number; the device it was mounted from is the best that is known
  const behind = entry.device.startsWith('0:') && source.startsWith('/dev/') ? await blockDeviceAt(source) : undefined;
  return { source, target, type, root, device: typeof behind === 'string' ? behind : entry.device };
}

async function readSwaps(file: string): Promise<SwapUse[]> {
  const swaps: SwapUse[] = [];
  for (const { path, file: isFile } of parseSwaps(await readFile(file, 'utf8').catch(() => ''))) {
    try {
      const found = await stat(path, { bigint: true });
      swaps.push({ path, device: deviceNumber(isFile ? found.dev : found.rdev) });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return swaps;
}

/**
 * Optical drives and memory are not asked: an empty drive takes its time, and memory holds nothing of a disk. Nor are paths of a multipath
 * device, which show its content again, and devices that someone has suspended: whoever reads them waits.
 */
function holdsContent(block: BlockDevice, blocks: BlockDevices): boolean {
  const disk = block.partition === undefined ? block : (blocks.get(block.partition.disk) ?? block);
  return (
    block.sizeBytes > 0 &&
    !/^(?:sr|fd|zram|ram)\d/.test(block.name) &&
    block.mapper?.suspended !== true &&
    multipathOver(disk, blocks) === undefined
  );
}
