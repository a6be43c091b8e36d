import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { CommandError, type CommandEnd } from '../errors/errors.ts';
import type { Log } from '../log/log.ts';

/** How one program is run. */
export type RunOptions = {
  /** Standard input; without it the program reads end-of-file. An open file stays the caller's to close. */
  readonly input?: string | Uint8Array | Readable | OpenFile;
  readonly cwd?: string;
  /** Added to the host's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Time the program may take, in milliseconds. Default: 60 s. `Infinity` where the work has no bound of its own. */
  readonly budgetMs?: number;
  /** Ends the program early (budget of a step). */
  readonly signal?: AbortSignal;
  /** What a stop request does to it. A program that writes an image store is let to finish. Default: kill. */
  readonly onStop?: 'kill' | 'finish';
  /** Gets each line of talk (standard error) or data (standard output) as it comes. */
  readonly onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
  /** Exit statuses that are an answer, not a failure. Default: only 0. */
  readonly okStatuses?: readonly number[];
  /** No line for it in the log: for what is asked each second while something is waited for, maybe for days. */
  readonly quiet?: true;
};

/** A file, or the end of a pipe, by its descriptor. */
export type OpenFile = { readonly fd: number };

/** What a program said and how long it took. Output is cut to its first 64 MiB, talk to its last 16 KiB. */
export type CommandResult = {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  readonly durationMs: number;
};

/** What `run` needs from its surroundings. */
export type RunContext = {
  /** Put before every program: how a container reaches the host. The program is then looked up there. */
  readonly through?: readonly string[];
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the program was told to stop. */
  readonly stop: AbortSignal;
};

const defaultBudgetMs = 60_000;
const graceMs = 10_000;
const talkKept = 16 * 1024;
const outputKept = 64 * 1024 * 1024;

/**
 * Runs a program of the host and waits for it. Arguments are an array and never pass a shell.
 *
 * INVARIANTS
 * - The child dies with us even on SIGKILL (`setpriv --pdeathsig`): a second run must not meet the first one's writer.
 * - The child leads its own process group: a Ctrl-C on our terminal reaches us only, and ending it ends its children.
 * - The error carries command, ending and last words, all redacted.
 *
 * @throws CommandError on any ending but an expected exit status
 */
export async function run(
  context: RunContext,
  program: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<CommandResult> {
  const shown = context.log.clean(showCommand(program, args));
  const through = context.through ?? [];
  const path = through.length > 0 ? program : await findProgram(program, context.env['PATH']);
  if (path === undefined)
    throw new CommandError(shown, { kind: 'not-found' }, '', '', {
      next: `install the program "${program}" or put it on PATH`,
    });
  if (context.stop.aborted && options.onStop !== 'finish') throw new CommandError(shown, { kind: 'stopped' }, '', '');
  if (options.quiet !== true) context.log.debug(`run: ${shown}`);

  const started = performance.now();
  const bound = await findProgram('setpriv', context.env['PATH']);
  const command = [...through, path, ...args];
  const [file = path, ...argv] = bound === undefined ? command : [bound, '--pdeathsig', 'KILL', '--', ...command];
  const child = execa(file, argv, {
    ...inputOf(options.input),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...context.env, LC_ALL: 'C', ...options.env },
    extendEnv: false,
    detached: true,
    cleanup: false,
    reject: false,
    stripFinalNewline: false,
    buffer: { stdout: true, stderr: false },
    maxBuffer: { stdout: outputKept },
  });

  let ended: CommandEnd | undefined;
  const finish = (end: CommandEnd): void => {
    if (ended !== undefined) return;
    ended = end;
    endGroup(child.pid, 'SIGTERM');
    setTimeout(() => {
      if (child.exitCode === null && child.signalCode === null) endGroup(child.pid, 'SIGKILL');
    }, graceMs).unref();
  };
  const budgetMs = options.budgetMs ?? defaultBudgetMs;
  const timer = Number.isFinite(budgetMs)
    ? setTimeout(() => {
        finish({ kind: 'budget', budgetMs });
      }, budgetMs)
    : undefined;
  const onAbort = (): void => {
    finish({ kind: 'budget', budgetMs: performance.now() - started });
  };
  const onStop = (): void => {
    if (options.onStop !== 'finish') finish({ kind: 'stopped' });
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  context.stop.addEventListener('abort', onStop, { once: true });

  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-talkKept);
  });
  if (options.onLine !== undefined) {
    followLines(child.stderr, (line) => {
      options.onLine?.('stderr', line);
    });
    followLines(child.stdout, (line) => {
      options.onLine?.('stdout', line);
    });
  }

  try {
    const result = await child;
    const durationMs = performance.now() - started;
    ended ??= endOf(result);
    const status = ended.kind === 'exit' ? ended.status : -1;
    if (ended.kind === 'exit' && (status === 0 || options.okStatuses?.includes(status) === true)) {
      return { stdout: result.stdout, stderr, status, durationMs };
    }
    throw new CommandError(
      shown,
      ended,
      context.log.clean(tail(stderr, 20)),
      context.log.clean(tail(result.stdout, 5)),
    );
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    context.stop.removeEventListener('abort', onStop);
  }
}

/** The full path of a program, or undefined. A name with a slash is taken as it is. */
export async function findProgram(program: string, path: string | undefined): Promise<string | undefined> {
  const candidates = program.includes('/')
    ? [program]
    : (path ?? '/usr/sbin:/usr/bin:/sbin:/bin').split(delimiter).map((folder) => join(folder, program));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // not here: look further
    }
  }
  return undefined;
}

/** A command as a person would type it: words with blanks or quotes are quoted. */
export function showCommand(program: string, args: readonly string[]): string {
  return [program, ...args]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

function inputOf(
  input: RunOptions['input'],
): { input: string | Uint8Array | Readable } | { stdin: 'ignore' } | { stdin: 0 } {
  if (input === undefined) return { stdin: 'ignore' };
  // execa takes any descriptor here; its types know only our own standard input.
  return isOpenFile(input) ? { stdin: input.fd as 0 } : { input };
}

function isOpenFile(input: NonNullable<RunOptions['input']>): input is OpenFile {
  return typeof input === 'object' && 'fd' in input;
}

function endOf(result: {
  exitCode?: number | undefined;
  signal?: string | undefined;
  originalMessage?: string | undefined;
  message?: string | undefined;
}): CommandEnd {
  if (result.signal !== undefined) return { kind: 'signal', signal: result.signal };
  if (result.exitCode !== undefined) return { kind: 'exit', status: result.exitCode };
  return { kind: 'not-started', reason: result.originalMessage ?? result.message ?? 'unknown reason' };
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // already gone
  }
}

function followLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (chunk: Buffer | string) => {
    // Progress meters end their lines with a carriage return.
    const lines = (rest + chunk.toString()).split(/[\r\n]/);
    rest = (lines.pop() ?? '').slice(-4096);
    for (const line of lines) if (line.trim() !== '') onLine(line);
  });
  stream.on('end', () => {
    if (rest.trim() !== '') onLine(rest);
  });
}

function tail(text: string, lines: number): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .join('\n');
}
