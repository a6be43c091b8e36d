import { Failure, messageOf } from '../errors/errors.ts';
import type { Log } from '../log/log.ts';
import { failureBlock } from '../steps/failure-block.ts';
import type { Call } from './program.ts';

/** What is told of a call that failed. */
export type Failed = {
  /** "step 7/16 network", "configuration". */
  readonly at: string;
  readonly error: unknown;
  /** Whether and how the machine was changed, in one sentence. */
  readonly leaves: string;
  /** The command that does the same again, as the person would type it. */
  readonly again: string;
  /** The command that tells more. */
  readonly details?: string;
};

/**
 * Tells a failure as all programs do: the block as the last thing on standard error, with `--json` an object on standard output, and the exit code.
 *
 * @returns the exit code, and the lines as they were printed
 */
export function tellFailure(
  { program, json, own }: Pick<Call<unknown>, 'program' | 'json' | 'own'>,
  log: Log | undefined,
  { at, error, leaves, again, details }: Failed,
): { readonly exitCode: number; readonly block: readonly string[] } {
  const clean = (text: string): string => log?.clean(text) ?? text;
  const block = failureBlock({
    program,
    at,
    error,
    again,
    leaves,
    ...(details === undefined ? {} : { details }),
  });
  const exitCode = error instanceof Failure ? error.exitCode : 1;
  if (json) own.stdout(clean(`${JSON.stringify({ state: 'failed', at, what: messageOf(error), leaves })}\n`));
  if (log === undefined) own.stderr(`${block.join('\n')}\n`);
  else log.block('error', block);
  return { exitCode, block: block.map(clean) };
}
