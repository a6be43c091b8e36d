import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, Interrupted, messageOf } from '../errors/errors.ts';

/**
 * What an error of etcd means. etcd3 casts errors to classes and drops the status code; the text still begins with it. These words ("14 UNAVAILABLE: …") are taken away; what etcd said is kept.
 *
 * | etcd or gRPC says                                        | class     |
 * |----------------------------------------------------------|-----------|
 * | nobody there, connection lost, leader lost, request timed out | transient |
 * | too many requests                                        | transient |
 * | anything else: space exceeded, request too large, …      | final     |
 */
export type Trouble = { readonly transient: boolean; readonly text: string };

export function troubleOf(error: unknown): Trouble {
  const message = messageOf(error);
  const text = message.replace(/^\d+ [A-Z_]+: /, '').replace(/\.$/, '');
  const transient =
    /^(?:14 UNAVAILABLE|4 DEADLINE_EXCEEDED|1 CANCELLED)\b/.test(message) ||
    /too many requests|no leader|leader changed|request timed out/.test(message);
  return { transient, text };
}

/** True for an answer that only something else than an etcd gives: no such call, or bytes that are no gRPC. */
export function isForeign(error: unknown): boolean {
  return /^(?:12 UNIMPLEMENTED|13 INTERNAL|2 UNKNOWN: Received HTTP|Received HTTP)/.test(messageOf(error));
}

/** What a failure of this kind asks a person to do. */
export function nextOf(text: string): string | undefined {
  if (text.includes('database space exceeded'))
    return 'stop etcd and start it again on the same data with a larger --quota-backend-bytes (8589934592 is 8 GiB)';
  if (text.includes('request is too large') || text.includes('message larger than'))
    return 'start etcd with a larger --max-request-bytes';
  if (text.includes('has been compacted')) return 'start again: the data changed while it was read';
  return undefined;
}

/** An error of etcd as a failure of ours. */
export function failureOf(what: string, endpoint: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { text, transient } = troubleOf(error);
  const next = nextOf(text);
  return new Failure(`${what} at etcd "${endpoint}" failed: ${text}`, {
    transient,
    cause: error,
    ...(next === undefined ? {} : { next }),
  });
}

export type Patience = {
  /** Time in which a transient trouble may pass, in milliseconds. */
  readonly budgetMs: number;
  readonly stop: AbortSignal;
};

/** Repeats a call while its trouble is transient: after 50 ms, then twice as long each time up to 2 s, until the budget is used up. */
export async function patiently<T>(
  call: () => Promise<T>,
  patience: Patience,
  isWorthIt: (error: unknown) => boolean = (error) => troubleOf(error).transient,
): Promise<T> {
  const started = performance.now();
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 2000)) {
    if (patience.stop.aborted) throw new Interrupted('stopped on request while talking to etcd');
    try {
      return await call();
    } catch (error) {
      const leftMs = patience.budgetMs - (performance.now() - started);
      if (!isWorthIt(error) || leftMs <= 0) throw error;
      await sleep(Math.min(delayMs, leftMs), undefined, { signal: patience.stop }).catch(() => undefined);
    }
  }
}
