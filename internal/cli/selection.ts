import type { Selection } from '../steps/select.ts';
import { optionalText, type ValuesOf } from './flags.ts';

/** What every program that is a flow takes on `run` and `plan`. */
export const selectionFlags = {
  from: optionalText('--from <step>', 'start at this step'),
  only: optionalText('--only <step>', 'run this step alone'),
  again: optionalText('--again <step>', 'run this step although it is done'),
  progressFd: optionalText('--progress-fd <n>', 'write progress as JSON lines to this descriptor'),
} as const;

export type SelectionValues = ValuesOf<typeof selectionFlags>;

/** What the person chose of the flow. */
export function selectionOf({ from, only, again }: SelectionValues): Selection {
  return {
    ...(from === undefined ? {} : { from }),
    ...(only === undefined ? {} : { only }),
    ...(again === undefined ? {} : { again }),
  };
}

/** A command as a person would type it, of words that may be empty. */
export const commandText = (...words: readonly string[]): string => words.filter((word) => word !== '').join(' ');
