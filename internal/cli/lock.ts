import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, Refusal } from '../errors/errors.ts';
import { readTextIfPresent } from '../host/files.ts';

/** Held while a program changes the machine. */
export type Lock = AsyncDisposable;

/**
 * Takes the lock of a program, or refuses naming who holds it.
 *
 * INVARIANT: a lock is held by a process, named by pid and start time; when that process is gone the lock is free, because a
 * killed run must not need a person to delete a file.
 */
export async function takeLock(file: string, program: string): Promise<Lock> {
  const own = `${process.pid} ${(await startTimeOf(process.pid)) ?? '0'}`;
  await mkdir(dirname(file), { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    try {
      const handle = await open(file, 'wx', 0o644);
      await handle.writeFile(own);
      await handle.close();
      return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const holder = (await readTextIfPresent(file)) ?? '';
    const [pid, started] = holder.split(' ');
    if (pid !== undefined && started !== undefined && (await startTimeOf(Number(pid))) === started) {
      throw new Refusal(`another ${program} is at work (process ${pid})`, {
        next: `wait for it, or look at it with: ${program} status`,
      });
    }
    if (attempt > 5)
      throw new Refusal(`the lock "${file}" cannot be taken`, { next: `look at it with: ${program} status` });
    await rm(file, { force: true });
  }
}

/** Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat), or undefined when it is gone. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
