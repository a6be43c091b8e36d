import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'tap';
import { ignitionValidate } from '../test/ignition/build.ts';
import { liveIsoIgnition } from './live-iso.ts';

/** The judge is Ignition's own validator, of the release that `test/ignition/go.mod` pins. */
const validator = (await ignitionValidate()).path('ignition-validate');

function validated(document: unknown): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(validator, ['-'], { input: JSON.stringify(document), encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

await test('ignition-validate accepts the document', async () => {
  const { status, text } = validated(
    await liveIsoIgnition({
      configuration: '{"seedImage":"r/seed:1"}',
      seedImage: 'r/seed:1',
      pullSecret: '{"auths":{}}',
      sshKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMFm0x0000000000000000000000000000000000000000 test',
    }),
  );
  assert.equal(status, 0, text);
});

await test('ignition-validate refuses a document that Ignition would refuse', async () => {
  const { status, text } = validated({ ignition: { version: '3.2.0' }, storage: { files: [{ path: 'x' }] } });
  assert.deepEqual([status, text.includes('path not absolute')], [1, true], text);
});
