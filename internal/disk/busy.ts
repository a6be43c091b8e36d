import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errorCode } from '../errors/errors.ts';
import { readBlockDevices } from './block-devices.ts';
import type { DiskDescription } from './candidates.ts';

/** The kernel's own answer, valid for all mount namespaces: an exclusive open fails while anyone has claimed the disk or a part of it. */
export async function isBusy(disk: Pick<DiskDescription, 'path' | 'device' | 'paths'>): Promise<boolean> {
  for (const path of await claimable(disk)) if (await isClaimed(path)) return true;
  return false;
}

/**
 * The same, asked again for a while: a program that was killed a moment ago is still giving back what it had opened and mounted, and
 * a rerun at once is just when that happens.
 */
export async function staysBusy(
  disk: Pick<DiskDescription, 'path' | 'device' | 'paths'>,
  forMs = 15_000,
): Promise<boolean> {
  const deadline = performance.now() + forMs;
  while (await isBusy(disk)) {
    if (performance.now() >= deadline) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

/** The partitions of a multipath device claim it for as long as they are there, so they are asked instead. */
async function claimable({
  path,
  device,
  paths,
}: Pick<DiskDescription, 'path' | 'device' | 'paths'>): Promise<string[]> {
  if (paths === undefined) return [path];
  const partitions = [...(await readBlockDevices()).values()].filter((block) => block.partition?.disk === device);
  return partitions.length === 0 ? [path] : partitions.map((block) => block.path);
}

async function isClaimed(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_EXCL)).close();
    return false;
  } catch (error) {
    if (errorCode(error) === 'EBUSY') return true;
    throw error;
  }
}
