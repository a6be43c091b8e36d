import assert from 'node:assert/strict';
import { test } from 'tap';
import { endOfPrefix } from './pages.ts';
import { batchesOf, type EtcdChange } from './transactions.ts';

const put = (key: string, size: number): EtcdChange => ({ kind: 'put', key, value: new Uint8Array(size), was: '1' });

await test('batchesOf() keeps the order and puts at most 128 changes into a transaction', async () => {
  const changes = Array.from({ length: 300 }, (_, index) => put(`/k/${index}`, 10));
  const batches = batchesOf(changes);
  assert.deepEqual(
    batches.map((batch) => batch.length),
    [128, 128, 44],
  );
  assert.deepEqual(batches.flat(), changes);
});

await test('batchesOf() keeps a transaction below the request limit of etcd; a larger value travels alone', async () => {
  const batches = batchesOf([
    put('a', 700_000),
    put('b', 500_000),
    put('c', 300_000),
    put('d', 3_000_000),
    put('e', 1),
  ]);
  assert.deepEqual(
    batches.map((batch) => batch.map(({ key }) => key)),
    [['a', 'b'], ['c'], ['d'], ['e']],
  );
});

await test('batchesOf() refuses two changes of one key, and makes no transaction of nothing', async () => {
  assert.throws(() => batchesOf([put('/a', 1), { kind: 'delete', key: '/a' }]), {
    message: 'two changes of the etcd key "/a" in one commit',
  });
  assert.deepEqual(batchesOf([]), []);
});

await test('endOfPrefix() is the first key behind the prefix', async () => {
  assert.equal(endOfPrefix('/kubernetes.io/').toString(), '/kubernetes.io0');
  assert.deepEqual([...endOfPrefix('')], [0]);
  assert.ok(Buffer.compare(Buffer.from('/a/\u{10ffff}\u{10ffff}'), endOfPrefix('/a/')) < 0);
});
