import assert from 'node:assert/strict';
import { test } from 'tap';
import { Interrupted } from '../errors/errors.ts';
import { patiently, type Patience } from './retry.ts';
import { ApiFailure, type TroubleKind } from './trouble.ts';

/** A clock that moves only by waiting. */
function clock(): {
  patience: Patience;
  waits: number[];
  told: string[];
  tell: { waiting(words: string): void; signal: AbortSignal };
} {
  let nowMs = 0;
  const [waits, told]: [number[], string[]] = [[], []];
  return {
    waits,
    told,
    tell: { waiting: (words) => void told.push(words), signal: new AbortController().signal },
    patience: {
      giveUpMs: 60_000,
      graceMs: 10_000,
      nowMs: () => nowMs,
      sleep: (ms) => {
        waits.push(ms);
        nowMs += ms;
        return Promise.resolve();
      },
    },
  };
}

const trouble = (kind: TroubleKind, retryAfterMs?: number): ApiFailure =>
  new ApiFailure(kind, 'the API did not list nodes', { why: `it is ${kind}`, retryAfterMs });

/** Fails so, one after the other, and the last for ever. */
function failing(...errors: readonly ApiFailure[]): () => Promise<never> {
  let count = 0;
  return () => Promise.reject(errors[Math.min(count++, errors.length - 1)] ?? new Error('no errors'));
}

test('delays double up to the longest, and patience ends with what was tried', async () => {
  const { patience, waits, told, tell } = clock();
  await assert.rejects(patiently('list nodes', failing(trouble('server')), tell, patience), {
    name: 'ApiFailure',
    why: 'it is server; given up after 60 s of trying to list nodes',
    transient: true,
  });
  assert.deepEqual(waits.slice(0, 7), [200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.equal(told.length, 2, 'said at once when it takes time, and every 30 s');
});

test('trouble of a new kind restarts the budget, and of an old kind does not', async () => {
  const { patience, waits, tell } = clock();
  const turns = Array.from({ length: 400 }, (_, index) => trouble(index % 2 === 0 ? 'server' : 'unreachable'));
  await assert.rejects(patiently('x', failing(trouble('busy'), ...turns), tell, patience));
  const total = waits.reduce((sum, wait) => sum + wait, 0);
  assert.ok(total >= 60_000 && total < 70_000, String(total));
});

test('Retry-After is honoured', async () => {
  const { patience, waits, tell } = clock();
  let count = 0;
  await patiently(
    'x',
    () => (count++ === 0 ? Promise.reject(trouble('busy', 42_000)) : Promise.resolve()),
    tell,
    patience,
  );
  assert.deepEqual(waits, [42_000]);
});

test('what passes only while a cluster comes up has a grace, and what is final none', async () => {
  for (const [kind, expected] of [
    ['forbidden', 10_000],
    ['unauthorized', 10_000],
    ['tls', 10_000],
    ['invalid', 0],
    ['absent', 0],
  ] as const) {
    const { patience, waits, tell } = clock();
    await assert.rejects(patiently('x', failing(trouble(kind)), tell, patience));
    assert.equal(
      waits.reduce((sum, wait) => sum + wait, 0),
      expected,
      kind,
    );
  }
});

test('a bug is no trouble, and a stop is not waited for', async () => {
  const { patience, tell } = clock();
  await assert.rejects(
    patiently('x', () => Promise.reject(new TypeError('bug')), tell, patience),
    TypeError,
  );
  const stopped = { ...tell, signal: AbortSignal.abort() };
  await assert.rejects(
    patiently('x', () => Promise.resolve(), stopped, patience),
    { name: 'Interrupted', exitCode: 75 },
  );
  const reason = { ...tell, signal: AbortSignal.abort(new Interrupted('by SIGTERM')) };
  await assert.rejects(
    patiently('x', () => Promise.resolve(), reason, patience),
    { message: 'by SIGTERM' },
  );
});
