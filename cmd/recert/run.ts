import { join } from 'node:path';
import { tellFailure } from '../../internal/cli/failure.ts';
import { takeLock } from '../../internal/cli/lock.ts';
import type { Call } from '../../internal/cli/program.ts';
import type { Session } from '../../internal/cli/session.ts';
import { messageOf } from '../../internal/errors/errors.ts';
import { durationText } from '../../internal/log/progress.ts';
import { recert, type Outcome, type Progress } from '../../internal/recert/recert.ts';
import { openStateFolder } from '../../internal/recert/commit/state-folder.ts';
import { firstToEnd } from '../../internal/recert/renew/record.ts';
import { stages, type Stage, type Tell } from '../../internal/recert/stages.ts';
import { withConfiguration, type Configured } from './configured.ts';
import { counted } from './counted.ts';
import { isTold, type LogLevel } from './log-level.ts';
import type { ConfigurationValues } from './options.ts';
import { whatIsLeft } from './status.ts';
import { writeSummaries } from './summary.ts';

/** What a run tells, line by line, with the stage it is in. */
export type Telling = Tell & { readonly lines: readonly string[]; readonly at: () => string };

const stageNames = Object.keys(stages);

/** Tells to the log what the level asks for, and keeps every line for the summary. */
export function openTelling({ log }: Session, level: LogLevel): Telling {
  const lines: string[] = [];
  let current: Stage = 'open';
  const at = (): string => `stage ${stageNames.indexOf(current) + 1}/${stageNames.length} ${current}`;
  const tell = (severity: 'info' | 'warning', text: string): void => {
    lines.push(`${severity.toUpperCase()} - ${at()}: ${text}`);
    if (isTold(severity, level)) log.event(severity, `${at()}: ${text}`, { stage: current });
  };
  return {
    lines,
    at,
    stage: (stage) => {
      current = stage;
      tell('info', stages[stage]);
    },
    say: (fact) => {
      tell('info', fact);
    },
    warn: (fact) => {
      tell('warning', fact);
    },
  };
}

/** `recert run`: all that goes wrong is told in one block; the summaries are written either way. */
export const run = (call: Call<ConfigurationValues>): Promise<number> => withConfiguration(call, runConfigured);

async function runConfigured(configured: Configured): Promise<number> {
  const { config, session } = configured;
  const failed = (at: string, error: unknown, leaves: string): number => {
    const { call, again } = configured;
    return tellFailure(call, session.log, { at, error, leaves, again, details: `${call.calledAs} status` }).exitCode;
  };
  if (config.dryRun) return await runLocked(configured, failed);
  await using held = new AsyncDisposableStack();
  try {
    // One run at a time: the journal is of one run.
    await openStateFolder(config.stateFolder);
    held.use(await takeLock(join(config.stateFolder, 'lock'), 'recert'));
  } catch (error) {
    // No summary of a run that did not begin: the one that is at work writes its own.
    return failed('start', error, 'nothing was changed');
  }
  return await runLocked(configured, failed);
}

async function runLocked(
  { call, config, session, level }: Configured,
  failed: (at: string, error: unknown, leaves: string) => number,
): Promise<number> {
  const { host, log } = session;
  const telling = openTelling(session, level);
  const progress: Progress = {};
  const summarize = (commitMs: number | undefined, error: unknown): Promise<void> =>
    writeSummaries(
      host,
      config,
      { renewal: progress.renewal, renamed: progress.renamed, commitMs, logs: telling.lines, error },
      call.own.stdout,
    );
  let outcome: Outcome;
  try {
    outcome = await recert(host, config, telling, { progress });
  } catch (error) {
    // A summary that cannot be written must not hide the run's own error, as upstream lets it.
    await summarize(undefined, error).catch((trouble: unknown) => {
      log.warn(messageOf(trouble));
    });
    const isWritten = telling.at().endsWith(' defragment');
    return failed(telling.at(), error, isWritten ? 'everything is renewed' : await whatIsLeft(config.stateFolder));
  }
  try {
    await summarize(outcome.timings.commitMs, undefined);
  } catch (error) {
    return failed('the summary', error, config.dryRun ? 'nothing was changed' : 'everything is renewed');
  }
  if (isTold('info', level)) for (const line of resultLines(outcome, config.dryRun)) log.info(line);
  if (call.json) session.print(`${JSON.stringify(resultData(outcome, config.dryRun))}\n`);
  return 0;
}

function resultLines(outcome: Outcome, dryRun: boolean): string[] {
  const { what, keys, files } = countsOf(outcome);
  const { timings, written } = outcome;
  const took = durationText(timings.totalMs);
  if (dryRun)
    return [
      `dry run finished in ${took}; nothing was written. A run would renew ${what} in ${keys} etcd values and ${files} files${identityText(outcome)}`,
    ];
  const first = firstToEnd(outcome.renewal.record, new Date());
  return [
    `finished in ${took}: ${what} renewed in ${written?.keys ?? 0} etcd values and ${written?.files ?? 0} files${identityText(outcome)}`,
    ...(first === undefined
      ? []
      : [
          `the first certificate to end is "${first.subject}", on ${first.end.toISOString()}; start the cluster before`,
        ]),
  ];
}

function resultData(outcome: Outcome, dryRun: boolean): object {
  const { numbers, keys, files } = countsOf(outcome);
  return {
    state: 'done',
    dryRun,
    ...numbers,
    firstToEnd: firstToEnd(outcome.renewal.record, new Date()),
    keys: outcome.written?.keys ?? keys,
    files: outcome.written?.files ?? files,
    timings: { ...outcome.renewal.timings, ...outcome.timings },
  };
}

/** What a person asked to change beside. */
function identityText({ renamings }: Outcome): string {
  const asked = [...new Set(renamings.map(({ option }) => option))].filter((option) => option !== 'always');
  return asked.length === 0 ? '' : `; new: ${asked.join(', ')}`;
}

/** How much is renewed, as numbers and as words. */
export function countsOf({ renewal: { record }, replacements }: Outcome): {
  numbers: { certificates: number; privateKeys: number; tokens: number };
  what: string;
  keys: number;
  files: number;
} {
  const numbers = {
    certificates: record.certificates.filter(({ after }) => after !== undefined).length,
    privateKeys: record.keys.filter(
      ({ privateAfter, privatePlaces }) => privateAfter !== undefined && privatePlaces.length > 0,
    ).length,
    tokens: record.tokens.filter(({ after }) => after !== undefined).length,
  };
  const inEtcd = replacements.filter(
    (replacement) => replacement.kind === 'created' || replacement.document.in === 'etcd',
  ).length;
  return {
    numbers,
    what: `${counted(numbers.certificates, 'certificate')}, ${counted(numbers.privateKeys, 'private key')} and ${counted(numbers.tokens, 'token')}`,
    keys: inEtcd,
    files: replacements.length - inEtcd,
  };
}
