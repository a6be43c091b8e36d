import { CommandError, Failure, messageOf } from '../errors/errors.ts';
import type { Log } from '../log/log.ts';
import { writeFileDurably, type WriteOptions } from './files.ts';
import { mounted, mountTable, unmount, type Mounted, type MountEntry } from './mounts.ts';
import { findProgram, run, type CommandResult, type RunContext, type RunOptions } from './run.ts';

/** Anything that turns unknown data into a checked value (a zod schema, for one). */
export type Schema<T> = { parse(data: unknown): T };

/** The machine we run on: the only way to start programs and to write files. */
export type Host = {
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when we were told to stop (SIGTERM, SIGINT). */
  readonly stop: AbortSignal;
  /** Wall clock; a parameter so that tests can set it. */
  now(): Date;
  /** Runs a program; see `run` for the promises. */
  run(program: string, args?: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Its standard output without the final newline. */
  text(program: string, args?: readonly string[], options?: RunOptions): Promise<string>;
  /** Its standard output as JSON, checked by a schema. */
  json<T>(schema: Schema<T>, program: string, args?: readonly string[], options?: RunOptions): Promise<T>;
  /** Its exit status as an answer: 0 yes, 1 no, anything else is an error. */
  test(program: string, args?: readonly string[], options?: RunOptions): Promise<boolean>;
  has(program: string): Promise<boolean>;
  writeFile(path: string, content: string | Uint8Array, options?: WriteOptions): Promise<void>;
  mount(source: string, target: string, args?: readonly string[]): Promise<Mounted>;
  unmount(target: string): Promise<void>;
  mounts(): Promise<MountEntry[]>;
};

export type HostOptions = {
  /** Put before every program: how a container reaches the host. */
  readonly through?: readonly string[];
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stop?: AbortSignal;
  readonly now?: () => Date;
};

/** Opens the host for a program. */
export function openHost(options: HostOptions): Host {
  const context: RunContext = {
    ...(options.through === undefined ? {} : { through: options.through }),
    log: options.log,
    env: options.env,
    stop: options.stop ?? new AbortController().signal,
  };
  const runHere: Host['run'] = (program, args, runOptions) => run(context, program, args, runOptions);
  return {
    ...context,
    now: options.now ?? (() => new Date()),
    run: runHere,
    text: async (program, args, runOptions) => (await runHere(program, args, runOptions)).stdout.replace(/\n$/, ''),
    json: async (schema, program, args, runOptions) => {
      const { stdout } = await runHere(program, args, runOptions);
      try {
        return schema.parse(JSON.parse(stdout));
      } catch (error) {
        throw new Failure(`${program} printed something that is not the expected JSON`, {
          why: messageOf(error).split('\n', 3).join('; '),
          cause: error,
        });
      }
    },
    test: async (program, args, runOptions) =>
      (await runHere(program, args, { ...runOptions, okStatuses: [0, 1] })).status === 0,
    has: async (program) => (await findProgram(program, context.env['PATH'])) !== undefined,
    writeFile: writeFileDurably,
    mount: (source, target, args) => mounted(context, source, target, args),
    unmount: (target) => unmount(context, target),
    mounts: () => mountTable(),
  };
}

/** True when the command ended with this exit status. */
export function endedWith(error: unknown, status: number): error is CommandError {
  return error instanceof CommandError && error.end.kind === 'exit' && error.end.status === status;
}
