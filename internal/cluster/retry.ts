import { setTimeout as sleepFor } from 'node:timers/promises';
import { Failure, Interrupted } from '../errors/errors.ts';
import { ApiFailure, graceKinds, type TroubleKind } from './trouble.ts';

export type Patience = {
  /** Time with nothing but trouble after which the last one is final. Default: 10 minutes. */
  readonly giveUpMs?: number;
  /** The same for what passes only while a cluster comes up: TLS, 401, 403, a kind not served. Default: 1 minute. */
  readonly graceMs?: number;
  /** The same for 5xx, of a caller that has something else to do meanwhile. Default: `giveUpMs`. */
  readonly serverMs?: number;
  /** First delay, doubled up to the longest. Defaults: 0.2 s and 5 s: the server is on this host, and nobody else waits for it. */
  readonly firstDelayMs?: number;
  readonly longestDelayMs?: number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly nowMs?: () => number;
};

/** Where waits are told. */
export type Waiting = { waiting(forWhat: string): void; readonly signal: AbortSignal };

/**
 * Repeats an attempt until it succeeds, fails for good, or patience ends.
 *
 * The budget restarts when the trouble becomes one of a kind not met before in this work: a server that refused and now says 503 is
 * coming up. There are few kinds, so that this ends.
 */
export async function patiently<T>(
  what: string,
  attempt: () => Promise<T>,
  tell: Waiting,
  patience: Patience = {},
): Promise<T> {
  const nowMs = patience.nowMs ?? (() => performance.now());
  const sleep = patience.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal }));
  const met = new Set<TroubleKind>();
  const startMs = nowMs();
  let [sinceMs, failures, toldMs] = [startMs, 0, -Infinity];
  for (;;) {
    stopIfTold(tell.signal);
    try {
      return await attempt();
    } catch (error) {
      stopIfTold(tell.signal);
      if (!(error instanceof ApiFailure) || !error.transient) throw error;
      if (!met.has(error.kind)) {
        met.add(error.kind);
        [sinceMs, failures] = [nowMs(), 0];
      }
      failures += 1;
      const waitedMs = nowMs() - sinceMs;
      const budgetMs = budgetOf(error.kind, patience);
      if (waitedMs >= budgetMs) throw exhausted(what, error, nowMs() - startMs);
      const grown = Math.min(patience.longestDelayMs ?? 5000, (patience.firstDelayMs ?? 200) * 2 ** (failures - 1));
      // A conflict is settled by reading anew; waiting for long settles nothing.
      const wanted = error.kind === 'conflict' ? Math.min(grown, 500) : Math.max(grown, error.retryAfterMs ?? 0);
      if (nowMs() - startMs + wanted >= 2000 && nowMs() - toldMs >= 30_000) {
        tell.waiting(`the API, to ${what}: ${error.why ?? error.message}`);
        toldMs = nowMs();
      }
      try {
        await sleep(Math.min(wanted, Math.max(budgetMs - waitedMs, 0)), tell.signal);
      } catch (cause) {
        stopIfTold(tell.signal);
        throw cause;
      }
    }
  }
}

function budgetOf(kind: TroubleKind, { giveUpMs = 600_000, graceMs = 60_000, serverMs = giveUpMs }: Patience): number {
  if (graceKinds.has(kind)) return graceMs;
  return kind === 'server' ? serverMs : giveUpMs;
}

export function stopIfTold(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw signal.reason instanceof Failure
    ? signal.reason
    : new Interrupted('stopped while working with the API of the cluster', {
        why: 'what was written so far stands, and is found by the next run',
      });
}

function exhausted(what: string, error: ApiFailure, ms: number): ApiFailure {
  return new ApiFailure(error.kind, error.message, {
    why: `${error.why ?? 'no reason was given'}; given up after ${Math.round(ms / 1000)} s of trying to ${what}`,
    next: error.next ?? 'see what kube-apiserver and etcd of this host say, then run: post-pivot run',
    ...(error.status === undefined ? {} : { status: error.status }),
    reason: error.reason,
    transient: true,
    cause: error,
  });
}
