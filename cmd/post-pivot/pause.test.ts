import assert from 'node:assert/strict';
import { test } from 'tap';
import type { RunRecord } from '../../internal/steps/journal.ts';
import { pauseAfter } from './pause.ts';

const run = (state: RunRecord['state'], failure?: string): RunRecord => ({
  program: 'post-pivot',
  version: '1',
  startedAt: '2026-01-01T00:00:00Z',
  durationMs: 1,
  state,
  steps: [],
  ...(failure === undefined ? {} : { failure }),
});

await test('the pause doubles while runs fail the same way, up to five minutes', async () => {
  const failed = (times: number): RunRecord[] => Array.from({ length: times }, () => run('failed', 'x'));
  assert.deepEqual(
    [0, 1, 2, 3, 4, 9, 20].map((times) => pauseAfter(failed(times))),
    [0, 0, 5000, 10_000, 20_000, 300_000, 300_000],
  );
  assert.equal(pauseAfter([...failed(5), run('failed', 'y')]), 0);
  assert.equal(pauseAfter([...failed(5), run('done')]), 0);
  assert.equal(pauseAfter([...failed(5), run('interrupted', 'x')]), 0);
});
