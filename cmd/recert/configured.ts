import { tellFailure } from '../../internal/cli/failure.ts';
import type { Call } from '../../internal/cli/program.ts';
import type { Session } from '../../internal/cli/session.ts';
import { readRecertConfigFile, readRecertFlags, type RecertConfig } from '../../internal/config/recert-config.ts';
import { UsageError } from '../../internal/errors/errors.ts';
import { checkGiven } from '../../internal/recert/encryption/rotate.ts';
import { logLevel, type LogLevel } from './log-level.ts';
import type { ConfigurationValues } from './options.ts';

/** What an action works with. */
export type Configured = {
  readonly call: Call<unknown>;
  readonly session: Session;
  readonly config: RecertConfig;
  readonly level: LogLevel;
  /** The command that does the same again; flags may hold secrets and are not shown. */
  readonly again: string;
};

/** Reads the configuration, opens the session and works. A configuration that is wrong is told in one block, before anything is opened. */
export function withConfiguration(
  call: Call<ConfigurationValues>,
  work: (configured: Configured) => Promise<number>,
): Promise<number> {
  const read = async (level: LogLevel) => {
    const config = await readConfig(call, configurationFile(call));
    checkGiven(config.encryption);
    return { level, config };
  };
  return readFirst(call, read, async ({ level, config }) => {
    // Only a run that writes the cluster keeps a log of its own; anything else leaves no trace at all.
    const writes = call.action === 'run' && !config.dryRun;
    await using session = call.open({
      verbose: level === 'debug',
      stopping: 'the run ends before it writes, or after it has written everything',
      ...(writes ? { logFolder: config.stateFolder } : {}),
    });
    return await work({ call, session, config, level, again: againText(call) });
  });
}

/** Works with what was read; what is wrong with that is told in one block, before anything is opened. */
export async function readFirst<V, T>(
  call: Call<V>,
  read: (level: LogLevel) => Promise<T>,
  work: (found: T) => Promise<number>,
): Promise<number> {
  let found: T;
  try {
    found = await read(logLevel(call.own.env['RECERT_LOG_LEVEL'], call.verbose));
  } catch (error) {
    const failed = { at: 'configuration', error, again: againText(call), leaves: 'nothing was changed' };
    return tellFailure(call, undefined, failed).exitCode;
  }
  return await work(found);
}

/** The file that the environment names, if any. */
export function configurationFile({ own: { env } }: Pick<Call<unknown>, 'own'>): string | undefined {
  return env['RECERT_CONFIG'] === '' ? undefined : env['RECERT_CONFIG'];
}

function againText(call: Call<unknown>): string {
  const file = configurationFile(call);
  const command = `${call.calledAs} ${call.action}`;
  return file === undefined ? `${command} with the same flags` : `RECERT_CONFIG=${file} ${command}`;
}

/** One route or the other: mixing them would leave open which one holds. */
async function readConfig(
  { values, argv, calledAs }: Call<ConfigurationValues>,
  file: string | undefined,
): Promise<RecertConfig> {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const isGiven = Object.keys(given).length > 0;
  if (file === undefined) {
    if (isGiven) return readRecertFlags(given, argv);
    throw new UsageError('there is no configuration', {
      next: `name a file in RECERT_CONFIG, or give flags; see ${calledAs} run --help`,
    });
  }
  if (isGiven)
    throw new UsageError('RECERT_CONFIG and command line flags are mutually exclusive', {
      why: `RECERT_CONFIG is "${file}"; flags were given, too`,
      next: 'write everything into the file, or unset RECERT_CONFIG',
    });
  return readRecertConfigFile(file);
}
