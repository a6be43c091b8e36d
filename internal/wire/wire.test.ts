import assert from 'node:assert/strict';
import { test } from 'tap';
import { isByteField, knownKinds } from './fields.ts';
import { field } from './protobuf.ts';
import { kubernetesCbor } from './test-cbor.ts';
import { golden } from './test-golden.ts';
import type { Stored } from './wire.ts';
import { fieldAt, keysAt, openStored, replaceAt } from './wire.ts';
import { joined } from './bytes.ts';
import type { FieldPath } from '../edit/json.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const raw = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

function opened(value: Uint8Array): Stored {
  const stored = openStored(value);
  assert.ok(stored);
  return stored;
}

/** Paths of all text and bytes below a path. */
function leavesOf(stored: Stored, path: FieldPath = []): FieldPath[] {
  return keysAt(stored, path).flatMap((key) => {
    const here = [...path, key];
    const found = fieldAt(stored, here);
    if (found?.type === 'container') return leavesOf(stored, here);
    return found?.type === 'text' || found?.type === 'bytes' ? [here] : [];
  });
}

/**
 * Puts a longer and an empty value at leaves and takes each back; nothing else may change on the way. At most `most` leaves, spread
 * over the object: a Pod's JSON has 900, which takes minutes and proves no more.
 */
function thereAndBack(stored: Stored, name: string, most: number): number {
  const all = leavesOf(stored);
  const leaves = all.filter((_, index) => index % Math.ceil(all.length / most) === 0);
  for (const path of leaves) {
    const old = fieldAt(stored, path);
    assert.ok(old?.type === 'text' || old?.type === 'bytes');
    const before = old.type === 'text' ? old.text : old.bytes;
    for (const after of [`<&>"\\\n${'é'.repeat(150)}`, '']) {
      const changed = replaceAt(stored, path, old.type === 'text' ? after : bytes(after));
      const read = fieldAt(changed, path);
      assert.deepEqual(
        read,
        old.type === 'text' ? { type: 'text', text: after } : { type: 'bytes', bytes: bytes(after) },
        `${name} ${path.join('/')}`,
      );
      assert.equal(hex(replaceAt(changed, path, before).bytes), hex(stored.bytes), `${name} ${path.join('/')}`);
    }
    assert.equal(replaceAt(stored, path, before).bytes, stored.bytes);
  }
  return leaves.length;
}

test('every golden protobuf value takes each of its texts there and back and is byte-identical', async (t) => {
  let [values, leaves] = [0, 0];
  for (const [name, value] of await golden()) {
    if (!name.endsWith('.pb')) continue;
    const stored = opened(value);
    leaves += thereAndBack(stored, name, 500);
    values += 1;
  }
  t.comment(`${values} protobuf values byte-identical, ${leaves} places edited and taken back`);
  assert.equal(values, 89);
});

test('every golden JSON value takes texts there and back and is byte-identical', async (t) => {
  let [values, leaves] = [0, 0];
  for (const [name, value] of await golden()) {
    if (!name.endsWith('.json')) continue;
    leaves += thereAndBack(opened(value), name, 20);
    values += 1;
  }
  t.comment(`${values} JSON values byte-identical, ${leaves} places edited and taken back`);
  assert.equal(values, 89);
});

test('every golden value as CBOR takes texts there and back and is byte-identical', async (t) => {
  let [values, leaves] = [0, 0];
  for (const [name, value] of await golden()) {
    if (!name.endsWith('.json')) continue;
    leaves += thereAndBack(opened(kubernetesCbor(JSON.parse(new TextDecoder().decode(value)))), name, 20);
    values += 1;
  }
  t.comment(`${values} CBOR values byte-identical, ${leaves} places edited and taken back`);
  assert.equal(values, 89);
});

test('each field number that we know reads what the JSON of the same golden object says', async () => {
  const files = await golden();
  const proven = new Set<string>();
  for (const [name, value] of files) {
    if (!name.endsWith('.pb')) continue;
    const protobuf = opened(value);
    const json = opened(files.get(name.replace(/pb$/, 'json')) ?? new Uint8Array());
    assert.deepEqual([protobuf.apiVersion, protobuf.kind], [json.apiVersion, json.kind], name);
    for (const path of leavesOf(protobuf)) {
      if (path.at(-1) === 'raw') continue; // JSON of its own, held as bytes
      assert.deepEqual(fieldAt(protobuf, path), fieldAt(json, path), `${name} ${path.join('/')}`);
    }
    if (knownKinds.includes(protobuf.kind)) proven.add(protobuf.kind);
  }
  assert.deepEqual(
    knownKinds.filter((kind) => !proven.has(kind)),
    ['APIService', 'CustomResourceDefinition', 'Route', 'OAuthClient'],
  );
});

test('an edit in a message mends the length of every message around it', async () => {
  const secret = (content: string): Uint8Array =>
    joined(
      bytes('k8s\0'),
      field(1, joined(field(1, bytes('v1')), field(2, bytes('Secret')))),
      field(
        2,
        joined(field(2, joined(field(1, bytes('tls.crt')), field(2, bytes(content)))), field(99, bytes('unknown'))),
      ),
      field(3, bytes('')),
      field(4, bytes('')),
    );
  const stored = opened(secret('short'));
  assert.deepEqual(replaceAt(stored, ['data', 'tls.crt'], bytes('x'.repeat(70_000))).bytes, secret('x'.repeat(70_000)));
});

test('a map entry without a value reads as empty and gets the field when it is written', async () => {
  const map = (entry: Uint8Array): Uint8Array =>
    joined(
      bytes('k8s\0'),
      field(1, joined(field(1, bytes('v1')), field(2, bytes('ConfigMap')))),
      field(2, field(2, entry)),
    );
  const stored = opened(map(field(1, bytes('a'))));
  assert.deepEqual(fieldAt(stored, ['data', 'a']), { type: 'text', text: '' });
  assert.deepEqual(
    replaceAt(stored, ['data', 'a'], 'b').bytes,
    map(joined(field(1, bytes('a')), field(2, bytes('b')))),
  );
});

test('of a map key that stands twice the last one is read and replaced', async () => {
  const entry = (value: string): Uint8Array => field(2, joined(field(1, bytes('a')), field(2, bytes(value))));
  const map = (one: string, other: string): Uint8Array =>
    joined(
      bytes('k8s\0'),
      field(1, joined(field(1, bytes('v1')), field(2, bytes('ConfigMap')))),
      field(2, joined(entry(one), entry(other))),
    );
  assert.deepEqual(replaceAt(opened(map('old', 'new')), ['data', 'a'], 'third').bytes, map('old', 'third'));
});

test('a length that is not in its shortest form stays as it is unless the edit changes it', async () => {
  const long = joined(
    bytes('k8s\0'),
    field(1, joined(field(1, bytes('v1')), field(2, bytes('ConfigMap')))),
    Uint8Array.of(0x12, 0x8b, 0x00),
    field(2, joined(field(1, bytes('a')), field(2, bytes('old!')))).subarray(0, 12),
  );
  // 0x8b 0x00 is 11 in two bytes: the field inside has tag, length and nine more.
  const exact = joined(
    bytes('k8s\0'),
    field(1, joined(field(1, bytes('v1')), field(2, bytes('ConfigMap')))),
    Uint8Array.of(0x12, 0x8b, 0x00),
    field(2, joined(field(1, bytes('a')), field(2, bytes('old!')))),
  );
  assert.equal(hex(exact), hex(long));
  const changed = replaceAt(opened(exact), ['data', 'a'], 'new!');
  assert.equal(hex(changed.bytes), hex(exact).replace(hex(bytes('old!')), hex(bytes('new!'))));
});

test('text that begins like an object and is none is refused without naming its content', async () => {
  for (const broken of ['{"data": "secret-', 'k8s\0\u0012secret-word']) {
    assert.throws(
      () => openStored(bytes(broken)),
      (error: Error) => !error.message.includes('secret-') && error.message.includes('begins like'),
    );
  }
  assert.equal(openStored(bytes('compact_rev_key')), undefined);
  assert.equal(openStored(bytes('k8s:enc:aescbc:v1:1:xxxx')), undefined);
});

test('a byte field of JSON is its bytes, in base64 only where it is stored', async () => {
  const stored = opened(
    bytes('{"kind":"APIService","apiVersion":"apiregistration.k8s.io/v1","spec":{"caBundle":"YWJj","group":"<a>"}}\n'),
  );
  assert.deepEqual(fieldAt(stored, ['spec', 'caBundle']), { type: 'bytes', bytes: bytes('abc') });
  const changed = replaceAt(stored, ['spec', 'caBundle'], bytes('wxyz'));
  assert.equal(
    new TextDecoder().decode(changed.bytes),
    '{"kind":"APIService","apiVersion":"apiregistration.k8s.io/v1","spec":{"caBundle":"d3h5eg==","group":"<a>"}}\n',
  );
  assert.equal(
    isByteField('example.org/v1', 'Secret', ['data', 'x']),
    false,
    'a custom resource named Secret is another kind',
  );
});

test('a value of the wrong type or at a place that does not exist is refused', async () => {
  const stored = opened(bytes('{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"b","n":1}}'));
  assert.throws(() => replaceAt(stored, ['data', 'c'], 'x'), { message: 'ConfigMap has no text at "data/c"' });
  assert.throws(() => replaceAt(stored, ['data', 'n'], 'x'), { message: 'ConfigMap has no text at "data/n"' });
  assert.throws(() => replaceAt(stored, ['data', 'a'], bytes('x')), { message: 'ConfigMap has no bytes at "data/a"' });
});

test('CBOR keeps text strings, tags and endless lists as they are', async () => {
  // {"kind": "X", "l": [_ "a", 'b'], "b": 22(h'00ff')} with mixed string kinds
  const value = raw('d9d9f7a3446b696e644158416c9f61614162ff4162d64200ff');
  const stored = opened(value);
  assert.equal(stored.kind, 'X');
  assert.deepEqual(keysAt(stored, []), ['kind', 'l', 'b']);
  assert.deepEqual(fieldAt(stored, ['b']), { type: 'bytes', bytes: raw('00ff') });
  assert.equal(hex(replaceAt(stored, ['l', 1], 'cd').bytes), hex(value).replace('61614162ff', '6161426364ff'));
  assert.equal(hex(replaceAt(stored, ['l', 0], 'cd').bytes), hex(value).replace('61614162ff', '6263644162ff'));
  assert.equal(hex(replaceAt(stored, ['b'], raw('01')).bytes), hex(value).replace('d64200ff', 'd64101'));
});

test('a value cut off or with a byte changed is opened or refused, and never hangs', async () => {
  const files = await golden();
  const secret = files.get('core.v1.Secret.pb') ?? new Uint8Array();
  const cbor = kubernetesCbor(JSON.parse(new TextDecoder().decode(files.get('core.v1.Secret.json'))));
  for (const whole of [secret, cbor]) {
    for (let at = 4; at < whole.length; at += 1) {
      for (const broken of [
        whole.subarray(0, at),
        ...[0x00, 0x5f, 0x9b, 0xbb, 0xff].map((byte) => Uint8Array.from(whole).fill(byte, at, at + 1)),
      ]) {
        try {
          const stored = openStored(broken);
          if (stored !== undefined) leavesOf(stored);
        } catch (error) {
          assert.match((error as Error).message, /^(?:bytes at offset \d+ are not|a value that begins like) /); // a Failure of this room
        }
      }
    }
  }
});
