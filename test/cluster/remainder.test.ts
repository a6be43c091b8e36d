import assert from 'node:assert/strict';
import { test } from 'tap';
import { leavesOf } from './remainder.ts';
import { storedValue, type KubeObject } from './stored.ts';

const secret = (data: Readonly<Record<string, Buffer>>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'a', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', labels: { one: 'x' } },
  data,
});

const textsOf = (object: KubeObject): string[] =>
  leavesOf(storedValue(object, 'protobuf')).map((leaf) => Buffer.from(leaf).toString('latin1'));

await test('a value of a Secret is one leaf, also when its bytes read as a message by chance', async () => {
  // Field 5 as fixed32 "----", field 8 as a text: what PEM was taken for once in some thousand runs.
  const message = Buffer.concat([Buffer.from([0x2d]), Buffer.from('----'), Buffer.from([0x42, 0x02, 0x01, 0x02])]);
  for (const value of [message, Buffer.from('-----BEGIN EC PRIVATE KEY-----\nAQ==\n'), Buffer.from([0x0a, 0x01, 0x41])])
    assert.ok(textsOf(secret({ key: value })).includes(`2/2:${value.toString('latin1')}`));
});

await test('messages and maps are opened by their shape, and lengths are left out', async () => {
  const [short, long] = [secret({ key: Buffer.from('a') }), secret({ key: Buffer.alloc(400, 'b') })];
  const without = (object: KubeObject): string[] => textsOf(object).filter((leaf) => !/^2\/2:[ab]+$/.test(leaf));
  assert.deepEqual(without(short), without(long));
  assert.ok(textsOf(short).includes('1/2:one') && textsOf(short).includes('2/2:x'), 'labels, entry by entry');
});
