import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errorCode } from '../errors/errors.ts';

/** The kernel's own answer, valid for all mount namespaces: an exclusive open fails while anyone has claimed the disk or a part of it. */
export async function isBusy(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_EXCL)).close();
    return false;
  } catch (error) {
    if (errorCode(error) === 'EBUSY') return true;
    throw error;
  }
}

/**
 * The same, asked again for a while: a program that was killed a moment ago is still giving back what it had opened and mounted, and
 * a rerun at once is just when that happens.
 */
export async function staysBusy(path: string, forMs = 15_000): Promise<boolean> {
  const deadline = performance.now() + forMs;
  while (await isBusy(path)) {
    if (performance.now() >= deadline) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
