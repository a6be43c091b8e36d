import { fstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../errors/errors.ts';
import { openHost, type Host } from '../host/host.ts';
import { journalEntry } from '../log/journald.ts';
import { openLog, type Log } from '../log/log.ts';
import { progressToDescriptor, type ProgressEvent } from '../log/progress.ts';
import type { Process } from './process.ts';

/** What one call of a program works with. */
export type Session = AsyncDisposable & {
  readonly program: string;
  readonly log: Log;
  readonly host: Host;
  readonly stop: AbortSignal;
  readonly emit: (event: ProgressEvent) => void;
  readonly bar?: (text: string) => void;
  readonly print: (text: string) => void;
};

export type SessionOptions = {
  readonly program: string;
  /** As the person typed it, for advice. */
  readonly calledAs: string;
  readonly process: Process;
  /** Print debug lines, too. */
  readonly verbose?: boolean;
  /** Number of an open descriptor that gets progress as JSON lines. */
  readonly progressFd?: string | undefined;
  /** What a request to stop does in this program, for the log. */
  readonly stopping?: string;
  /** Put before every program of the host. */
  readonly through?: readonly string[];
  /** Folder for the machine-readable log; made if missing. Without it, and when it cannot be written, there is none. */
  readonly logFolder?: string;
};

/**
 * Opens a session: log, host, stop signal. SIGTERM and SIGINT ask for an orderly stop; a second one ends at once.
 */
export function openSession(options: SessionOptions): Session {
  const { program, process: own } = options;
  const journal = isJournal(own.env['JOURNAL_STREAM']);
  const jsonFile = options.logFolder === undefined ? undefined : usableLogFile(options.logFolder, program);
  let barDrawn = false;
  const write = (line: string): void => {
    if (barDrawn) own.stderr('\r\u001b[K');
    barDrawn = false;
    own.stderr(line);
  };
  const log = openLog({
    program,
    verbose: options.verbose === true,
    journal,
    write,
    ...(jsonFile === undefined ? {} : { jsonFile }),
  });
  const stopping = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) process.exit(75);
    log.warn(
      `${signal} received; ${options.stopping ?? 'no new step begins, a program that writes the image store may finish first'}`,
    );
    stopping.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const host = openHost({
    log,
    env: own.env,
    stop: stopping.signal,
    ...(options.through === undefined ? {} : { through: options.through }),
  });
  const toDescriptor =
    options.progressFd === undefined
      ? undefined
      : progressToDescriptor(parseDescriptor(options.progressFd, options.calledAs), () => new Date());
  let journalled = Promise.resolve();

  return {
    program,
    log,
    host,
    stop: stopping.signal,
    emit: (event) => {
      toDescriptor?.(event);
      const entry = journal ? journalEntry(program, event) : undefined;
      // One after the other, so that the journal keeps their order; losing one harms nobody.
      if (entry !== undefined)
        journalled = journalled.then(() =>
          host.run('logger', ['--journald'], { input: log.clean(entry), onStop: 'finish', budgetMs: 5000 }).then(
            () => undefined,
            () => undefined,
          ),
        );
    },
    ...(own.stderrIsTerminal && !journal
      ? {
          bar: (text: string) => {
            if (text === '' && !barDrawn) return;
            own.stderr(`\r\u001b[K${text.slice(0, Math.max(own.columns - 1, 20))}`);
            barDrawn = text !== '';
          },
        }
      : {}),
    print: (text) => {
      own.stdout(log.clean(text));
    },
    [Symbol.asyncDispose]: async () => {
      await journalled;
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    },
  };
}

function parseDescriptor(text: string, calledAs: string): number {
  const fd = Number(text);
  if (!Number.isInteger(fd) || fd < 3)
    throw new UsageError(`--progress-fd "${text}" is not a descriptor from 3`, {
      next: `open one for us, for example: ${calledAs} run --progress-fd 3 3>progress.jsonl`,
    });
  try {
    fstatSync(fd);
  } catch {
    throw new UsageError(`--progress-fd ${fd} is not open`, {
      next: `open it for us, for example: ${calledAs} run --progress-fd 3 3>progress.jsonl`,
    });
  }
  return fd;
}

/** systemd names the device and inode of the journal's socket; a redirected stderr is another one. */
function isJournal(stream: string | undefined): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(2);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function usableLogFile(folder: string, program: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return join(folder, `${program}.jsonl`);
  } catch {
    return undefined; // a full or read-only file system must not stop status and gather
  }
}
