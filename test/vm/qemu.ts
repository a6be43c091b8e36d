import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lineSplitter, start } from './command.ts';
import { qemuArguments, type MachineOptions } from './qemu-arguments.ts';

/*
 * INVARIANTS
 * - A machine is always watched: a boot that ends in a shell or a panic looks like a hang, so it has patterns that mean
 *   failure, and every wait has a limit. Limits are five times what a quiet machine needs: under contention the same boot
 *   takes four times longer with the same CPU time.
 * - The console log is complete and on disk, one line per line with seconds since the start, ANSI codes removed.
 */

export type Line = { atMs: number; text: string };

export type Machine = AsyncDisposable & {
  readonly logFile: string;
  readonly lines: readonly Line[];
  /** Resolves with the first line, past or future, that matches; rejects on a failure pattern, on power-off or when time is up. */
  waitFor(pattern: RegExp, budgetMs: number): Promise<Line>;
  /** Resolves when the guest has switched itself off. */
  waitForPowerOff(budgetMs: number): Promise<void>;
  /** Cuts the power. */
  kill(): Promise<void>;
  isRunning(): boolean;
  /** What the guest has written to $RESULTS so far. */
  results(): Promise<string>;
};

export type BootOptions = MachineOptions & {
  /** Directory for logs and run-time files of this boot; made if absent. */
  dir: string;
  onLine?: (line: Line) => void;
  /** Console lines that mean that it makes no sense to wait any longer. */
  failure?: RegExp;
  /** Switches the machine off, and so ends every wait for it. */
  signal?: AbortSignal | undefined;
};

const failures =
  /LAB-INITRD-FAIL|LAB-IGNITION-PRESET-FAIL|Kernel panic|You are in emergency mode|grub rescue>|Shell> |Failed to start lab-payl/;

// CSI and OSC sequences, charset switches and carriage returns: what firmware, GRUB and systemd send to a terminal
const ansi = /\x1b\[[0-9;?=]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[()][0-9A-B]|\x1b[c=>78DM]|\r/g;

type Waiter = { pattern: RegExp; resolve: (line: Line) => void; reject: (error: Error) => void };

/** QEMU itself died of a signal that nobody sent: its translator crashes now and then (seen: SIGSEGV in the first seconds of a boot). */
export class EmulatorCrash extends Error {}

const crashes = ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE'];

export async function bootMachine(options: BootOptions): Promise<Machine> {
  await mkdir(options.dir, { recursive: true });
  const logFile = join(options.dir, 'console.log');
  const files = { dir: options.dir, results: join(options.dir, 'results'), script: join(options.dir, 'script') };
  await writeFile(logFile, '');
  await writeFile(files.results, '');
  await writeFile(files.script, options.script ?? '');
  const args = await qemuArguments(options, files);
  const lines: Line[] = [];
  const waiters = new Set<Waiter>();
  const onLife = new Set<() => void>();
  const began = performance.now();
  const failure = options.failure ?? failures;
  let writing: Promise<void> = Promise.resolve();
  let failed: string | undefined;

  const tail = (): string =>
    lines
      .slice(-15)
      .map((line) => `  ${line.text}`)
      .join('\n');
  let crashed = false;
  const trouble = (what: string): Error =>
    new (crashed ? EmulatorCrash : Error)(`${what}; console: ${logFile}\n${tail()}`);
  const rejectAll = (what: string): void => {
    for (const waiter of waiters) waiter.reject(trouble(what));
    waiters.clear();
  };
  const splitter = lineSplitter((raw) => {
    const line = { atMs: performance.now() - began, text: raw.replace(ansi, '').trimEnd() };
    lines.push(line);
    writing = writing.then(() => appendFile(logFile, `${(line.atMs / 1000).toFixed(2).padStart(8)} ${line.text}\n`));
    options.onLine?.(line);
    for (const restart of onLife) restart();
    for (const waiter of waiters) {
      if (!waiter.pattern.test(line.text)) continue;
      waiters.delete(waiter);
      waiter.resolve(line);
    }
    if (failed === undefined && failure.test(line.text)) {
      failed = `the guest says "${line.text}"`;
      rejectAll(failed);
    }
  });
  const qemu = await start('qemu-system-x86_64', args, { onData: (chunk) => splitter.push(chunk) });
  const cut = (): void => {
    qemu.child.kill('SIGKILL');
  };
  if (options.signal?.aborted === true) cut();
  options.signal?.addEventListener('abort', cut, { once: true });
  void qemu.ended.then(() => options.signal?.removeEventListener('abort', cut));
  void qemu.ended.then((how) => {
    crashed = crashes.includes(String(how));
    splitter.flush();
    rejectAll(`the machine has ended (${String(how)})`);
  });

  const within = async <T>(what: string, budgetMs: number, wait: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const { promise: late, reject } = Promise.withResolvers<never>();
    // Each line of the console is a sign of life: a slow machine is not a stuck one.
    const restart = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => reject(trouble(`waited ${String(budgetMs / 1000)} s in vain for ${what}`)), budgetMs);
    };
    restart();
    onLife.add(restart);
    return Promise.race([wait, late]).finally(() => {
      clearTimeout(timer);
      onLife.delete(restart);
    });
  };
  const machine: Machine = {
    logFile,
    lines,
    isRunning: () => qemu.isRunning(),
    async waitFor(pattern, budgetMs) {
      const seen = lines.find((line) => pattern.test(line.text));
      if (seen !== undefined) return seen;
      if (failed !== undefined) throw trouble(failed);
      if (!qemu.isRunning()) throw trouble(`the machine has ended without ${String(pattern)}`);
      let waiter: Waiter | undefined;
      const seenLater = new Promise<Line>((resolve, reject) => {
        waiter = { pattern, resolve, reject };
        waiters.add(waiter);
      });
      return within(String(pattern), budgetMs, seenLater).finally(() => {
        if (waiter !== undefined) waiters.delete(waiter);
      });
    },
    async waitForPowerOff(budgetMs) {
      let stopped: Waiter | undefined;
      const trap = new Promise<never>((_, reject) => {
        stopped = {
          pattern: /(?!)/,
          resolve: () => {
            /* matches nothing */
          },
          reject,
        };
        waiters.add(stopped);
      });
      trap.catch(() => {
        /* the end of the machine also ends this wait, and then it is what we waited for */
      });
      const failedFirst = trap.catch(async (error: unknown) => {
        if (failed !== undefined) throw error;
        await qemu.ended;
      });
      await within('power-off', budgetMs, Promise.race([qemu.ended, failedFirst])).finally(() => {
        if (stopped !== undefined) waiters.delete(stopped);
      });
    },
    async kill() {
      qemu.child.kill('SIGKILL');
      await qemu.ended;
      await writing;
    },
    results: () => readFile(files.results, 'utf8'),
    async [Symbol.asyncDispose]() {
      await machine.kill();
    },
  };
  return machine;
}
