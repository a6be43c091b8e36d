import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * The lab starts its own programs and does not use `internal/host`: it needs processes that outlive a call (QEMU, the
 * registry, a namespace) and whose real pid can be killed, which the product deliberately has no words for.
 */

export type Result = { stdout: string; stderr: string; exitCode: number; durationMs: number };

export type RunOptions = {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string | Buffer;
  /** The command is killed after this time. Contended machines are four times slower: be generous. */
  budgetMs?: number;
  /** Exit codes that are an answer and not a failure. Default: only 0. */
  accept?: readonly number[] | 'any';
  /** Called for every line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
};

const tail = (text: string, lines = 25): string => text.trimEnd().split('\n').slice(-lines).join('\n');

/** Environment for child programs: what the machine's owner has set for certificates and Rust must not reach the lab. */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = ['HOME', 'PATH', 'TERM', 'USER', 'LOGNAME', 'TMPDIR', 'CARGO_HOME', 'RUSTUP_HOME'];
  const base = Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin`;
  // A bash whose input is one of Node's sockets takes itself for a remote shell and reads ~/.bashrc, unless it is no first shell.
  return { ...base, PATH: path, LC_ALL: 'C.UTF-8', SHLVL: '2', ...extra };
}

/** Splits a stream of chunks into lines; the rest of an unfinished line stays until `flush`. */
export function lineSplitter(onLine: (line: string) => void): { push(chunk: Buffer): void; flush(): void } {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    push(chunk) {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) onLine(part);
    },
    flush() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}

/** Runs a program to its end. Throws an error that carries the tail of what the program said. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { budgetMs = 900_000, accept = [0], input, onLine } = options;
  const began = performance.now();
  const child = spawn(program, [...args], {
    cwd: options.cwd,
    env: options.env ?? cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const lines = onLine === undefined ? undefined : ([lineSplitter(onLine), lineSplitter(onLine)] as const);
  child.stdout.on('data', (chunk: Buffer) => {
    out.push(chunk);
    lines?.[0].push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err.push(chunk);
    lines?.[1].push(chunk);
  });
  child.stdin.on('error', () => {
    /* a program may end without reading its input; its exit code tells the story */
  });
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), budgetMs);
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  }).finally(() => clearTimeout(timer));
  for (const splitter of lines ?? []) splitter.flush();
  const result = {
    stdout: Buffer.concat(out).toString('utf8'),
    stderr: Buffer.concat(err).toString('utf8'),
    exitCode: code ?? 128,
    durationMs: performance.now() - began,
  };
  if (signal === null && (accept === 'any' || accept.includes(result.exitCode))) return result;
  if (signal !== null && accept === 'any') return result;
  const how =
    signal === null
      ? `exit status ${String(result.exitCode)}`
      : `signal ${signal} after ${(result.durationMs / 1000).toFixed(0)} s`;
  throw new Error(
    `${program} ${args.join(' ').slice(0, 400)}: ${how}\n${tail(result.stderr)}\n${tail(result.stdout, 8)}`.trimEnd(),
  );
}

/** The trimmed standard output of a program. */
export async function read(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return (await run(program, args, options)).stdout.trim();
}

/** A program that goes on in the background until it ends or is stopped. */
export type Background = AsyncDisposable & {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Settles with exit code or signal name when the program has ended; never rejects. */
  readonly ended: Promise<number | string>;
  isRunning(): boolean;
  /** SIGTERM, then SIGKILL after the grace. Resolves when the program is gone. */
  stop(graceMs?: number): Promise<void>;
};

export type StartOptions = {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  logFile?: string;
  stdin?: 'pipe' | 'ignore';
  onData?: (chunk: Buffer) => void;
};

/** Starts a program; output goes to `logFile` and to `onData`. */
export async function start(program: string, args: readonly string[], options: StartOptions = {}): Promise<Background> {
  const spawnOptions: SpawnOptions = {
    cwd: options.cwd,
    env: options.env ?? cleanEnvironment(),
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
  };
  const child = spawn(program, [...args], spawnOptions);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const log = options.logFile === undefined ? undefined : createWriteStream(options.logFile, { flags: 'a' });
  let over: number | string | undefined;
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      over = signal ?? code ?? 0;
      log?.end();
      resolve(over);
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      log?.write(chunk);
      options.onData?.(chunk);
    });
  }
  const background: Background = {
    child,
    pid: child.pid ?? 0,
    ended,
    isRunning: () => over === undefined,
    async stop(graceMs = 5000) {
      if (over !== undefined) return;
      child.kill('SIGTERM');
      const result = await Promise.race([ended.then(() => 'gone'), sleep(graceMs, 'still there', { ref: false })]);
      if (result !== 'gone') child.kill('SIGKILL');
      await ended;
    },
    async [Symbol.asyncDispose]() {
      await background.stop();
    },
  };
  return background;
}

/**
 * Polls until `isTrue` says yes. The error names what was waited for.
 *
 * The budget is counted in questions, not by the clock: on a machine with load each takes longer, and so does the patience. It begins anew
 * whenever `progress` gives another value, so that only something that stands still is given up.
 */
export async function until(
  what: string,
  isTrue: () => Promise<boolean> | boolean,
  budgetMs: number,
  { everyMs = 50, progress }: { everyMs?: number; progress?: () => Promise<unknown> } = {},
): Promise<void> {
  let last: unknown;
  for (let spentMs = 0; !(await isTrue()); spentMs += everyMs) {
    const now = await progress?.();
    if (now !== last) spentMs = 0;
    last = now;
    if (spentMs > budgetMs) throw new Error(`waited ${String(budgetMs / 1000)} s in vain for ${what}`);
    await sleep(everyMs);
  }
}
