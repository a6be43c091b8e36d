import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'tap';
import { liveIsoIgnition } from './live-iso.ts';

const wishes = { configuration: '{"seedImage":"r/seed:1"}', seedImage: 'r/seed:1', pullSecret: '{"auths":{}}' };
type File = { path: string; mode: number; contents: { source: string } };
const filesOf = (document: Awaited<ReturnType<typeof liveIsoIgnition>>): Map<string, File> =>
  new Map((document.storage.files as File[]).map((file) => [file.path, file]));
const textOf = (file: File | undefined): string =>
  Buffer.from(file?.contents.source.split('base64,')[1] ?? '', 'base64').toString();

await test("the document has the installer's files with its modes", async () => {
  const files = filesOf(
    await liveIsoIgnition({
      ...wishes,
      postScript: '#!/bin/sh\n',
      registriesConf: 'x',
      trustBundle: 'pem',
      networkConfig: 'interfaces: []',
    }),
  );
  assert.deepEqual([...files].map(([path, { mode }]) => `${mode.toString(8)} ${path}`).sort(), [
    '555 /usr/local/bin/install-rhcos-and-restore-seed.sh',
    '600 /etc/pki/ca-trust/source/anchors/additional-trust-bundle.pem',
    '600 /var/tmp/ibi-configuration.json',
    '600 /var/tmp/network-config.yaml',
    '600 /var/tmp/pull-secret.json',
    '644 /etc/containers/registries.conf',
    '755 /var/tmp/post.sh',
  ]);
  assert.equal(textOf(files.get('/var/tmp/pull-secret.json')), '{"auths":{}}\n');
});

await test('the network unit is enabled only when there is a network configuration', async () => {
  const enabled = async (networkConfig: string): Promise<boolean | undefined> =>
    (await liveIsoIgnition({ ...wishes, networkConfig })).systemd.units.find(
      ({ name }) => name === 'network-config.service',
    )?.enabled;
  assert.deepEqual([await enabled(''), await enabled('interfaces: []')], [false, true]);
});

await test('a proxy with odd characters reaches systemd unchanged, in both spellings and in no unit', async () => {
  const document = await liveIsoIgnition({
    ...wishes,
    proxy: { http: 'http://u:p"a$s%20@proxy:3128', no: '.lab,10.0.0.0/8' },
  });
  assert.equal(
    textOf(filesOf(document).get('/etc/ibi/proxy.env')),
    'http_proxy="http://u:p\\"a\\$s%20@proxy:3128"\nHTTP_PROXY="http://u:p\\"a\\$s%20@proxy:3128"\nno_proxy=".lab,10.0.0.0/8"\nNO_PROXY=".lab,10.0.0.0/8"\n',
  );
  assert.doesNotMatch(JSON.stringify(document.systemd), /3128/);
});

await test('the seed image stands in the unit, percent signs doubled', async () => {
  const document = await liveIsoIgnition({ ...wishes, seedImage: 'r/se%ed:1' });
  assert.match(
    document.systemd.units.find(({ name }) => name.startsWith('install'))?.contents ?? '',
    /^Environment=SEED_IMAGE=r\/se%%ed:1$/m,
  );
});

await test('the script is accepted by bash', async () => {
  assert.equal(spawnSync('bash', ['-n', `${import.meta.dirname}/files/install-rhcos-and-restore-seed.sh`]).status, 0);
});
