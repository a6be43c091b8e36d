import assert from 'node:assert/strict';
import { test } from 'tap';
import { progressOf } from './write-progress.ts';

test('a progress line of coreos-installer is read as bytes', async () => {
  assert.deepEqual(progressOf('Read disk 200.0 MiB/1.5 GiB (13%)'), {
    doneBytes: 209_715_200,
    totalBytes: 1_610_612_736,
    fraction: 0.13,
  });
  assert.deepEqual(progressOf('> Read disk 512.0 KiB/2.0 MiB (25%)   '), {
    doneBytes: 524_288,
    totalBytes: 2_097_152,
    fraction: 0.25,
  });
});

test('a source of unknown length has no total', async () => {
  assert.deepEqual(progressOf('Read disk 1.0 MiB'), { doneBytes: 1_048_576 });
});

test('other talk is no progress', async () => {
  for (const line of ['Install complete.', 'Error: Read disk failed', 'Read disk x MiB/2 MiB (1%)', ''])
    assert.equal(progressOf(line), undefined);
});
