import assert from 'node:assert/strict';
import { test } from 'tap';
import { field } from '../../wire/protobuf.ts';
import { dependencyHash, hashOfJson } from './dependency-hash.ts';
import { goBytesString, goString } from './go-json.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

function stored(kind: string, ...entries: readonly (readonly [string, string | Uint8Array])[]): Uint8Array {
  const data = entries.map(([name, value]) =>
    field(2, joined(field(1, bytes(name)), field(2, typeof value === 'string' ? bytes(value) : value))),
  );
  return joined(
    bytes('k8s\0'),
    field(1, joined(field(1, bytes('v1')), field(2, bytes(kind)))),
    field(2, joined(field(1, field(1, bytes('name'))), ...data)),
  );
}

test('the hash of a dependency gives the known values', async () => {
  assert.equal(hashOfJson('null'), 'OUXnWA==');
  assert.equal(dependencyHash(stored('ConfigMap')), 'OUXnWA==');
  assert.equal(dependencyHash(stored('ConfigMap', ['config.yaml', '{"a":1}'])), '-GW98A==');
  assert.equal(
    dependencyHash(bytes('{"kind":"ConfigMap","apiVersion":"v1","data":{"config.yaml":"{\\"a\\":1}"}}\n')),
    '-GW98A==',
  );
  assert.equal(dependencyHash(bytes('{"kind":"ConfigMap","apiVersion":"v1","data":null}')), 'OUXnWA==');
  assert.equal(dependencyHash(bytes('{"kind":"ConfigMap","apiVersion":"v1","data":{}}')), hashOfJson('{}'));
  assert.equal(dependencyHash(bytes('{"kind":"Pod","apiVersion":"v1"}')), undefined);
});

test('names are sorted as Go sorts them and values are spelled as Go spells them', async () => {
  assert.equal(
    dependencyHash(stored('ConfigMap', ['z', '<\u2028&>\u007f'], ['B', 'é\n"\\'], ['b', ''])),
    hashOfJson('{"B":"é\\n\\"\\\\","b":"","z":"\\u003c\\u2028\\u0026\\u003e\u007f"}'),
  );
  assert.equal(
    dependencyHash(stored('Secret', ['b', Uint8Array.of(0xff, 0xfe, 0xfd)], ['a', ''])),
    hashOfJson('{"a":"","b":"//79"}'),
  );
});

test('bytes that are no character are one mark each, as Go writes them', async () => {
  assert.equal(
    goBytesString(Uint8Array.of(0x61, 0xff, 0xe2, 0x82, 0x3c, 0xed, 0xa0, 0x80, 0xc3, 0xa9)),
    '"a\\ufffd\\ufffd\\ufffd\\u003c\\ufffd\\ufffd\\ufffdé"',
  );
  assert.equal(goString('\ufffd\u0001\u001f\b\f\r\t'), '"\ufffd\\u0001\\u001f\\b\\f\\r\\t"');
  assert.equal(dependencyHash(stored('ConfigMap', ['a', Uint8Array.of(0xff)])), hashOfJson('{"a":"\\ufffd"}'));
});
