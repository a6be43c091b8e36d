import { join } from 'node:path';
import type { Session } from '../../internal/cli/session.ts';
import { takeLock } from '../../internal/cli/lock.ts';
import { messageOf } from '../../internal/errors/errors.ts';
import { durationText } from '../../internal/log/progress.ts';
import { failureBlock } from '../../internal/steps/failure-block.ts';
import { openJournal } from '../../internal/steps/journal.ts';
import { planFlow } from '../../internal/steps/plan.ts';
import { createReporter } from '../../internal/steps/reporter.ts';
import { runFlow, StepFailed } from '../../internal/steps/runner.ts';
import { selectSteps, type Selection } from '../../internal/steps/select.ts';
import { stepsOf } from '../../internal/steps/step.ts';
import { Ibi, places, type IbiOptions } from './context.ts';
import { flow } from './flow.ts';

export const journalFile = join(places.stateFolder, 'journal.json');
export const statusFile = join(places.runFolder, 'status.json');

/** Runs an installation and returns the exit code. All that goes wrong is told here, in one block. */
export async function runInstallation(session: Session, options: IbiOptions, selection: Selection): Promise<number> {
  const { host, log } = session;
  selectSteps(flow, selection); // a wrong name is a usage error, before anything is touched
  await using _lock = await takeLock(join(places.runFolder, 'lock'), 'ibi');
  const journal = await openJournal(journalFile);
  const steps = stepsOf(flow);
  let saving = Promise.resolve();
  const reporter = createReporter({
    log,
    steps: steps.length,
    now: host.now,
    emit: session.emit,
    ...(session.bar === undefined ? {} : { bar: session.bar }),
    // One after the other; a full memory file system must not stop an installation.
    keepStatus: (status) => {
      saving = saving
        .then(() => host.writeFile(statusFile, `${JSON.stringify(status)}\n`, { mode: 0o644 }))
        .catch(() => undefined);
    },
  });
  session.emit({ type: 'start', version: 1, program: 'ibi', steps: steps.length });
  log.info(`ibi ${options.version}`);
  const ibi = new Ibi(host, options, () => journal.runs().at(-1));
  try {
    const run = await runFlow({
      program: 'ibi',
      version: options.version,
      flow,
      context: ibi,
      journal,
      selection,
      reporter,
      stop: session.stop,
      now: host.now,
    });
    reporter.close('done', 0);
    log.info(
      `finished in ${durationText(run.durationMs)}${ibi.has('seed') ? `; disk "${ibi.disk.path}" boots version ${ibi.config.seedVersion}` : ''}`,
    );
    return 0;
  } catch (error) {
    const failed = error instanceof StepFailed ? error : undefined;
    const exitCode = failed?.exitCode ?? 1;
    const block = failureBlock({
      program: 'ibi',
      at: failed?.at ?? 'start',
      error: failed?.error ?? error,
      again: `ibi run -f ${options.configurationFile}`,
      leaves: whatIsLeft(ibi, failed?.step),
      details: `ibi gather -f ${options.configurationFile}`,
    });
    reporter.close(
      exitCode === 75 ? 'interrupted' : 'failed',
      exitCode,
      block.map((line) => log.clean(line)),
    );
    log.block('error', block);
    return exitCode;
  } finally {
    if (ibi.has('registry')) ibi.registry[Symbol.dispose]();
    await saving;
  }
}

/** Says what state the disk is in after a failure, which decides how much hurry there is. */
function whatIsLeft(ibi: Ibi, step: string | undefined): string {
  const placed = stepsOf(flow).find((candidate) => candidate.step.name === step);
  if (placed === undefined || placed.heading.changes === 'nothing') return 'nothing on this machine was changed';
  const disk = ibi.has('disk') ? `disk "${ibi.disk.path}"` : 'the disk';
  if (placed.heading.heading.startsWith('Write'))
    return `${disk} has lost its old contents and is written again by the next run`;
  if (placed.heading.heading.startsWith('Fill'))
    return `${disk} is not finished; the next run continues with what is good on it`;
  return `${disk} is filled but not sealed; the next run finishes it`;
}

/** Prints what a run would do; changes nothing. */
export async function planInstallation(
  session: Session,
  options: IbiOptions,
  selection: Selection,
  json: boolean,
): Promise<number> {
  const journal = await openJournal(journalFile);
  const ibi = new Ibi(session.host, options, () => undefined);
  try {
    const { steps, failed } = await planFlow(flow, ibi, journal, selection, (text) => {
      session.log.debug(text);
    });
    if (json)
      session.print(
        `${JSON.stringify({ steps, ...(failed === undefined ? {} : { failed: messageOf(failed) }) }, undefined, 1)}\n`,
      );
    else {
      let lastHeading = '';
      for (const step of steps) {
        if (step.heading !== lastHeading) session.print(`${(lastHeading = step.heading)}\n`);
        session.print(
          `  ${String(step.index).padStart(2)} ${step.step.padEnd(20)} ${{ run: 'run ', skip: 'skip', unknown: '?   ' }[step.would]}  ${step.reason}\n`,
        );
      }
    }
    if (failed === undefined) return 0;
    session.log.block(
      'error',
      failureBlock({
        program: 'ibi',
        at: 'plan',
        error: failed,
        again: `ibi plan -f ${options.configurationFile}`,
        leaves: 'nothing on this machine was changed',
      }),
    );
    return failed instanceof Error && 'exitCode' in failed && typeof failed.exitCode === 'number' ? failed.exitCode : 1;
  } finally {
    if (ibi.has('registry')) ibi.registry[Symbol.dispose]();
  }
}
