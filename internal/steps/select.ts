import { UsageError } from '../errors/errors.ts';
import { stepsOf, type Flow } from './step.ts';

/** Which steps a person asked for. At most one of the three is usually given; all may be. */
export type Selection = {
  /** Start here; steps before it are taken as done. */
  readonly from?: string;
  /** This step alone. */
  readonly only?: string;
  /** Run this step even if it is done, and go on after it. */
  readonly again?: string;
};

/** How a step takes part in a run. */
export type Part = 'run' | 'force' | 'leave';

/**
 * Resolves a selection to a part for each step, by name. Steps that change nothing always run: later ones need what they find.
 *
 * @throws UsageError for a name that is not in the flow
 */
export function selectSteps<C>(flow: Flow<C>, selection: Selection): Map<string, Part> {
  const steps = stepsOf(flow);
  const indexOf = (name: string, flag: string): number => {
    const found = steps.find(({ step }) => step.name === name);
    if (found !== undefined) return found.index;
    throw new UsageError(`step "${name}" given by ${flag} does not exist`, {
      next: `choose one of: ${steps.map(({ step }) => step.name).join(', ')}`,
    });
  };
  const from = selection.from === undefined ? 1 : indexOf(selection.from, '--from');
  const only = selection.only === undefined ? undefined : indexOf(selection.only, '--only');
  const again = selection.again === undefined ? undefined : indexOf(selection.again, '--again');
  if (from > 1 && only !== undefined)
    throw new UsageError('--from and --only exclude each other', { next: 'give one of them' });

  const parts = new Map<string, Part>();
  for (const { step, index, heading } of steps) {
    const wanted = only === undefined ? index >= from : index === only;
    const forced = index === again || index === only;
    parts.set(step.name, forced ? 'force' : wanted || heading.changes === 'nothing' ? 'run' : 'leave');
  }
  return parts;
}
