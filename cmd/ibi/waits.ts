import type { Failure } from '../../internal/errors/errors.ts';
import type { StepIo } from '../../internal/steps/step.ts';

/** Tells each wait of a transfer as the step's: it is a sign of life, and the reason is on the console and in the status. */
export function waitsBy(io: Pick<StepIo, 'waiting'>): (error: Failure, delayMs: number) => void {
  return (error) => {
    io.waiting(`another attempt, because ${error.message}${error.why === undefined ? '' : ` (${error.why})`}`);
  };
}
