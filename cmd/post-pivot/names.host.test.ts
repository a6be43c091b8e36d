import assert from 'node:assert/strict';
import { test } from 'tap';
import { openSeedHost, type SeedHost } from './test-host.ts';

const call = async (host: SeedHost, ...words: readonly string[]): Promise<{ code: number; said: string }> => {
  const { exitCode, stdout, stderr } = await host.call(...words);
  return { code: exitCode, said: `${stdout}${stderr}` };
};

await test('lca-cli init-monitor has nothing to watch after an installation, and says so by its exit code', async () => {
  await using host = await openSeedHost();
  assert.deepEqual(await call(host, 'lca-cli', 'init-monitor', '--monitor'), { code: 0, said: '' });
  assert.deepEqual(await call(host, 'lca-cli', 'init-monitor', '--exec-stop-post', 'postpivot'), { code: 0, said: '' });
  const none = await call(host, 'lca-cli', 'init-monitor');
  assert.equal(none.code, 2);
  assert.match(none.said, /must specify either --monitor or --exec-stop-post/);
  const both = await call(host, 'lca-cli', 'init-monitor', '--monitor', '--exec-stop-post', 'x');
  assert.equal(both.code, 2);
  await host.write('/var/lib/lca/autorollback_config.json', '{"monitor_enabled":true}');
  const upgrade = await call(host, 'lca-cli', 'init-monitor', '--monitor');
  assert.equal(upgrade.code, 1);
  assert.match(upgrade.said, /belongs to an image-based upgrade/);
});

await test('advice is the command as it was typed, whatever the name', async () => {
  await using host = await openSeedHost();
  await host.run('rm', ['-r', '/var/seed_data']);
  assert.match((await call(host, 'lca-cli', 'post-pivot')).said, /then run: lca-cli post-pivot run\n/);
  assert.match((await call(host, 'post-pivot')).said, /then run: post-pivot run\n/);
});

await test('--in-container runs the programs of the host through nsenter', async () => {
  await using host = await openSeedHost();
  await host.program(
    'nsenter',
    'echo "nsenter $*" >> /run/calls; while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
  );
  await using run = await host.startPostPivot(['run', '--in-container']);
  await run.untilItSays(/waiting for a config medium/);
  assert.match(await host.calls(), /^nsenter --target 1 .*--mount .*-- lsblk --json/m);
});

await test('gather makes its archive before there is an API, without a secret', async () => {
  await using host = await openSeedHost();
  await host.write(
    '/opt/openshift/cluster-configuration/manifest.json',
    JSON.stringify({ pull_secret: 'canary-of-gather' }),
  );
  await host.program('podman', 'echo canary-of-gather');
  await host.run('sh', ['-c', 'echo canary-of-gather > /var/lib/post-pivot-canary']);
  const { code, said } = await call(host, 'post-pivot', 'gather', '/tmp/bundle.tgz');
  assert.equal(code, 0, said);
  const { stdout } = await host.run('sh', [
    '-c',
    'tar -tzf /tmp/bundle.tgz; zcat /tmp/bundle.tgz | grep -ac canary; true',
  ]);
  assert.match(stdout, /seed-manifest\.json/);
  assert.match(stdout, /\n0\n$/);
});
