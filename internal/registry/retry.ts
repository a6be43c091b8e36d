import { setTimeout as sleepFor } from 'node:timers/promises';
import { Failure, Interrupted, isTransient, messageOf } from '../errors/errors.ts';
import { RegistryFailure } from './trouble.ts';

/** How long and how often one goes on after transient trouble. */
export type PatienceOptions = {
  /** Time without progress after which the last error is final. Default: 10 minutes. */
  readonly giveUpMs?: number;
  /** Attempts without progress after which the last error is final. Default: no bound. */
  readonly attempts?: number;
  /** First delay; each further one doubles it up to `longestDelayMs`. Defaults: 0.5 s and 30 s. */
  readonly firstDelayMs?: number;
  readonly longestDelayMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait, so that a wait is never silent. */
  readonly onRetry?: ((error: Failure, delayMs: number) => void) | undefined;
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly random?: () => number;
  readonly nowMs?: () => number;
};

/** Patience with one piece of work; it renews itself on progress. */
export type Patience = {
  /** Something came: budget, attempts and delays start anew. */
  progressed(): void;
  /** Waits before the next attempt, or throws the error when it is final or patience has ended. */
  afterFailure(error: unknown): Promise<void>;
};

/** Starts being patient. Delays have jitter (half to full), so that many hosts of one site do not return in step. */
export function patience(options: PatienceOptions = {}): Patience {
  const nowMs = options.nowMs ?? (() => performance.now());
  const random = options.random ?? Math.random;
  const sleep =
    options.sleep ??
    (async (ms, signal) => {
      await sleepFor(ms, undefined, signal === undefined ? {} : { signal });
    });
  const giveUpMs = options.giveUpMs ?? 600_000;
  let failures = 0;
  let sinceMs = nowMs();
  return {
    progressed() {
      failures = 0;
      sinceMs = nowMs();
    },
    async afterFailure(error) {
      if (!(error instanceof Failure) || !isTransient(error)) throw error;
      checkStopped(options.signal);
      failures += 1;
      const waited = nowMs() - sinceMs;
      if (failures >= (options.attempts ?? Infinity) || waited >= giveUpMs) throw exhausted(error, failures, waited);
      const growing =
        Math.min(options.longestDelayMs ?? 30_000, (options.firstDelayMs ?? 500) * 2 ** (failures - 1)) *
        (0.5 + random() / 2);
      const asked = error instanceof RegistryFailure ? (error.retryAfterMs ?? 0) : 0;
      // Waiting past the budget only delays the bad news; one last attempt at its end is worth it.
      const delayMs = Math.min(Math.max(growing, asked), Math.max(giveUpMs - waited, 0));
      options.onRetry?.(error, delayMs);
      try {
        await sleep(delayMs, options.signal);
      } catch (cause) {
        checkStopped(options.signal);
        throw cause;
      }
    },
  };
}

/** Runs an attempt until it succeeds, fails for good, or patience ends. */
export async function retried<T>(attempt: () => Promise<T>, options: PatienceOptions = {}): Promise<T> {
  const patient = patience(options);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await patient.afterFailure(error);
    }
  }
}

function checkStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw signal.reason instanceof Failure
    ? signal.reason
    : new Interrupted('stopped while waiting for another attempt', {
        why: 'finished downloads are kept',
        cause: signal.reason,
      });
}

function exhausted(error: Failure, failures: number, waitedMs: number): Failure {
  if (failures === 1) return error; // nothing was tried again
  const tried = `given up after ${failures} attempts in ${Math.round(waitedMs / 1000)} s without progress`;
  const details = {
    why: error.why === undefined ? tried : `${error.why}; ${tried}`,
    ...(error.next === undefined ? {} : { next: error.next }),
    cause: error,
  };
  return error instanceof RegistryFailure
    ? new RegistryFailure(error.kind, messageOf(error), details)
    : new Failure(messageOf(error), { ...details, transient: true });
}
