import assert from 'node:assert/strict';
import { test } from 'tap';
import { kubernetesCbor } from '../../wire/test-cbor.ts';
import { golden } from '../../wire/test-golden.ts';
import { specOf } from './go-spec.ts';
import { specText } from './spec-text.ts';

test('the golden Deployment is written from its protobuf, its JSON and its CBOR byte for byte as Go wrote it', async () => {
  const files = await golden();
  const json = files.get('apps.v1.Deployment.json') ?? new Uint8Array();
  const parsed = JSON.parse(new TextDecoder().decode(json)) as { spec: unknown };
  const expected = JSON.stringify(parsed.spec); // names in the order of the file, which is Go's
  for (const bytes of [files.get('apps.v1.Deployment.pb') ?? new Uint8Array(), json, kubernetesCbor(parsed)]) {
    const spec = specOf(bytes);
    assert.ok(spec);
    const text = specText(spec);
    const written = text.write(text.doubts.map(() => false));
    let at = 0;
    while (at < expected.length && written.charAt(at) === expected.charAt(at)) at += 1;
    assert.equal(written.slice(at - 80, at + 80), expected.slice(at - 80, at + 80)); // the whole is too long to be shown
    assert.equal(at, written.length);
  }
});
