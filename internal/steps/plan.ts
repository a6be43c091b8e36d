import { messageOf } from '../errors/errors.ts';
import { digestInputs, type Journal } from './journal.ts';
import { selectSteps, type Selection } from './select.ts';
import { stepsOf, type Flow, type StepIo } from './step.ts';

/** What a run would do with one step. */
export type PlannedStep = {
  readonly step: string;
  readonly index: number;
  readonly heading: string;
  readonly says: string;
  readonly would: 'run' | 'skip' | 'unknown';
  readonly reason: string;
};

/**
 * Looks ahead without changing the machine: runs the steps that only look, and asks each later one whether it is done.
 * A failed check ends the looking, and everything after it is "unknown".
 */
export async function planFlow<C>(
  flow: Flow<C>,
  context: C,
  journal: Journal,
  selection: Selection,
  say: (text: string) => void,
): Promise<{ steps: PlannedStep[]; failed?: unknown }> {
  const parts = selectSteps(flow, selection);
  const steps: PlannedStep[] = [];
  let failed: unknown;
  const io: StepIo = {
    say,
    warn: (fact) => {
      say(`warning: ${fact}`);
    },
    progress: () => undefined,
    waiting: (what) => {
      say(`waiting for ${what}`);
    },
    signal: new AbortController().signal,
  };
  for (const { step, index, heading } of stepsOf(flow)) {
    const judge = async (): Promise<Pick<PlannedStep, 'would' | 'reason'>> => {
      if (failed !== undefined) return { would: 'unknown', reason: 'depends on the failed check' };
      const part = parts.get(step.name);
      if (part === 'leave') return { would: 'skip', reason: 'not selected' };
      const notWanted = step.notWanted?.(context);
      if (notWanted !== undefined) return { would: 'skip', reason: notWanted };
      if (heading.changes === 'nothing') {
        await step.run(context, io);
        return { would: 'run', reason: 'checked now' };
      }
      if (part === 'force') return { would: 'run', reason: 'asked for' };
      const known = journal.entry(step.name);
      if (known !== undefined && known.inputs !== digestInputs(step.inputs?.(context) ?? []))
        return { would: 'run', reason: 'its inputs changed' };
      if (step.isDone === undefined) return { would: 'run', reason: 'runs every time' };
      // What an earlier step of the run would find or mount is not there yet, so the question may have no answer now.
      const done = await step.isDone(context).catch(() => undefined);
      if (done === undefined) return { would: 'run', reason: 'unless the steps before it find it done' };
      return done
        ? { would: 'skip', reason: 'already done' }
        : { would: 'run', reason: known === undefined ? 'not done yet' : `last attempt: ${known.state}` };
    };
    try {
      steps.push({ step: step.name, index, heading: heading.heading, says: step.says, ...(await judge()) });
    } catch (error) {
      failed ??= error;
      steps.push({
        step: step.name,
        index,
        heading: heading.heading,
        says: step.says,
        would: 'unknown',
        reason: messageOf(error),
      });
    }
  }
  return failed === undefined ? { steps } : { steps, failed };
}
