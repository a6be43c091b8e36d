import assert from 'node:assert/strict';
import { test } from 'tap';
import { bootedDeployment } from './booted.ts';
import { imageList } from './image-list.ts';
import { kernelArguments } from './kernel-arguments.ts';
import { formatLabel, manifestLabel } from './format.ts';
import { clockWarning, judgeSeed, type SeedFacts, type SeedWishes } from './rules.ts';

const manifest = {
  seed_cluster_ocp_version: '4.17.0',
  container_storage_mountpoint_target: '/dev/disk/by-partlabel/var-lib-containers',
};
const facts: SeedFacts = {
  reference: 'r/seed:1',
  architecture: 'amd64',
  os: 'linux',
  created: new Date('2026-01-01T00:00:00Z'),
  labels: { [formatLabel]: '4', [manifestLabel]: JSON.stringify(manifest) },
  layers: 1,
};
const wishes: SeedWishes = {
  version: '4.17.0',
  architecture: 'amd64',
  now: new Date('2026-02-01T00:00:00Z'),
  containersPartitionLabel: 'var-lib-containers',
};
const commit = 'ab'.repeat(32);

await test('a good seed passes without a word', async () => {
  assert.deepEqual(judgeSeed(facts, wishes).warnings, []);
});

await test('missing labels only warn, because older seeds lack them', async () => {
  assert.deepEqual(
    judgeSeed({ ...facts, labels: {} }, wishes).warnings.map((warning) => warning.slice(0, 70)),
    [
      'seed image is missing the com.openshift.lifecycle-agent.seed_format_ve',
      'seed image is missing the com.openshift.lifecycle-agent.seed_cluster_i',
    ],
  );
});

for (const [what, change, message] of [
  [
    'another architecture',
    { architecture: 'arm64' },
    'seed image "r/seed:1" is for architecture "arm64", this host is "amd64"',
  ],
  ['another format', { labels: { [formatLabel]: '5' } }, 'seed image format version mismatch: expected 4, got 5'],
  [
    'a broken manifest',
    { labels: { [manifestLabel]: '{' } },
    `the seed manifest in label ${manifestLabel} cannot be read`,
  ],
  [
    'a manifest of wrong types',
    { labels: { [manifestLabel]: '{"release_registry":5}' } },
    `the seed manifest in label ${manifestLabel} cannot be read`,
  ],
  [
    'another version',
    { labels: { [manifestLabel]: '{"seed_cluster_ocp_version":"4.16.1"}' } },
    'version specified in seed image (4.16.1) differs from version in spec (4.17.0)',
  ],
  [
    'no version',
    { labels: { [manifestLabel]: '{}' } },
    'version specified in seed image (none) differs from version in spec (4.17.0)',
  ],
  ['no layers', { layers: 0 }, 'seed image "r/seed:1" has no layers'],
  [
    'a creation date in our future',
    { created: new Date('2026-03-01T00:00:00Z') },
    'the clock of this host says 2026-02-01T00:00:00.000Z, but the seed image was made at 2026-03-01T00:00:00.000Z',
  ],
] as const) {
  await test(`a seed with ${what} is refused`, async () => {
    assert.throws(() => judgeSeed({ ...facts, ...change }, wishes), { message });
  });
}

await test('a seed that mounts a partition which this configuration does not make is warned about', async () => {
  assert.match(
    judgeSeed(facts, { ...wishes, containersPartitionLabel: 'other' }).warnings.join(),
    /mounts container storage from partition "var-lib-containers", this configuration names it "other"/,
  );
  assert.match(
    judgeSeed(facts, { ...wishes, containersPartitionLabel: undefined }).warnings.join(),
    /makes no such partition/,
  );
});

await test("a clock that differs from the registry's is named", async () => {
  assert.deepEqual(clockWarning(wishes.now, new Date('2026-02-01T00:03:00Z')), []);
  assert.match(
    clockWarning(wishes.now, new Date('2026-02-02T00:00:00Z')).join(),
    /the clock of this host says 2026-02-01T00:00:00.000Z, the registry says 2026-02-02/,
  );
});

await test('kernel arguments keep every character, and FIPS adds its pair', async () => {
  const text = JSON.stringify({ spec: { kernelArguments: ['a=1', 'q="x y"', 'l=<&>$HOME`x`'], fips: true } });
  assert.deepEqual(kernelArguments(text), ['a=1', 'q="x y"', 'l=<&>$HOME`x`', 'fips=1', 'boot=LABEL=boot']);
  assert.deepEqual(kernelArguments('{"spec":{"kernelArguments":null}}'), []);
  assert.throws(
    () => kernelArguments('{"spec":{"kernelArguments":"a=1"}}'),
    /"mco-currentconfig.json" of the seed cannot be read/,
  );
});

await test('the booted deployment is what follows the last dash of its id', async () => {
  const status = (id: string): string =>
    JSON.stringify({
      deployments: [
        { id: `other-${commit}.0`, booted: false },
        { id, booted: true },
      ],
    });
  assert.deepEqual(bootedDeployment(status(`rhcos-4-x-${commit}.1`)), { name: `${commit}.1`, commit });
  assert.throws(() => bootedDeployment(status('rhcos')), {
    message: "failed to get deployment from deploymentID, there should be a '-' in deploymentID rhcos",
  });
  assert.throws(() => bootedDeployment('{"deployments":[]}'), {
    message: 'failed to get booted stateroot id: failed finding booted stateroot',
  });
  assert.throws(() => bootedDeployment(status('rhcos-nocommit.1')), /names no commit/);
  assert.throws(() => bootedDeployment('no json'), /"rpm-ostree.json" of the seed cannot be read/);
});

await test('the image list keeps order and drops blank lines and repetitions', async () => {
  assert.deepEqual(imageList('b:1\n\n a@sha256:1 \nb:1\nc:2'), ['b:1', 'a@sha256:1', 'c:2']);
});
