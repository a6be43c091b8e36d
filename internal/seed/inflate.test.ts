import assert from 'node:assert/strict';
import { test } from 'tap';
import { gunzipSync, gzipSync } from 'node:zlib';
import { randomFrom } from '../../test/random.ts';
import { inflated } from './inflate.ts';

const random = randomFrom(7);
const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));

/** Cuts bytes at random places, some of them twice. */
function* cut(bytes: Buffer, most: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + Math.floor(random() * most));
    at += piece.length;
    yield piece;
  }
}

async function inflate(pieces: Iterable<Buffer>): Promise<Buffer> {
  const out: Buffer[] = [];
  for await (const piece of inflated(
    (async function* feed() {
      await Promise.resolve();
      yield* pieces;
    })(),
  ))
    out.push(piece);
  return Buffer.concat(out);
}

await test('members one after the other are inflated as one stream, wherever they are cut', async () => {
  for (let round = 0; round < 30; round += 1) {
    const parts = Array.from({ length: 1 + Math.floor(random() * 5) }, () =>
      random() < 0.5 ? noise(Math.floor(random() * 3000)) : Buffer.alloc(Math.floor(random() * 900_000), 'ab'),
    );
    const packed = Buffer.concat(parts.map((part) => gzipSync(part, { level: Math.floor(random() * 10) })));
    assert.ok((await inflate(cut(packed, round % 2 === 0 ? 40 : 5000))).equals(Buffer.concat(parts)), `round ${round}`);
    assert.ok((await inflate([packed, Buffer.alloc(600)])).equals(Buffer.concat(parts)), 'zeros behind it are padding');
  }
});

await test('what comes before a damage is given, then the damage is thrown with its code', async () => {
  const packed = gzipSync(Buffer.concat([Buffer.alloc(700_000, 'x'), noise(5000)]));
  const code =
    (wanted: RegExp) =>
    (error: unknown): boolean =>
      error instanceof Error && 'code' in error && wanted.test(String(error.code));
  const wrongSum = Buffer.from(packed);
  wrongSum.writeUInt32LE((wrongSum.readUInt32LE(packed.length - 8) ^ 1) >>> 0, packed.length - 8);
  await assert.rejects(inflate([wrongSum]), code(/^Z_DATA_ERROR$/));
  for (const length of [1, 9, 200, packed.length - 9, packed.length - 1])
    await assert.rejects(inflate([packed.subarray(0, length)]), code(/^Z_BUF_ERROR$/), String(length));
  await assert.rejects(inflate([Buffer.from('no gzip at all, but long enough')]), code(/^Z_DATA_ERROR$/));
  assert.equal((await inflate([])).length, 0);
});

await test('it says of every stream what a stream of Node says', async () => {
  const packed = gzipSync(noise(20_000));
  const say = async (work: () => Buffer | Promise<Buffer>): Promise<string> => {
    try {
      return (await work()).toString('latin1');
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  };
  for (let round = 0; round < 200; round += 1) {
    const damaged = Buffer.from(packed);
    const at = Math.floor(random() * damaged.length);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    assert.equal(
      await say(() => inflate(cut(damaged, 4000))),
      await say(() => gunzipSync(damaged)),
      `bit of byte ${at}`,
    );
  }
});
