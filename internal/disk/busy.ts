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
