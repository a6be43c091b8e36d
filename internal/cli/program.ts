import { Command } from 'commander';
import { runCommand } from './command.ts';
import { commanderOption, truth, valuesOf, type Flag, type FlagsFor, type Given } from './flags.ts';
import { ownProcess, type Process } from './process.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';

/**
 * What all command lines share. A program declares its actions; parsing, help, exit codes, the session and what failures look like are here.
 * An action names its work by `import()`, so that help and a mistyped flag answer at once.
 */

/** One call of an action. */
export type Call<V> = {
  readonly program: string;
  /** As the person would type it: `ibi`, or `lca-cli ibi`. */
  readonly calledAs: string;
  readonly version: string;
  readonly action: string;
  readonly values: V;
  /** The positional argument, if the action has one and it was given. */
  readonly path?: string;
  readonly json: boolean;
  readonly verbose: boolean;
  /** The words of the command line, for programs that read them once more. */
  readonly argv: readonly string[];
  readonly own: Process;
  /** Opens log, host and stop signal. Who opens it disposes it. */
  readonly open: (options?: Partial<Omit<SessionOptions, 'program' | 'process'>>) => Session;
};

export type Action<V> = {
  readonly says: string;
  /** A call without a word is this one. */
  readonly isDefault?: true;
  readonly argument?: readonly [name: string, says: string];
  readonly flags: FlagsFor<V>;
  /** Does the work and answers the exit code. What it throws is printed in one line with its advice. */
  readonly run: (call: Call<V>) => Promise<number>;
};

/** An action with the type of its values hidden, so that actions of all kinds fit into one program. */
export type AnyAction = Omit<Action<unknown>, 'flags' | 'run'> & {
  readonly flags: Readonly<Record<string, Flag<unknown>>>;
  readonly start: (
    call: Omit<Call<unknown>, 'values'>,
    given: Readonly<Record<string, Given>>,
    env: Readonly<Record<string, string | undefined>>,
  ) => Promise<number>;
};

/** Declares an action; the values of its call are those of its flags. */
export function action<V>({ run, ...declared }: Action<V>): AnyAction {
  return {
    ...declared,
    start: async (call, given, env) => run({ ...call, values: valuesOf(declared.flags, given, env) }),
  };
}

/** An action that opens a session and closes it. */
export function sessionAction<V>(
  declared: Omit<Action<V>, 'run'> & { readonly run: (session: Session, call: Call<V>) => Promise<number> },
): AnyAction {
  return action<V>({
    ...declared,
    run: async (call) => {
      await using session = call.open();
      return await declared.run(session, call);
    },
  });
}

export type Program = {
  readonly name: string;
  readonly describes: string;
  readonly actions: Readonly<Record<string, AnyAction>>;
};

/** What each action of each program takes. */
const commonFlags = {
  json: truth('--json', 'print JSON'),
  verbose: truth('-v, --verbose', 'print every command'),
} as const;

/** Parses, does what was asked for, and answers the exit code. */
export async function runProgram(
  program: Program,
  argv: readonly string[],
  version: string,
  calledAs: string = program.name,
): Promise<number> {
  const own = ownProcess();
  let exitCode = 0;
  const parsed = await runCommand(
    commandOf(program, async (name, { start }, given, path) => {
      const { json, verbose } = valuesOf(commonFlags, given);
      const call = {
        program: program.name,
        calledAs,
        version,
        action: name,
        ...(path === undefined ? {} : { path }),
        json,
        verbose,
        argv,
        own,
        open: (options: Partial<SessionOptions> = {}) =>
          openSession({ verbose, ...options, program: program.name, calledAs, process: own }),
      };
      exitCode = await start(call, given, own.env);
    }),
    argv,
    own,
  );
  return parsed === 0 ? exitCode : parsed;
}

/** The command line: one description for parsing, help and manual. */
export function commandOf(
  program: Program,
  onCall: (
    name: string,
    action: AnyAction,
    given: Readonly<Record<string, Given>>,
    path: string | undefined,
  ) => Promise<void> = () => Promise.resolve(),
): Command {
  const root = new Command(program.name)
    .description(program.describes)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false);
  for (const [name, one] of Object.entries(program.actions)) {
    const command = root.command(name, one.isDefault === true ? { isDefault: true } : {}).description(one.says);
    if (one.argument !== undefined) command.argument(...one.argument);
    for (const flag of Object.values({ ...one.flags, ...commonFlags })) command.addOption(commanderOption(flag));
    command.action(async (...parts: unknown[]) => {
      const path = one.argument !== undefined && typeof parts[0] === 'string' ? parts[0] : undefined;
      await onCall(name, one, command.opts<Record<string, Given>>(), path);
    });
  }
  return root;
}

/** Whether a word names an action of the program. */
export const isAction = (program: Program, word: string | undefined): boolean =>
  word !== undefined && Object.hasOwn(program.actions, word);
