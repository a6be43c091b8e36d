import { chmod, mkdir, stat, statfs } from 'node:fs/promises';
import { Failure, Refusal, messageOf } from '../../errors/errors.ts';

/** File systems that live in memory (statfs f_type): tmpfs, ramfs. */
const inMemory: readonly number[] = [0x0102_1994, 0x8584_58f6];

/**
 * Makes the state folder (0700) ready for journal and originals. It must outlive a power cut, or a run that was cut off could not
 * be taken back.
 */
export async function openStateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (((await stat(folder)).mode & 0o777) !== 0o700) await chmod(folder, 0o700);
  } catch (error) {
    throw new Failure(`the state folder "${folder}" cannot be made`, {
      why: messageOf(error),
      next: 'give another one with --state-dir',
      cause: error,
    });
  }
  const { type } = await statfs(folder);
  if (inMemory.includes(type)) {
    throw new Refusal(`the state folder "${folder}" is in memory, where originals would be lost with the power`, {
      next: 'give a folder on a disk with --state-dir',
    });
  }
}
