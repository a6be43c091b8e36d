import assert from 'node:assert/strict';
import { test } from 'tap';
import { dependencyHash, goJson, monitoringHash } from './hashes.ts';

await test('dependency hashes are those of the reference (hash/dependencies)', async () => {
  assert.equal(dependencyHash({}), 'OUXnWA==');
  assert.equal(dependencyHash({ 'config.yaml': '{"a":1}' }), '-GW98A==');
});

await test("names are sorted, bytes are base64, and Go's escapes count", async () => {
  assert.equal(dependencyHash({ b: '1', a: '2' }), dependencyHash({ a: '2', b: '1' }));
  assert.equal(dependencyHash({ key: Buffer.from('\x00\xff', 'latin1') }), dependencyHash({ key: 'AP8=' }));
  assert.equal(goJson({ text: '<a> & \u2028\u2029 "é"' }), '{"text":"\\u003ca\\u003e \\u0026 \\u2028\\u2029 \\"é\\""}');
});

await test('monitoring hashes are FNV-1 64 in base 32 (hash/monitoring)', async () => {
  assert.equal(monitoringHash(''), 'cnskssi2248p5');
  assert.equal(monitoringHash('hello\n'), '3mrdq1lkp13hf');
  assert.equal(9571486601897812948n.toString(32), '89l60b8v8f8uk');
});
