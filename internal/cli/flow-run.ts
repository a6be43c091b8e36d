import { durationText } from '../log/progress.ts';
import { openJournal } from '../steps/journal.ts';
import { createReporter } from '../steps/reporter.ts';
import { runFlow, StepFailed } from '../steps/runner.ts';
import { selectSteps } from '../steps/select.ts';
import { stepsOf, type Flow } from '../steps/step.ts';
import { tellFailure } from './failure.ts';
import { filesOf, type FlowProgram } from './flow-program.ts';
import { takeLock } from './lock.ts';
import type { Call } from './program.ts';
import { commandText, selectionOf, type SelectionValues } from './selection.ts';

/**
 * Runs a program's flow under its lock and answers the exit code. All that goes wrong in it is told here, in one block; the status file says
 * the same to programs.
 */
export async function runProgramFlow<C extends Disposable, R extends L, L>(
  { flow, folders, ...its }: FlowProgram<C, R, L>,
  call: Call<R & SelectionValues>,
): Promise<number> {
  const { program, version, calledAs, values } = call;
  const selection = selectionOf(values);
  selectSteps(flow, selection); // a wrong name is a usage error, before anything is touched
  await using session = call.open({
    logFolder: folders.state,
    progressFd: values.progressFd,
    through: its.through?.(values) ?? [],
    ...(its.stopping === undefined ? {} : { stopping: its.stopping }),
  });
  const { host, log } = session;
  const files = filesOf(folders, program);
  await using _lock = await takeLock(files.lock, calledAs);
  const idle = await its.nothingToDo?.(session);
  if (idle !== undefined) {
    log.info(idle);
    if (call.json) session.print(`${JSON.stringify({ state: 'done', reason: idle })}\n`);
    return 0;
  }
  const journal = await openJournal(files.journal);
  const steps = stepsOf(flow);
  let saving = Promise.resolve();
  const reporter = createReporter({
    log,
    steps: steps.length,
    now: host.now,
    emit: session.emit,
    ...(session.bar === undefined ? {} : { bar: session.bar }),
    // One after the other; a full memory file system must not stop the work.
    keepStatus: (status) => {
      saving = saving
        .then(() => host.writeFile(files.status, `${JSON.stringify(status)}\n`, { mode: 0o644 }))
        .catch(() => undefined);
    },
  });
  session.emit({ type: 'start', version: 1, program, steps: steps.length });
  log.info(`${program} ${version}`);
  using context = its.context(session, call, journal.runs);
  try {
    const { stop } = session;
    const run = await runFlow({ program, version, flow, context, journal, selection, reporter, stop, now: host.now });
    reporter.close('done', 0);
    const result = its.result(context);
    log.info(`finished in ${durationText(run.durationMs)}${result === undefined ? '' : `; ${result}`}`);
    if (call.json) session.print(`${JSON.stringify({ state: 'done', durationMs: run.durationMs })}\n`);
    return 0;
  } catch (error) {
    const failed = error instanceof StepFailed ? error : undefined;
    const heading = headingOf(flow, failed?.step);
    const { exitCode, block } = tellFailure(call, log, {
      at: failed?.at ?? 'start',
      error: failed?.error ?? error,
      again: commandText(calledAs, 'run', its.again(values)),
      leaves: heading === undefined ? 'nothing on this machine was changed' : its.leaves(context, heading),
      details: commandText(calledAs, 'gather', its.again(values)),
    });
    reporter.close(exitCode === 75 ? 'interrupted' : 'failed', exitCode, block);
    return exitCode;
  } finally {
    await saving;
  }
}

/** The heading of a step that may have changed the machine. */
function headingOf<C>(flow: Flow<C>, step: string | undefined): string | undefined {
  const placed = stepsOf(flow).find((candidate) => candidate.step.name === step);
  return placed === undefined || placed.heading.changes === 'nothing' ? undefined : placed.heading.heading;
}
