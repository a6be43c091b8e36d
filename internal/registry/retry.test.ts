import assert from 'node:assert/strict';
import { test } from 'tap';
import { Failure } from '../errors/errors.ts';
import { patience, retried, type PatienceOptions } from './retry.ts';
import { RegistryFailure } from './trouble.ts';

const flaky = new RegistryFailure('server', 'registry "q" did not give "x"', { why: 'it answered 500' });

/** A clock that moves only by waiting. */
function clock(): { options: PatienceOptions; waits: number[]; advance(ms: number): void } {
  let nowMs = 0;
  const waits: number[] = [];
  return {
    waits,
    advance: (ms) => {
      nowMs += ms;
    },
    options: {
      nowMs: () => nowMs,
      random: () => 1,
      sleep: (ms) => {
        waits.push(ms);
        nowMs += ms;
        return Promise.resolve();
      },
    },
  };
}

test('delays double up to the longest, and patience ends with what was tried', async () => {
  const { options, waits } = clock();
  await assert.rejects(
    retried(() => Promise.reject(flaky), { ...options, giveUpMs: 100_000 }),
    {
      name: 'RegistryFailure',
      message: flaky.message,
      why: /^it answered 500; given up after 10 attempts in 100 s without progress$/,
      transient: true,
    },
  );
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 8500]);
});

test('a final failure is not tried again', async () => {
  const { options, waits } = clock();
  const final = new RegistryFailure('auth', 'no');
  await assert.rejects(
    retried(() => Promise.reject(final), options),
    final,
  );
  assert.deepEqual(waits, []);
});

test('a registry that says when to come back is waited for', async () => {
  const { options, waits } = clock();
  let tries = 0;
  await retried(
    () =>
      tries++ === 0 ? Promise.reject(new RegistryFailure('busy', 'b', { retryAfterMs: 42_000 })) : Promise.resolve(),
    options,
  );
  assert.deepEqual(waits, [42_000]);
});

test('progress renews budget, attempts and delay', async () => {
  const { options, waits } = clock();
  const patient = patience({ ...options, attempts: 3 });
  await patient.afterFailure(flaky);
  await patient.afterFailure(flaky);
  patient.progressed();
  await patient.afterFailure(flaky);
  assert.deepEqual(waits, [500, 1000, 500]);
  await patient.afterFailure(flaky);
  await assert.rejects(patient.afterFailure(flaky), /did not give/);
});

test('a stop ends the wait', async () => {
  const controller = new AbortController();
  const waiting = retried(() => Promise.reject(flaky), {
    signal: controller.signal,
    firstDelayMs: 60_000,
    onRetry: () => {
      setTimeout(() => {
        controller.abort();
      }, 10);
    },
  });
  await assert.rejects(waiting, { name: 'Interrupted', exitCode: 75 });
});

test('anything that is no transient Failure passes through', async () => {
  await assert.rejects(
    retried(() => Promise.reject(new TypeError('bug'))),
    TypeError,
  );
  await assert.rejects(
    retried(() => Promise.reject(new Failure('final'))),
    { message: 'final' },
  );
});
