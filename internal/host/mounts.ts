import { readFile } from 'node:fs/promises';
import type { RunContext } from './run.ts';
import { run } from './run.ts';

/** One line of the kernel's mount table. */
export type MountEntry = {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
  /** Device number as `major:minor`; the only exact way to tell which device is mounted. */
  readonly device: string;
  /** Folder of the file system that is mounted ("/" unless a bind mount). */
  readonly root: string;
  /** Options of the file system itself; for an overlay they name its folders. */
  readonly superOptions: readonly string[];
};

/** The mount table of our namespace, in mount order. */
export async function mountTable(file = '/proc/self/mountinfo'): Promise<MountEntry[]> {
  return parseMountTable(await readFile(file, 'utf8'));
}

/** Parses /proc/PID/mountinfo (proc(5)). */
export function parseMountTable(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const words = line.split(' ');
      const dash = words.indexOf('-', 6);
      return {
        device: words[2] ?? '',
        root: unescape(words[3] ?? ''),
        target: unescape(words[4] ?? ''),
        options: (words[5] ?? '').split(','),
        type: words[dash + 1] ?? '',
        source: unescape(words[dash + 2] ?? ''),
        superOptions: (words[dash + 3] ?? '').split(',').map(unescape),
      };
    });
}

/** Blanks, tabs, newlines and backslashes stand as octal escapes. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** A mount that ends with its scope. `keep` leaves it mounted. */
export type Mounted = AsyncDisposable & { readonly target: string; keep(): void };

/** Mounts a file system and unmounts it at the end of the scope; a busy one is tried again for five seconds. */
export async function mounted(
  context: RunContext,
  source: string,
  target: string,
  args: readonly string[] = [],
): Promise<Mounted> {
  await run(context, 'mount', [...args, '--', source, target]);
  let kept = false;
  return {
    target,
    keep: () => {
      kept = true;
    },
    [Symbol.asyncDispose]: async () => {
      if (!kept) await unmount(context, target);
    },
  };
}

/** Unmounts one mount point (the topmost there). Udev or a late reader may hold it for a moment, so busy is tried again. */
export async function unmount(context: RunContext, target: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run(context, 'umount', ['--', target], { onStop: 'finish' });
      return;
    } catch (error) {
      if (attempt >= 25) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
