import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of all files below a folder; what vanishes while one looks counts as nothing. */
export async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    bytes += await stat(join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}

/** Watches a program that writes below a folder. */
export type GrowthWatch = Disposable & {
  /** Aborted when neither bytes nor lines came for the whole stall budget. */
  readonly signal: AbortSignal;
  /** Most bytes seen so far. */
  bytes(): number;
  /** A line of the program is a sign of life too. */
  alive(): void;
};

/** Starts watching; `onGrowth` is told the bytes whenever they grew. */
export function watchGrowth(
  folder: string,
  stallMs: number,
  onGrowth: (bytes: number) => void = () => undefined,
  everyMs = 1_000,
): GrowthWatch {
  const controller = new AbortController();
  let most = 0;
  let last = performance.now();
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    const bytes = await bytesBelow(folder);
    looking = false;
    if (bytes > most) {
      most = bytes;
      last = performance.now();
      onGrowth(bytes);
    } else if (performance.now() - last > stallMs) {
      controller.abort();
    }
  };
  const timer = setInterval(
    () => {
      void look();
    },
    Math.min(everyMs, stallMs / 4),
  );
  return {
    signal: controller.signal,
    bytes: () => most,
    alive: () => {
      last = performance.now();
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}
