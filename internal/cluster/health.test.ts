import assert from 'node:assert/strict';
import { test } from 'tap';
import { nodeLines, operatorLines, versionLines } from './health.ts';
import type { JsonMap } from './object.ts';

const object = (
  name: string,
  ...conditions: readonly (readonly [type: string, status: string, message?: string])[]
): JsonMap => ({
  metadata: { name },
  status: {
    desired: { version: '4.20.1' },
    conditions: conditions.map(([type, status, message = '']) => ({ type, status, message, reason: 'Because' })),
  },
});
const texts = (lines: readonly { readonly good: boolean; readonly text: string }[]): string[] =>
  lines.map(({ good, text }) => `${good ? '+' : '-'} ${text}`);

test('a node is ready, or says why not', async () => {
  assert.deepEqual(texts(nodeLines([])), ['- no node has registered']);
  assert.deepEqual(texts(nodeLines([object('a', ['Ready', 'True'])])), ['+ node "a" is ready']);
  assert.deepEqual(texts(nodeLines([object('a', ['Ready', 'False', 'no CNI\nmore'])])), [
    '- node "a" is not ready: no CNI',
  ]);
  assert.deepEqual(texts(nodeLines([object('a')])), ['- node "a" is not ready']);
});

test('the version says what is not as it should be', async () => {
  assert.deepEqual(texts(versionLines([object('version', ['Available', 'True'], ['Failing', 'False'])])), [
    '+ cluster version 4.20.1 is available',
  ]);
  assert.deepEqual(
    texts(
      versionLines([object('version', ['Available', 'False'], ['Failing', 'True', 'x'], ['Progressing', 'True', 'y'])]),
    ),
    [
      '- cluster version 4.20.1 is not available: Because',
      '- cluster version: failing: x',
      '- cluster version: progressing: y',
    ],
  );
});

test('only operators that are not well are listed, and one long sentence of each', async () => {
  const well = object('dns', ['Available', 'True'], ['Degraded', 'False'], ['Progressing', 'False']);
  const ill = object(
    'etcd',
    ['Available', 'False', 'gone'],
    ['Degraded', 'True', 'x'.repeat(300)],
    ['Progressing', 'True'],
  );
  assert.deepEqual(texts(operatorLines([])), []);
  assert.deepEqual(texts(operatorLines([well])), ['+ 1 of 1 cluster operators are well']);
  assert.deepEqual(texts(operatorLines([well, ill])), [
    '- 1 of 2 cluster operators are well',
    `- cluster operator "etcd" is not available, degraded, progressing: ${'x'.repeat(200)}…`,
  ]);
});
