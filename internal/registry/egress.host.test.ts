import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { startFront } from '../../test/registry-front.ts';
import { makeLayer, pushImage, startPeer } from '../../test/registry-peer.ts';
import { openEgress, reservationAbout, type Egress } from './egress.ts';
import { pullImages } from './pull.ts';
import { openRegistry } from './registry.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';

async function egressOf(
  at: Surroundings,
  files: { conf?: string; auth?: unknown; policy?: unknown; dropIns?: Record<string, string> },
): Promise<Egress> {
  const write = (name: string, text: string): string => {
    writeFileSync(join(at.folder, name), text);
    return join(at.folder, name);
  };
  mkdirSync(join(at.folder, 'd'), { recursive: true });
  for (const [name, text] of Object.entries(files.dropIns ?? {})) write(`d/${name}`, text);
  return openEgress(at.host, {
    authFile: write('auth.json', JSON.stringify(files.auth ?? { auths: {} })),
    paths: {
      registriesConf: write('registries.conf', files.conf ?? ''),
      registriesFolders: [join(at.folder, 'd')],
      policy: write('policy.json', JSON.stringify(files.policy ?? { default: [{ type: 'insecureAcceptAnything' }] })),
    },
  });
}

test('what our stream cannot honour is left to skopeo with a reason', async () => {
  await using at = await surroundings();
  const why = async (
    files: Parameters<typeof egressOf>[1],
    image = 'quay.io/lab/seed:1',
  ): Promise<string | undefined> => reservationAbout(await egressOf(at, files), image)?.why;
  assert.equal(await why({}), undefined);
  assert.equal(
    await why({ auth: { auths: {}, credHelpers: { 'quay.io': 'pass' } } }),
    'credentials for "quay.io" are kept by the helper "pass"',
  );
  assert.equal(
    await why({
      conf: '[[registry]]\nlocation="quay.io"\n[[registry.mirror]]\nlocation="m.lab"',
      auth: { credHelpers: { 'm.lab': 'pass' } },
    }),
    'credentials for "m.lab" are kept by the helper "pass"',
  );
  assert.equal(await why({ conf: 'credential-helpers = ["containers-auth.json"]' }), undefined);
  assert.equal(
    await why({ conf: 'credential-helpers = ["secretservice"]' }),
    'registries.conf asks the helper "secretservice" for credentials',
  );
  assert.equal(
    await why({ conf: '[[registry]]\nlocation="quay.io"\nblocked=true' }),
    'registry "quay.io" is blocked in registries.conf and has no mirror for "quay.io/lab/seed:1"',
  );
  assert.match(
    (await why({ policy: { default: [{ type: 'reject' }] } })) ?? '',
    /^signature policy ".*policy\.json" asks for "reject" \(scope "default"\)$/,
  );
});

test('drop-ins are read by name, after the main file', async () => {
  await using at = await surroundings();
  const egress = await egressOf(at, {
    conf: '[[registry]]\nlocation="quay.io"\nblocked=true',
    dropIns: {
      '20-b.conf': '[[registry]]\nlocation="quay.io"\n[[registry.mirror]]\nlocation="b.lab"',
      '10-a.conf': '[[registry]]\nlocation="quay.io"\nblocked=true',
      'note.txt': 'not toml [',
    },
  });
  assert.deepEqual(
    egress.mirrors.rules.map(({ mirrors, blocked }) => [mirrors[0]?.location, blocked]),
    [['b.lab', false]],
  );
});

test('a missing auth file is named', async () => {
  await using at = await surroundings();
  await assert.rejects(openEgress(at.host, { authFile: '/nowhere/pull-secret.json' }), {
    name: 'UsageError',
    message: 'auth file "/nowhere/pull-secret.json" does not exist',
    next: 'write the pull secret there',
  });
});

test(
  'a registry with an IPv6 address and plain HTTP is reached; podman 4.3 does not know such names and says so',
  { timeout: 60_000 },
  async () => {
    await using at = await surroundings();
    await using peer = await startPeer({ folder: join(at.folder, 'peer') });
    await using front = await startFront(peer, () => 'pass', { host: '::1' });
    const pushed = await pushImage(peer, 'lab/app', '1', [await makeLayer({ x: 'x' })]);
    const conf = join(at.folder, 'registries.conf');
    writeFileSync(conf, `[[registry]]\nlocation = "[::1]:${front.port}"\ninsecure = true\n`);
    const host = at.hostWith({ CONTAINERS_REGISTRIES_CONF: conf });
    using registry = openRegistry(host, await openEgress(host));
    const name = `[::1]:${front.port}/lab/app:1`;
    assert.equal(
      (await registry.inspect(name, { platform: { os: 'linux', architecture: 'amd64' } })).pinned,
      `[::1]:${front.port}/lab/app@${pushed.digest}`,
    );
    const report = await pullImages(host, [name], {
      registry,
      store: { root: join(at.folder, 'c/storage'), runRoot: join(at.folder, 'run') },
    });
    for (const failed of report.failed)
      assert.deepEqual(failed, {
        image: name,
        why: 'invalid reference format',
        next: 'use a host name: the podman of this machine takes no IPv6 address in the name of an image',
      });
  },
);
