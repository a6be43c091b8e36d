import { messageOf } from '../errors/errors.ts';
import { openJournal } from '../steps/journal.ts';
import { planFlow, type PlannedStep } from '../steps/plan.ts';
import { tellFailure } from './failure.ts';
import { filesOf, type FlowProgram } from './flow-program.ts';
import type { Call } from './program.ts';
import { commandText, selectionOf, type SelectionValues } from './selection.ts';

/** Prints what a run would do; changes nothing. */
export async function planProgramFlow<C extends Disposable, R extends L, L>(
  { flow, folders, ...its }: FlowProgram<C, R, L>,
  call: Call<R & SelectionValues>,
): Promise<number> {
  await using session = call.open({ progressFd: call.values.progressFd });
  const journal = await openJournal(filesOf(folders, call.program).journal);
  using context = its.context(session, call, () => []);
  const { steps, failed } = await planFlow(flow, context, journal, selectionOf(call.values), session.log.debug);
  if (call.json) {
    const failure = failed === undefined ? {} : { failed: messageOf(failed) };
    session.print(`${JSON.stringify({ steps, ...failure }, undefined, 1)}\n`);
  } else session.print(planText(steps));
  if (failed === undefined) return 0;
  const plain = { ...call, json: false }; // the object above says it
  return tellFailure(plain, session.log, {
    at: 'plan',
    error: failed,
    again: commandText(call.calledAs, 'plan', its.again(call.values)),
    leaves: 'nothing on this machine was changed',
  }).exitCode;
}

function planText(steps: readonly PlannedStep[]): string {
  const words = { run: 'run ', skip: 'skip', unknown: '?   ' } as const;
  return [...Map.groupBy(steps, ({ heading }) => heading)]
    .flatMap(([heading, some]) => [
      heading,
      ...some.map(
        ({ index, step, would, reason }) =>
          `  ${String(index).padStart(2)} ${step.padEnd(20)} ${words[would]}  ${reason}`,
      ),
    ])
    .map((line) => `${line}\n`)
    .join('');
}
