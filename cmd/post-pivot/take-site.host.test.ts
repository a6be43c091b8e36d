import assert from 'node:assert/strict';
import { test } from 'tap';
import { configMedium } from '../../test/overlay-root.ts';
import { mediumOf, openSeedHost, site } from './test-host.ts';

const early = '/home/core/.ssh/authorized_keys.d/ib-early-access';
const manifest = '/opt/openshift/cluster-configuration/manifest.json';

await test('a medium that is attached while the host waits is taken, and lets people in', async (t) => {
  await using host = await openSeedHost();
  await using run = await host.startPostPivot();
  await run.untilItSays(/waiting for a config medium: a device or partition with the label "cluster-config"/);
  assert.equal(await host.read(manifest), undefined);
  await using image = await configMedium(mediumOf());
  const attached = performance.now();
  await using medium = await host.attach(image.path);
  await run.untilItSays(/the site config was taken from/);
  t.comment(`taken ${Math.round(performance.now() - attached)} ms after it was attached`);
  await run.untilItSays(/user core can log in/);
  await run.untilItSays(/failed at step 13\/25 renew-identity/); // there is no cluster here
  assert.equal(await host.read(early), site.ssh_key);
  assert.equal(await host.read('/var/lib/kubelet/config.json'), site.pull_secret);
  assert.match(
    (await host.read('/opt/openshift/cluster-configuration/manifests/99-master-ssh.json')) ?? '',
    /^\{"apiVersion":"machineconfiguration.openshift.io\/v1","kind":"MachineConfig",.*"sshAuthorizedKeys":\["ssh-ed25519/,
  );
  assert.match(run.said(), new RegExp(`taken from ${medium.device} `));
  const { stdout: mounts } = await host.run('cat', ['/proc/self/mountinfo']);
  assert.doesNotMatch(mounts, /config-medium/);
  const { stdout: modes } = await host.run('stat', [
    '-c',
    '%a %U %n',
    early,
    '/opt/openshift',
    '/var/lib/kubelet/config.json',
  ]);
  assert.equal(modes, `600 core ${early}\n700 root /opt/openshift\n600 root /var/lib/kubelet/config.json\n`);
  const { stdout: ran } = await host.run('sh', ['-c', 'cat /run/calls; cat /var/lib/lca/post-pivot/post-pivot.jsonl']);
  assert.doesNotMatch(`${run.said()}${ran}`, /canary|dXNlcjpjYW5hcnk/);
  assert.match(
    await host.calls(),
    /systemctl restart NetworkManager.service\nhostnamectl set-hostname site1-node\nsystemctl restart dnsmasq.service\n/,
  );
  assert.equal(await host.read('/etc/default/nodeip-configuration'), 'KUBELET_NODEIP_HINT=10.0.0.0');
  assert.equal(
    await host.read('/etc/default/sno_dnsmasq_configuration_overrides'),
    'SNO_CLUSTER_NAME_OVERRIDE=site1\nSNO_BASE_DOMAIN_OVERRIDE=edge.example.org\nSNO_DNSMASQ_IP_OVERRIDE=10.0.0.21',
  );
});

await test('a medium that cannot be read is named once, and another one is waited for', async () => {
  await using host = await openSeedHost();
  await using broken = await configMedium({ 'cluster-configuration/manifest.json': '{"pull_secret": "canary' });
  await using empty = await configMedium({ 'readme.txt': 'x' });
  await using good = await configMedium(mediumOf());
  await using run = await host.startPostPivot();
  {
    await using _medium = await host.attach(broken.path);
    await run.untilItSays(
      /cannot be used: the site manifest "cluster-configuration\/manifest.json" cannot be read: it is neither JSON nor YAML, line 1/,
    );
  }
  {
    await using _medium = await host.attach(empty.path);
    await run.untilItSays(/cannot be used: "cluster-configuration\/manifest.json" cannot be read/);
  }
  assert.equal(await host.read(early), undefined);
  await using _medium = await host.attach(good.path);
  await run.untilItSays(/the site config was taken/);
  assert.equal(run.said().match(/neither JSON nor YAML/g)?.length, 1);
  assert.doesNotMatch(run.said(), /canary/);
});

await test('a config that does not fit is refused with nothing but access changed, and the next medium undoes it', async () => {
  await using host = await openSeedHost();
  await using wrong = await configMedium(
    mediumOf({ machine_networks: ['2001:db8::/64'], proxy: undefined, hostname: 'Bad_1' }),
  );
  {
    await using _medium = await host.attach(wrong.path);
    const { exitCode, stderr } = await host.postPivot(['run']);
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /failed at step 6\/25 check-site\nwhat: {4}hostname "Bad_1" cannot be the name of a node/);
    assert.match(stderr, /machineNetwork family at index 0 \(ipv6\) must match node IP family \(ipv4\)/);
    assert.match(stderr, /seedReconfig and seedClusterInfo proxy configuration mismatch/);
    assert.equal(await host.calls(), '');
    assert.equal(await host.read(early), site.ssh_key);
    assert.equal(await host.read('/etc/default/nodeip-configuration'), undefined);
  }
  await using run = await host.startPostPivot();
  await run.untilItSays(/waiting for another config ISO, or a correction in \/opt\/openshift: hostname "Bad_1"/);
  const { stdout: status } = await host.postPivot(['status']);
  assert.match(status, /^running.*\nstep 1\/25 take-site.*\nwaiting for another config ISO.*hostname "Bad_1"/s);
  await using good = await configMedium(mediumOf({ ssh_key: `${site.ssh_key}-2` }));
  await using _medium = await host.attach(good.path);
  await run.untilItSays(/failed at step 13\/25/);
  assert.equal(await host.read(early), `${site.ssh_key}-2`);
});

await test('a refused config is looked at again when its files are corrected by hand', async () => {
  await using host = await openSeedHost();
  await using wrong = await configMedium(mediumOf({ api_version: 2 }));
  await using _medium = await host.attach(wrong.path);
  assert.equal((await host.postPivot(['run'])).exitCode, 2);
  await using run = await host.startPostPivot();
  await run.untilItSays(/waiting for another config ISO.*unsupported seed reconfiguration version 2/);
  await host.write(manifest, JSON.stringify(site));
  await run.untilItSays(/failed at step 13\/25/);
});

await test('two media are named, and one has to go; a partition counts as well', async () => {
  await using host = await openSeedHost();
  await using image = await configMedium(mediumOf());
  await using run = await host.startPostPivot();
  await using _one = await host.attach(image.path);
  await using other = await configMedium(mediumOf({ hostname: 'other' }));
  // Both at once, before the host looks again, would be a matter of luck: the first may be taken already.
  await using _other = await host.attach(other.path);
  await run.untilItSays(/several devices bear the label of a config medium|the site config was taken from/);
});

await test('a copy that was cut off is not taken for a config', async () => {
  await using host = await openSeedHost();
  await host.write('/opt/openshift/.taking/cluster-configuration/manifest.json', '{}');
  await host.write('/opt/openshift/extra-manifests/a.yaml', 'x');
  await using run = await host.startPostPivot();
  await run.untilItSays(/waiting for a config medium/);
});

await test('a host without seed data waits for nothing, and changes nothing', async () => {
  await using host = await openSeedHost();
  await host.run('rm', ['-r', '/var/seed_data']);
  const { exitCode, stderr } = await host.postPivot(['run']);
  assert.equal(exitCode, 3);
  assert.match(stderr, /this host was not installed from a seed image, or it is finished/);
});

const finishedFile = '/var/lib/lca/post-pivot/finished.json';
const finishedWith = (seed: string): string =>
  JSON.stringify({ finishedAt: '2026-01-01T00:00:00Z', cluster: 'a.b', clusterId: '', seed });

await test('a finished host says so, leaves the medium alone and ends what was left', async () => {
  await using host = await openSeedHost();
  await using image = await configMedium(mediumOf());
  await using _medium = await host.attach(image.path);
  const { stdout: seed } = await host.run(process.execPath, [
    '--print',
    "const { ino, ctimeNs } = fs.statSync('/var/seed_data/manifest.json', { bigint: true }); `${ino} ${ctimeNs}`",
  ]);
  await host.write(finishedFile, finishedWith(seed.trim()));
  const { exitCode, stderr } = await host.postPivot(['run']);
  assert.equal(exitCode, 0, stderr);
  assert.match(stderr, /this host is cluster "a.b" since 2026-01-01T00:00:00Z/);
  assert.match(await host.calls(), /systemctl disable installation-configuration.service/);
  assert.equal(await host.read('/var/seed_data/manifest.json'), undefined);
  assert.equal(await host.read(early), undefined);
});

await test('a host made of the seed of a finished one is not finished', async () => {
  await using host = await openSeedHost();
  await host.write(finishedFile, finishedWith('12345 1700000000000000000'));
  await using run = await host.startPostPivot();
  await run.untilItSays(/is of another life of this host, and is removed/);
  await run.untilItSays(/waiting for a config medium/);
  assert.notEqual(await host.read('/var/seed_data/manifest.json'), undefined);
});

await test('--config-dir takes the config of a folder', async () => {
  await using host = await openSeedHost();
  await host.write('/srv/site/cluster-configuration/manifest.json', JSON.stringify(site));
  const { stderr } = await host.postPivot(['run', '--config-dir', '/srv/site']);
  assert.match(stderr, /the site config was taken from \/srv\/site/);
  assert.equal(await host.read(early), site.ssh_key);
});

await test('markers of the reference are understood: what it has done is not done again', async () => {
  await using host = await openSeedHost();
  await host.write(manifest, JSON.stringify({ ...site, raw_nm_state_config: 'interfaces: []\n' }));
  await host.write('/opt/openshift/apply-static-network.done', '');
  const { stderr } = await host.postPivot(['run']);
  assert.match(stderr, /failed at step 13\/25/);
  assert.doesNotMatch(await host.calls(), /nmstatectl apply/);
});
