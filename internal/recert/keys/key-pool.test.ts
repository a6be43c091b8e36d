import assert from 'node:assert/strict';
import { test } from 'tap';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyShape, PrivateKey } from '../../pki/keys.ts';
import { shapeText } from '../../pki/keys.ts';
import { nodeKeyMaker } from '../../pki/signer.ts';
import { openKeyPool } from './key-pool.ts';

const rsa = (bits: number): KeyShape => ({ type: 'rsa', bits });
const many = (count: number, shape: KeyShape): KeyShape[] => Array.from({ length: count }, () => shape);
const p256: KeyShape = { type: 'ec', curve: 'P-256' };

/** Makes real keys of a small kind under the asked name, and notes what it was asked for. */
function watched(ms = 1): {
  readonly asked: string[];
  readonly most: () => number;
  readonly make: (shape: KeyShape) => Promise<PrivateKey>;
} {
  const asked: string[] = [];
  let [now, most] = [0, 0];
  return {
    asked,
    most: () => most,
    make: async (shape) => {
      asked.push(shapeText(shape));
      now += 1;
      most = Math.max(most, now);
      await delay(ms);
      now -= 1;
      return nodeKeyMaker.make(p256);
    },
  };
}

test('4096-bit keys are begun before all others, and never more at once than there are CPUs', async () => {
  const maker = watched();
  using pool = openKeyPool(maker, [...many(5, rsa(2048)), ...many(2, rsa(4096))], 3);
  await pool.settled();
  assert.deepEqual(maker.asked.slice(0, 2), ['RSA 4096', 'RSA 4096']);
  assert.equal(maker.asked.length, 7);
  assert.equal(maker.most(), 3);
});

test('a guess that was too large is dropped where it was not begun, and one too small is filled up', async () => {
  const maker = watched(5);
  using pool = openKeyPool(maker, many(100, rsa(2048)), 2);
  pool.fit([...many(4, rsa(2048)), ...many(3, p256)]);
  await pool.settled();
  assert.deepEqual(maker.asked.toSorted(), [...many(3, p256), ...many(4, rsa(2048))].map(shapeText));
});

test('no key is given twice, and one that nobody foresaw is made', async () => {
  const maker = watched();
  using pool = openKeyPool(maker, [], 2);
  const keys = await Promise.all(many(6, p256).map((shape) => pool.take(shape)));
  assert.equal(new Set(keys.map((key) => key.public.id)).size, 6);
  assert.equal(maker.asked.length, 6);
});

test('a maker that fails fails every taker with its own error', async () => {
  const boom = new Error('no entropy');
  using pool = openKeyPool({ make: () => Promise.reject(boom) }, many(3, p256), 1);
  await assert.rejects(pool.take(p256), boom);
  await assert.rejects(pool.take(rsa(2048)), boom);
  await assert.rejects(pool.settled(), boom);
});

test('keys come in the shape that was asked for', async () => {
  using pool = openKeyPool(nodeKeyMaker, [rsa(2048), p256]);
  for (const shape of [
    p256,
    rsa(2048),
    rsa(3072),
    { type: 'ec', curve: 'P-384' },
    { type: 'ec', curve: 'P-521' },
    { type: 'ed25519' },
  ] as const) {
    assert.deepEqual((await pool.take(shape)).public.shape, shape);
  }
});
