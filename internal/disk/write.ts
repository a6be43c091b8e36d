import { CommandError, Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { staysBusy } from './busy.ts';
import { confirmDisk, type Disk } from './identity.ts';
import { readTable, showPartitions, type PartitionTable } from './partitions.ts';
import type { Say } from './say.ts';
import { keepsSomething, savedFilter } from './saved-partitions.ts';
import { settle } from './settle.ts';
import { progressOf, type WriteProgress } from './write-progress.ts';

export type WriteOptions = {
  readonly say: Say;
  readonly onProgress?: (progress: WriteProgress) => void;
  /** Ends the write when no progress line came for so long, in milliseconds. Default 10 minutes. */
  readonly stallMs?: number;
};

/**
 * Writes the operating system with coreos-installer, called with the disk as the person spelled it.
 *
 * A stop request kills a plain write: the disk is worthless until the write is whole, a later run writes it again, and waiting
 * would only cost the operator minutes. With saved partitions it is let to finish. A kill in the middle was tried and lost nothing
 * (the installer first writes a table of only what it saves), but at the end it joins that table with the image's, and a kill in
 * that moment could lose the way to data that we promised to keep.
 * Either way no writer stays behind: `host.run` ends the whole process group and binds the child to our life.
 *
 * @throws Failure with the installer's last error lines
 */
export async function writeImage(
  host: Host,
  disk: Disk,
  coreosInstallerArgs: readonly string[],
  options: WriteOptions,
): Promise<PartitionTable> {
  await confirmDisk(host, disk);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await install(host, disk, coreosInstallerArgs, options);
      break;
    } catch (error) {
      if (attempt === exclusiveAttempts || !wantsExclusiveAccess(error)) throw explain(error, disk);
      options.say(
        `disk "${disk.name}" was opened by another program for a moment; nothing is written yet, trying again`,
      );
      await new Promise((resolve) => setTimeout(resolve, 1000 * attempt));
      await staysBusy(disk);
    }
  }
  await settle(host, disk);
  const table = await readTable(host, disk);
  // The installer does not look at what it wrote: an image cut off while it was made installs "successfully".
  if (table === undefined || table.partitions.length === 0)
    throw new Failure(`coreos-installer reported success, and disk "${disk.name}" has no partition`, {
      next: 'check the image that coreos-installer was given',
    });
  options.say(`disk "${disk.name}" is written; ${showPartitions(table)}`);
  return table;
}

/**
 * The installer's first act is to have the kernel reread the partition table, which fails while anyone has a partition open: udev
 * probing what the release just changed, a `blkid` of the monitoring. Nothing is written by then, and the next try finds it gone.
 */
const exclusiveAttempts = 5;

function wantsExclusiveAccess(error: unknown): boolean {
  return (
    error instanceof CommandError &&
    error.end.kind === 'exit' &&
    error.stderrTail.includes('checking for exclusive access') &&
    error.stderrTail.includes('EBUSY')
  );
}

async function install(
  host: Host,
  disk: Disk,
  coreosInstallerArgs: readonly string[],
  options: WriteOptions,
): Promise<void> {
  const keeps = keepsSomething(savedFilter(coreosInstallerArgs));
  const stallMs = options.stallMs ?? 600_000;
  const stalled = new AbortController();
  let timer = setTimeout(() => {
    stalled.abort();
  }, stallMs);
  let seen = -1;
  try {
    await host.run('coreos-installer', ['install', disk.spelling, ...coreosInstallerArgs], {
      budgetMs: Infinity,
      signal: stalled.signal,
      onStop: keeps ? 'finish' : 'kill',
      env: { RUST_BACKTRACE: '0' }, // backtraces would push the error itself out of the lines we keep
      onLine: (stream, line) => {
        const progress = stream === 'stderr' ? progressOf(line) : undefined;
        if (progress === undefined) {
          if (
            stream === 'stderr' &&
            /^(?:Installing|Downloading|Copying|Saving partition|Resetting partition table)/.test(line)
          )
            options.say(line.trim());
          return;
        }
        // The budget restarts on progress, not on talk: a source that stands still repeats its line.
        if (progress.doneBytes > seen) {
          seen = progress.doneBytes;
          clearTimeout(timer);
          timer = setTimeout(() => {
            stalled.abort();
          }, stallMs);
        }
        options.onProgress?.(progress);
      },
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The installer prints causes below the error, so its last lines belong together; progress is not among them. */
function explain(error: unknown, disk: Disk): unknown {
  if (!(error instanceof CommandError) || (error.end.kind !== 'exit' && error.end.kind !== 'budget')) return error;
  const lines = error.stderrTail
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && progressOf(line) === undefined);
  const from = lines.findIndex((line) => /^(?:Error:|Partitions in use)/.test(line));
  const told = lines.slice(Math.max(0, from)).slice(-8);
  const what =
    error.end.kind === 'budget'
      ? `writing disk "${disk.name}" made no progress for ${Math.round(error.end.budgetMs / 1000)} s`
      : `writing disk "${disk.name}" failed`;
  return new Failure(what, {
    why: told.length === 0 ? error.message : told.join('\n'),
    ...nextFor(told.join('\n')),
    cause: error,
  });
}

function nextFor(talk: string): { next?: string } {
  if (/found busy partitions|exclusive access/.test(talk))
    return { next: 'unmount what is listed, or restart the machine' };
  if (/No space left on device/.test(talk)) return { next: 'the disk is smaller than the image; choose a larger one' };
  if (/collision with partition/.test(talk))
    return { next: 'the partition to keep begins inside the image; only a partition behind it can be kept' };
  return {};
}
