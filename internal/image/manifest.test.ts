import assert from 'node:assert/strict';
import { test } from 'tap';
import { chooseByPlatform, parseConfig, parseManifest, type ImageIndex } from './manifest.ts';

const digest = (pair: string): string => `sha256:${pair.repeat(32)}`;
const entry = (pair: string, architecture: string, variant?: string) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: digest(pair),
  size: 1,
  platform: { os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) },
});

test('an index and an image are told apart by their members', async () => {
  const index = parseManifest(JSON.stringify({ schemaVersion: 2, manifests: [entry('aa', 'amd64')] }));
  assert.equal(index.kind, 'index');
  const image = parseManifest(
    JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: 'c', digest: digest('bb'), size: 2 },
      layers: [],
      annotations: { any: 'thing' },
    }),
  );
  assert.equal(image.kind, 'image');
});

test('old, broken and lying manifests are refused with a reason', async () => {
  assert.throws(() => parseManifest('{"schemaVersion":1,"fsLayers":[]}'), {
    message: 'image manifest has schema version 1',
    next: 'push the image again with a current tool',
  });
  assert.throws(() => parseManifest('<html>'), { message: 'image manifest is not JSON' });
  assert.throws(
    () =>
      parseManifest('{"schemaVersion":2,"config":{"mediaType":"c","digest":"sha256:../../etc","size":1},"layers":[]}'),
    { message: 'image manifest has an unexpected form', why: 'config.digest: not a sha256 or sha512 digest' },
  );
});

test('the platform decides, and the variant among several', async () => {
  const index: ImageIndex = {
    manifests: [entry('aa', 'arm64', 'v8'), entry('bb', 'amd64', 'v3'), entry('cc', 'amd64')],
  };
  assert.equal(chooseByPlatform(index, { os: 'linux', architecture: 'amd64' }), digest('cc'));
  assert.equal(chooseByPlatform(index, { os: 'linux', architecture: 'arm64' }), digest('aa'));
  assert.throws(() => chooseByPlatform(index, { os: 'linux', architecture: 's390x' }), {
    message: 'image has no variant for linux/s390x',
    why: 'its index has linux/arm64/v8, linux/amd64/v3, linux/amd64',
    next: 'push an image for linux/s390x, or take another',
  });
});

test('a configuration may lack labels and date', async () => {
  const config = parseConfig('{"architecture":"amd64","os":"linux","config":{"Labels":null}}');
  assert.deepEqual(config, { architecture: 'amd64', os: 'linux', created: undefined, labels: {}, diffIds: [] });
  assert.equal(
    parseConfig(
      '{"architecture":"amd64","os":"linux","created":"2026-01-02T03:04:05.123456789Z"}',
    ).created?.toISOString(),
    '2026-01-02T03:04:05.123Z',
  );
});
