import { CommandError, Failure, Interrupted, messageOf } from '../errors/errors.ts';
import { digestInputs, type Journal, type RunRecord, type StepTime } from './journal.ts';
import type { Reporter } from './reporter.ts';
import { selectSteps, type Part, type Selection } from './select.ts';
import { stepsOf, type Flow, type PlacedStep, type StepIo } from './step.ts';

/** A step failed: the error as it was, and where. */
export class StepFailed extends Failure {
  override readonly name = 'StepFailed';
  override readonly exitCode: number;
  readonly at: string;
  readonly step: string;
  readonly error: unknown;

  constructor(placed: { name: string; index: number; steps: number }, error: unknown) {
    super(messageOf(error), { cause: error });
    this.step = placed.name;
    this.at = `step ${placed.index}/${placed.steps} ${placed.name}`;
    this.error = error;
    this.exitCode = error instanceof Failure ? error.exitCode : 1;
  }
}

export type RunFlowOptions<C> = {
  readonly program: string;
  readonly version: string;
  readonly flow: Flow<C>;
  readonly context: C;
  readonly journal: Journal;
  readonly selection: Selection;
  readonly reporter: Reporter;
  readonly stop: AbortSignal;
  readonly now: () => Date;
};

/**
 * Runs the steps of a flow in order.
 *
 * INVARIANTS
 * - A step is skipped only when the machine says that it is done and the journal, if it knows the step, has the same inputs.
 * - "Started" is on disk before a step runs; `recover` runs before a step that is not known as done.
 * - Changed inputs invalidate the step and all after it; nothing before it.
 * - After a stop request no step begins.
 *
 * @throws StepFailed with the first error; Interrupted after a stop request
 */
export async function runFlow<C>(options: RunFlowOptions<C>): Promise<RunRecord> {
  const { flow, journal, now } = options;
  const parts = selectSteps(flow, options.selection);
  const steps = stepsOf(flow);
  const times: StepTime[] = [];
  const startedAt = now();
  const record = (state: RunRecord['state'], failure?: string): RunRecord => ({
    program: options.program,
    version: options.version,
    startedAt: startedAt.toISOString(),
    durationMs: now().getTime() - startedAt.getTime(),
    state,
    ...(failure === undefined ? {} : { failure }),
    steps: [...times],
  });

  await journal.putRun(record('running'));
  for (const placed of steps) {
    const part = parts.get(placed.step.name) ?? 'run';
    if (part === 'leave') continue;
    const startMs = now().getTime() - startedAt.getTime();
    const note = (state: StepTime['state'], reason?: string): void => {
      times.push({
        step: placed.step.name,
        heading: placed.heading.heading,
        state,
        startMs,
        durationMs: now().getTime() - startedAt.getTime() - startMs,
        ...(reason === undefined ? {} : { reason }),
      });
    };
    try {
      if (options.stop.aborted) throw new Interrupted('stopped on request before this step began');
      const outcome = await runStep(
        options,
        placed,
        part,
        steps.slice(placed.index).map(({ step }) => step.name),
      );
      note(outcome.state, outcome.reason);
      // A later step may keep the times on the disk, and a power cut must not lose them.
      await journal.putRun(record('running'));
    } catch (error) {
      const stopped = isStop(error, options.stop);
      const cause = stopped ? new Interrupted('stopped on request', { cause: error }) : error;
      note(stopped ? 'interrupted' : 'failed', messageOf(cause));
      await journal.putRun(record(stopped ? 'interrupted' : 'failed', messageOf(cause)));
      throw new StepFailed({ name: placed.step.name, index: placed.index, steps: steps.length }, cause);
    }
  }
  const finished = record('done');
  await journal.putRun(finished);
  return finished;
}

type Outcome = { readonly state: 'done' | 'skipped'; readonly reason?: string };

async function runStep<C>(
  options: RunFlowOptions<C>,
  placed: PlacedStep<C>,
  part: Part,
  later: readonly string[],
): Promise<Outcome> {
  const { context, journal, reporter, now } = options;
  const { step } = placed;
  const budget = openBudget(step.budgetMs);
  const io: StepIo = { ...reporter.begin(placed, budget.restart), signal: budget.signal };
  const began = now().getTime();
  const skip = (reason: string): Outcome => {
    reporter.end('skipped', { reason });
    return { state: 'skipped', reason };
  };
  let inputs = '';
  const enter = async (state: 'started' | 'done' | 'failed' | 'interrupted', error?: unknown): Promise<void> => {
    if (placed.heading.changes === 'nothing') return;
    const at = now();
    await journal.put(step.name, {
      state,
      inputs,
      startedAt: new Date(began).toISOString(),
      ...(state === 'started' ? {} : { endedAt: at.toISOString(), durationMs: at.getTime() - began }),
      ...(error === undefined ? {} : { error: messageOf(error) }),
    });
  };
  try {
    const notWanted = step.notWanted?.(context);
    if (notWanted !== undefined) return skip(notWanted);
    inputs = digestInputs(step.inputs?.(context) ?? []);
    const known = journal.entry(step.name);
    const changed = known !== undefined && known.inputs !== inputs;
    if (changed) await journal.forget([step.name, ...later]);
    if (part === 'run' && !changed && step.isDone !== undefined && (await step.isDone(context))) {
      if (known?.state !== 'done') await enter('done');
      return skip('already done');
    }
    await enter('started');
    if (known?.state !== 'done') await step.recover?.(context, io);
    await Promise.race([step.run(context, io), budget.spent]);
    await enter('done');
    reporter.end('done', { durationMs: now().getTime() - began });
    return { state: 'done' };
  } catch (error) {
    await enter(isStop(error, options.stop) ? 'interrupted' : 'failed', error).catch(() => undefined); // the first error matters
    reporter.end('failed', { reason: messageOf(error) });
    throw error;
  } finally {
    budget.close();
  }
}

function isStop(error: unknown, stop: AbortSignal): boolean {
  if (error instanceof Interrupted) return true;
  return (
    stop.aborted && (!(error instanceof CommandError) || error.end.kind === 'stopped' || error.end.kind === 'signal')
  );
}

type Budget = {
  readonly signal: AbortSignal;
  readonly spent: Promise<never>;
  readonly restart: () => void;
  readonly close: () => void;
};

/** A clock that each sign of life sets back; when it runs out the signal fires and `spent` fails. */
function openBudget(budgetMs: number | undefined): Budget {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined); // a budget that runs out after its step has ended is nobody's error
  const restart = (): void => {
    clearTimeout(timer);
    if (budgetMs === undefined) return;
    timer = setTimeout(() => {
      controller.abort();
      reject(new Failure(`no sign of life for ${Math.round(budgetMs / 1000)} s`, { transient: true }));
    }, budgetMs);
  };
  restart();
  return {
    signal: controller.signal,
    spent: promise,
    restart,
    close: () => {
      clearTimeout(timer);
    },
  };
}
