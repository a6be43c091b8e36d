import assert from 'node:assert/strict';
import { test } from 'tap';
import { fnv32, fnv64, fnv64Text } from './fnv.ts';

/** The definition, in numbers of any size. */
function plain(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = ((hash * 0x100000001b3n) & 0xffffffffffffffffn) ^ BigInt(byte);
  return hash;
}

test('FNV-1 gives the known hashes of known texts', async () => {
  assert.equal(fnv64Text(''), 'cnskssi2248p5');
  assert.equal(fnv64Text('hello\n'), '3mrdq1lkp13hf');
  assert.equal(
    fnv32(new TextEncoder().encode('null\n')).toString(16),
    Buffer.from('OUXnWA==', 'base64').toString('hex'),
  );
});

test('the halves of the 64-bit hash are those of its definition', async () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7919) % 256);
  for (const length of [1, 2, 3, 100, 4999, 5000])
    assert.equal(fnv64(bytes.subarray(0, length)), plain(bytes.subarray(0, length)));
  assert.equal(fnv64(new Uint8Array(3000).fill(0xff)), plain(new Uint8Array(3000).fill(0xff)));
});
