import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { labPrefix } from './resources.ts';
import { cleanEnvironment, run, start, until, type Background, type Result, type RunOptions } from './command.ts';

/*
 * INVARIANTS
 * - A namespace has its own mounts and its own process ids, and process 1 in it is ours and reads from our pipe. When this
 *   program ends, however it ends, the pipe closes, process 1 ends, the kernel kills all the others and drops the mounts.
 * - Nothing mounted inside is visible outside, and nothing that another lab has mounted outside is held inside: a namespace begins with
 *   copies of all mounts, and such a copy keeps a loop device busy for as long as the namespace lives.
 */

const letOthersGo = String.raw`
while read -r _ _ _ _ target _; do
  case $target in
    */${labPrefix(process.pid)}*) ;;
    */${labPrefix('*')}*) umount --lazy "$target" 2>/dev/null;;
  esac
done < /proc/self/mountinfo`;

export type Inside = {
  /** Pid of the namespace's first process, as the host sees it. */
  readonly pid: number;
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Starts a program inside; `kill` hits the program itself and not the nsenter around it. */
  start(program: string, args: readonly string[], options?: StartInside): Promise<Started>;
  /** Kills everything inside except process 1: what a power cut does to programs. */
  killAll(): Promise<void>;
};

export type StartInside = { env?: NodeJS.ProcessEnv; cwd?: string; logFile?: string; onData?: (chunk: Buffer) => void };
export type Started = Background & { kill(signal: NodeJS.Signals): Promise<void> };

export type Namespace = AsyncDisposable & Inside;

/** The children of a process, as the host sees them. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').catch(() => '');
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
}

/** Processor time of a process and all that it has started and waited for or still runs, in clock ticks: what grows while it works. */
export async function processorTicksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => '');
  const own = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number); // utime, stime and those of ended children
  const below = await Promise.all((await childrenOf(pid)).map(processorTicksOf));
  return [...own, ...below].reduce((sum, ticks) => sum + ticks, 0);
}

/** Makes a namespace. Commands in it get `environment` and `/` as directory unless told otherwise. */
export async function enterNamespace(environment: NodeJS.ProcessEnv): Promise<Namespace> {
  const keeper = await start(
    'unshare',
    [
      '--mount',
      '--propagation',
      'private',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      'bash',
      '-c',
      `${letOthersGo}\nwhile read -r line; do :; done`,
    ],
    { stdin: 'pipe' },
  );
  let pid = 0;
  await until(
    'the namespace',
    async () => {
      pid = (await childrenOf(keeper.pid))[0] ?? 0;
      return pid !== 0;
    },
    10_000,
    { everyMs: 5 },
  );
  // the mount namespace is ready when /proc in it shows process 1 to itself
  const enter = (cwd: string | undefined): string[] => [
    '--target',
    String(pid),
    '--mount',
    '--pid',
    `--wdns=${cwd ?? '/'}`,
  ];
  const env = (extra: NodeJS.ProcessEnv | undefined): NodeJS.ProcessEnv =>
    cleanEnvironment({ ...environment, ...extra });
  await until(
    "the namespace's /proc",
    async () =>
      (await run('nsenter', [...enter(undefined), 'test', '-d', '/proc/1/ns'], { accept: 'any' })).exitCode === 0,
    10_000,
    { everyMs: 5 },
  );
  return {
    pid,
    run: (program, args, { cwd, env: extra, ...options } = {}) =>
      run('nsenter', [...enter(cwd), program, ...args], { ...options, env: env(extra) }),
    async start(program, args, { cwd, env: extra, ...options } = {}) {
      const started = await start('nsenter', [...enter(cwd), program, ...args], { ...options, env: env(extra) });
      const kill = async (signal: NodeJS.Signals): Promise<void> => {
        let target: number | undefined;
        // nsenter may not have forked yet
        await until(
          'the program to start',
          async () => {
            target = (await childrenOf(started.pid))[0];
            return target !== undefined || !started.isRunning();
          },
          10_000,
          { everyMs: 2 },
        );
        if (target !== undefined) process.kill(target, signal);
      };
      const stop = async (graceMs = 5000): Promise<void> => {
        await kill('SIGTERM');
        if (await Promise.race([started.ended.then(() => false), sleep(graceMs, true, { ref: false })]))
          await kill('SIGKILL');
        await started.ended;
      };
      return { ...started, kill, stop, [Symbol.asyncDispose]: () => stop() };
    },
    async killAll() {
      await run('nsenter', [...enter(undefined), 'bash', '-c', 'kill -KILL -1'], { accept: 'any' });
    },
    async [Symbol.asyncDispose]() {
      keeper.child.stdin?.end();
      await keeper.stop();
    },
  };
}
