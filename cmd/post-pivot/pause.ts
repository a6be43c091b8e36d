import type { RunRecord } from '../../internal/steps/journal.ts';

const firstMs = 5000;
const longestMs = 5 * 60_000;

/** The pause before a run that systemd starts: it doubles while runs fail the same way, so that the cause is not buried under attempts. */
export function pauseAfter(runs: readonly RunRecord[]): number {
  const last = runs.at(-1);
  if (last?.state !== 'failed') return 0;
  const at = runs.findLastIndex((run) => run.state !== 'failed' || run.failure !== last.failure);
  const same = runs.length - 1 - at;
  return same < 2 ? 0 : Math.min(firstMs * 2 ** (same - 2), longestMs);
}
