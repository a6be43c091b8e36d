import { UsageError } from '../errors/errors.ts';

/** Something that is wrong with a site config, and what to do about it. Free of secrets. */
export type Problem = { readonly what: string; readonly next: string };

/** All problems as one error: the first is the message, so that texts that operators search for stand at its beginning. */
export function problemsAsError(problems: readonly Problem[]): UsageError | undefined {
  const [first, ...more] = problems;
  if (first === undefined) return undefined;
  return new UsageError(first.what, {
    ...(more.length === 0 ? {} : { why: `${more.length} more: ${more.map(({ what }) => what).join('; ')}` }),
    next: [...new Set(problems.map(({ next }) => next))].join('; '),
  });
}
