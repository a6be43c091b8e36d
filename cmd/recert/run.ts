import { join } from 'node:path';
import { takeLock, type Lock } from '../../internal/cli/lock.ts';
import type { Session } from '../../internal/cli/session.ts';
import type { RecertConfig } from '../../internal/config/recert-config.ts';
import { Failure, messageOf } from '../../internal/errors/errors.ts';
import { durationText } from '../../internal/log/progress.ts';
import { recert, type Outcome, type Progress, type Tell } from '../../internal/recert/recert.ts';
import { openStateFolder } from '../../internal/recert/commit/state-folder.ts';
import { stages, type Stage } from '../../internal/recert/stages.ts';
import { failureBlock } from '../../internal/steps/failure-block.ts';
import { counted } from './counted.ts';
import { isTold, type LogLevel } from './log-level.ts';
import { whatIsLeft } from './status.ts';
import { writeSummaries } from './summary.ts';

export type RunOptions = {
  readonly level: LogLevel;
  readonly json: boolean;
  readonly again: string;
  readonly out: (text: string) => void;
};

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

/** Runs a renewal and returns the exit code. All that goes wrong is told here, in one block; the summaries are written either way. */
export async function runRecert(session: Session, config: RecertConfig, options: RunOptions): Promise<number> {
  const { host, log } = session;
  const telling = openTelling(session, options.level);
  const progress: Progress = {};
  let outcome: Outcome | undefined;
  // No summary of a run that did not begin: the one that is at work writes its own.
  await using lock = config.dryRun
    ? undefined
    : await lockState(config.stateFolder).catch((error: unknown) => ({
        error,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }));
  if (lock !== undefined && 'error' in lock)
    return failed(session, options, { at: 'start', error: lock.error, leaves: 'nothing was changed' });
  try {
    outcome = await recert(host, config, telling, progress);
    await writeSummaries(
      host,
      config,
      {
        renewal: progress.renewal,
        renamed: progress.renamed,
        commitMs: outcome.timings.commitMs,
        logs: telling.lines,
        error: undefined,
      },
      options.out,
    );
  } catch (error) {
    const written = outcome !== undefined;
    // A summary that cannot be written must not hide the run's own error, as upstream lets it.
    if (!written)
      await writeSummaries(
        host,
        config,
        { renewal: progress.renewal, renamed: progress.renamed, commitMs: undefined, logs: telling.lines, error },
        options.out,
      ).catch((trouble: unknown) => {
        log.warn(messageOf(trouble));
      });
    const leaves = written
      ? config.dryRun
        ? 'nothing was changed'
        : 'everything is renewed'
      : telling.at().endsWith(' defragment')
        ? 'everything is renewed'
        : await whatIsLeft(config.stateFolder);
    return failed(session, options, { at: written ? 'the summary' : telling.at(), error, leaves });
  }
  const counts = countsOf(outcome);
  const text = config.dryRun
    ? `dry run finished in ${durationText(outcome.timings.totalMs)}; nothing was written. A run would renew ${counts.what} in ${counts.keys} etcd values and ${counts.files} files${identityText(outcome)}`
    : `finished in ${durationText(outcome.timings.totalMs)}: ${counts.what} renewed in ${outcome.written?.keys ?? 0} etcd values and ${outcome.written?.files ?? 0} files${identityText(outcome)}`;
  if (isTold('info', options.level)) {
    log.info(text);
    const first = config.dryRun ? undefined : firstToEnd(outcome);
    if (first !== undefined)
      log.info(
        `the first certificate to end is "${first.subject}", on ${first.end.toISOString()}; start the cluster before`,
      );
  }
  if (options.json)
    session.print(
      `${JSON.stringify({ state: 'done', dryRun: config.dryRun, ...counts.numbers, firstToEnd: firstToEnd(outcome), keys: outcome.written?.keys ?? counts.keys, files: outcome.written?.files ?? counts.files, timings: { ...outcome.renewal.timings, ...outcome.timings } })}\n`,
    );
  return 0;
}

/** One run at a time: the journal is of one run. */
async function lockState(stateFolder: string): Promise<Lock> {
  await openStateFolder(stateFolder);
  return takeLock(join(stateFolder, 'lock'), 'recert');
}

function failed(
  { log, print }: Session,
  { json, again }: RunOptions,
  { at, error, leaves }: { at: string; error: unknown; leaves: string },
): number {
  if (json) print(`${JSON.stringify({ state: 'failed', at, what: messageOf(error), leaves })}\n`);
  log.block('error', failureBlock({ program: 'recert', at, error, again, leaves, details: 'recert status' }));
  return error instanceof Failure ? error.exitCode : 1;
}

/** How long the cluster may wait: past this moment the first of its certificates needs a hand. Nothing is said of certificates that were made to have ended. */
function firstToEnd({ renewal: { record } }: Outcome): { subject: string; end: Date } | undefined {
  const ends = record.certificates
    .flatMap(({ after }) => (after === undefined ? [] : [{ subject: after.subjectText, end: after.validity.notAfter }]))
    .sort((a, b) => a.end.getTime() - b.end.getTime());
  return ends.find(({ end }) => end.getTime() > Date.now());
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
