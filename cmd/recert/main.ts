import { runCommand } from '../../internal/cli/parse.ts';
import { ownProcess, type Process } from '../../internal/cli/process.ts';
import { openSession, type Session } from '../../internal/cli/session.ts';
import {
  defaultStateFolder,
  readRecertConfigFile,
  readRecertFlags,
  type RecertConfig,
} from '../../internal/config/recert-config.ts';
import { Failure, UsageError } from '../../internal/errors/errors.ts';
import { checkGiven } from '../../internal/recert/encryption/rotate.ts';
import { failureBlock } from '../../internal/steps/failure-block.ts';
import { logLevel, type LogLevel } from './log-level.ts';
import { recertCommand, type RecertCall } from './options.ts';
import { showPlan } from './plan.ts';
import { runRecert } from './run.ts';
import { showStatus } from './status.ts';

/** Parses, dispatches, returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const own = ownProcess();
  let exitCode = 0;
  const parsed = await runCommand(
    recertCommand(async (call) => {
      exitCode = await dispatch(call, argv, own);
    }),
    argv,
    own,
  );
  return parsed === 0 ? exitCode : parsed;
}

async function dispatch(call: RecertCall, argv: readonly string[], own: Process): Promise<number> {
  let level: LogLevel;
  let config: RecertConfig | undefined;
  try {
    level = logLevel(own.env['RECERT_LOG_LEVEL'], call.verbose);
    if (call.action !== 'status') {
      config = await readConfig(call, argv, own);
      checkGiven(config.encryption);
    }
  } catch (error) {
    own.stderr(
      `${failureBlock({ program: 'recert', at: 'configuration', error, again: again(own, call), leaves: 'nothing was changed' }).join('\n')}\n`,
    );
    if (call.json)
      own.stdout(
        `${JSON.stringify({ state: 'failed', at: 'configuration', what: error instanceof Error ? error.message : String(error) })}\n`,
      );
    return error instanceof Failure ? error.exitCode : 1;
  }
  // Only a run that writes the cluster keeps a log of its own; anything else leaves no trace at all.
  const writes = call.action === 'run' && config?.dryRun === false;
  await using session = openSession({
    program: 'recert',
    process: own,
    flags: { verbose: level === 'debug', json: call.json },
    stopping: 'the run ends before it writes, or after it has written everything',
    ...(writes ? { logFolder: config?.stateFolder ?? defaultStateFolder } : {}),
  });
  if (config === undefined) return await showStatus(session, await stateFolderOf(call, own), call.json);
  if (call.action === 'check-config') return checked(session, config, call.json);
  if (call.action === 'plan') return await showPlan(session, config, level, call.json, again(own, call));
  return await runRecert(session, config, { level, json: call.json, again: again(own, call), out: own.stdout });
}

/** One route or the other: mixing them would leave open which one holds. */
async function readConfig(call: RecertCall, argv: readonly string[], own: Process): Promise<RecertConfig> {
  const file = own.env['RECERT_CONFIG'];
  const given = Object.keys(call.flags);
  if (file === undefined || file === '') {
    if (given.length === 0)
      throw new UsageError('there is no configuration', {
        next: 'name a file in RECERT_CONFIG, or give flags; see recert run --help',
      });
    return readRecertFlags(call.flags, argv);
  }
  if (given.length > 0)
    throw new UsageError('RECERT_CONFIG and command line flags are mutually exclusive', {
      why: `RECERT_CONFIG is "${file}"; flags were given, too`,
      next: 'write everything into the file, or unset RECERT_CONFIG',
    });
  return readRecertConfigFile(file);
}

/** The state folder that a status asks about: the one of the configuration, where that can be read. */
async function stateFolderOf(call: RecertCall, own: Process): Promise<string> {
  const given = call.flags['state_dir'];
  if (typeof given === 'string') return given;
  const file = own.env['RECERT_CONFIG'];
  if (file === undefined || file === '') return defaultStateFolder;
  return readRecertConfigFile(file).then(
    ({ stateFolder }) => stateFolder,
    () => defaultStateFolder,
  );
}

function checked(session: Session, config: RecertConfig, json: boolean): number {
  const told = {
    etcd: config.etcdEndpoint ?? 'none: files only',
    folders: config.crypto.dirs,
    files: config.crypto.files,
    rules: config.crypto.nameRules.length,
    dryRun: config.dryRun,
    stateFolder: config.stateFolder,
  };
  session.print(
    json
      ? `${JSON.stringify({ state: 'good', ...told })}\n`
      : `the configuration is good\n  etcd       ${told.etcd}\n  folders    ${told.folders.join(', ') || 'none'}\n  files      ${told.files.join(', ') || 'none'}\n  name rules ${told.rules}\n  state      ${told.stateFolder}\n`,
  );
  return 0;
}

/** The command that does the same again; flags may hold secrets and are not shown. */
function again(own: Process, call: RecertCall): string {
  const file = own.env['RECERT_CONFIG'];
  return file === undefined || file === ''
    ? `recert ${call.action} with the same flags`
    : `RECERT_CONFIG=${file} recert ${call.action}`;
}
