import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { lab } from './artefacts/lab.ts';
import { personaliseIso } from './artefacts/iso.ts';
import { formatLabel, infoLabel } from './artefacts/seed-options.ts';
import { read, run, type Result } from './command.ts';
import { ignitionDocument } from './ignition.ts';
import { openLane, type Lane, type LaneOptions } from './loop.ts';
import { bootDeployment } from './nspawn.ts';
import { bootMachine } from './qemu.ts';
import { startRegistry, type Registry } from './registry.ts';
import { tempDir } from './resources.ts';
import { everything } from '../tier.ts';

/* The lab itself: a test that passes because its lab is broken is worse than none. */

const parts = lab((line) => process.stderr.write(`# ${line}\n`));

async function lane(more: Partial<LaneOptions> = {}): Promise<Lane> {
  return openLane({
    disks: [{ serial: 'target' }],
    installer: await parts.installer(),
    metal: { 512: await parts.metal(512), 4096: await parts.metal(4096) },
    ...more,
  });
}

const copy = (registry: Registry, image: string, to: string, credentials: string, trust: string): Promise<Result> =>
  run(
    'skopeo',
    [
      'copy',
      '--quiet',
      '--src-cert-dir',
      trust,
      '--src-creds',
      credentials,
      `docker://${registry.address}:5000/${image}`,
      `dir:${to}`,
    ],
    { accept: 'any' },
  );

await test('the registry wants its own CA and its password, and counts what it sends', async () => {
  await using work = await tempDir('test');
  await using registry = await startRegistry();
  const { trustDir } = registry.certificates;
  const credentials = `${registry.user}:${registry.password}`;
  const images = await parts.images({ count: 2 });
  const [first] = images.images;
  assert.ok(first);
  await registry.push(images.dir, first.tag, 'apps/one');
  const image = `apps/one:${first.tag}`;
  assert.match(
    (await copy(registry, image, join(work.path, 'a'), credentials, work.path)).stderr,
    /certificate signed by unknown authority/,
  );
  assert.match(
    (await copy(registry, image, join(work.path, 'b'), 'lab:wrong', trustDir)).stderr,
    /unauthorized|authentication required/,
  );
  registry.front.clear();
  assert.equal((await copy(registry, image, join(work.path, 'c'), credentials, trustDir)).exitCode, 0);
  for (const layer of first.layers) assert.equal(registry.front.blobBytes().get(layer.digest), layer.sizeBytes);
});

await test('the registry can be away, answer an error, and break off or change a blob', async () => {
  await using work = await tempDir('test');
  await using registry = await startRegistry();
  const credentials = `${registry.user}:${registry.password}`;
  const images = await parts.images({ count: 2 });
  const [first] = images.images;
  const own = first?.layers[2];
  assert.ok(first !== undefined && own !== undefined);
  await registry.push(images.dir, first.tag, 'apps/one');
  const attempt = (name: string): Promise<Result> =>
    copy(registry, `apps/one:${first.tag}`, join(work.path, name), credentials, registry.certificates.trustDir);
  await registry.front.away();
  assert.match((await attempt('away')).stderr, /connection refused/);
  await registry.front.back();
  registry.front.setFaults(({ path }) =>
    path.includes('/manifests/') ? { answer: 429, headers: { 'retry-after': '1' } } : undefined,
  );
  assert.match((await attempt('busy')).stderr, /429/);
  registry.front.setFaults(({ blob }) => (blob === own.digest ? { flipByteAt: 1000 } : undefined));
  assert.match((await attempt('changed')).stderr, /[Dd]igest|invalid|checksum/);
  let cuts = 0;
  registry.front.setFaults(({ blob }) => {
    if (blob !== own.digest) return undefined;
    cuts += 1;
    return { cutAfterBytes: 1000 };
  });
  assert.notEqual((await attempt('cut')).exitCode, 0);
  assert.ok(cuts > 0);
  registry.front.setFaults(undefined);
  assert.equal((await attempt('whole')).exitCode, 0);
});

await test('a seed has the labels and members that the reference makes', async () => {
  const seed = await parts.seed({
    os: { tree: 'small' },
    oddFiles: true,
    containers: ['registry.lab:5000/apps/one:1'],
  });
  // skopeo's answer is JSON by contract
  const facts = JSON.parse(await read('skopeo', ['inspect', '--config', `oci:${seed.dir}:${seed.image.tag}`])) as {
    config: { Labels: Record<string, string> };
    rootfs: { diff_ids: string[] };
  };
  assert.equal(facts.config.Labels[formatLabel], '4');
  assert.equal(facts.rootfs.diff_ids.length, 1);
  const layer = join(seed.dir, 'blobs', (seed.image.layers[0]?.digest ?? '').replace(':', '/'));
  const members = (await read('tar', ['-tzf', layer]))
    .split('\n')
    .filter((name) => name !== './')
    .sort();
  assert.deepEqual(
    members,
    [
      'containers.list',
      'etc.deletions',
      'etc.tgz',
      'lca-cli',
      'manifest.json',
      'mco-currentconfig.json',
      `ostree-${seed.commit}.1.origin`,
      'ostree.tgz',
      'rpm-ostree.json',
      'var.tgz',
    ]
      .map((name) => `./${name}`)
      .sort(),
  );
  assert.equal(await read('tar', ['-xOzf', layer, './manifest.json']), facts.config.Labels[infoLabel]);
  assert.equal(await read('tar', ['-xOzf', layer, './containers.list']), 'registry.lab:5000/apps/one:1');
});

await test('bad seeds are bad in the way that was asked for', async () => {
  const cut = await parts.seed({
    os: { tree: 'small' },
    tag: 'cut',
    damage: { 'var.tgz': 'truncated' },
    without: ['etc.deletions'],
    labels: { [formatLabel]: null },
  });
  const layer = join(cut.dir, 'blobs', (cut.image.layers[0]?.digest ?? '').replace(':', '/'));
  assert.doesNotMatch(await read('tar', ['-tzf', layer]), /etc\.deletions/);
  await using work = await tempDir('test');
  await run('tar', ['-xzf', layer, '-C', work.path]);
  assert.notEqual((await run('gzip', ['-t', join(work.path, 'var.tgz')], { accept: 'any' })).exitCode, 0);
  const evil = await parts.seed({ os: { tree: 'small' }, tag: 'evil', evil: { archive: 'var.tgz', escape: 'parent' } });
  const evilLayer = join(evil.dir, 'blobs', (evil.image.layers[0]?.digest ?? '').replace(':', '/'));
  await run('tar', ['-xzf', evilLayer, '-C', work.path]);
  assert.match((await run('tar', ['-tPzf', join(work.path, 'var.tgz')])).stdout, /\.\.\/lab-escape/);
});

for (const sectorSize of [512, 4096] as const) {
  await test(`the real coreos-installer writes a loop disk with ${String(sectorSize)}-byte sectors, and its root boots in a container`, async () => {
    await using one = await lane({ disks: [{ serial: 'target', sectorSize }] });
    const { stderr } = await one.run('coreos-installer', [
      'install',
      one.disk.byId,
      '--append-karg',
      'lab.quoted="a b"',
    ]);
    assert.match(stderr, /Install complete\./);
    const listing = (await one.run('lsblk', ['-rno', 'NAME,PARTLABEL,LABEL', one.disk.device])).stdout;
    assert.match(listing, /p3 boot boot\n.*p4 root root/);
    assert.equal((await one.run('readlink', ['/dev/disk/by-partlabel/root'])).stdout.trim(), one.disk.part(4));
    await using container = await bootDeployment(one, { stateroot: 'rhcos' });
    assert.deepEqual(await container.failedUnits(), []);
    assert.match((await container.run('ostree', ['admin', 'status'])).stdout, /^\* rhcos /);
    assert.match((await container.run('sh', ['-c', 'cat /boot/loader/entries/*.conf'])).stdout, /lab\.quoted="a b"/);
  });
}

await test('lanes see neither each other nor the host, and leave nothing behind when a test fails', async () => {
  const devices: string[] = [];
  const failing = (async () => {
    await using one = await lane();
    await using other = await lane();
    devices.push(one.disk.device, other.disk.device);
    await one.run('sfdisk', [one.disk.device], { input: 'label: gpt\n,,,\n' });
    await one.run('mkfs.ext4', ['-q', '-L', 'mine', one.disk.part(1)]);
    assert.equal((await one.run('test', ['-b', '/dev/disk/by-label/mine'], { accept: 'any' })).exitCode, 0);
    assert.notEqual((await other.run('test', ['-e', '/dev/disk/by-label/mine'], { accept: 'any' })).exitCode, 0);
    await one.run('bash', [
      '-c',
      'echo private > /etc/lab-private; echo private > /run/lab-private; mount -o ro /dev/disk/by-label/mine /mnt',
    ]);
    assert.notEqual((await other.run('test', ['-e', '/etc/lab-private'], { accept: 'any' })).exitCode, 0);
    await one.run('shutdown', ['now']);
    assert.deepEqual(await one.powerLog(), ['shutdown now']);
    const sleeper = await one.start('sleep', ['1000']);
    await sleeper.kill('SIGKILL');
    assert.equal(await sleeper.ended, 'SIGKILL');
    const victim = await one.start('sleep', ['1000']);
    await one.killAll();
    assert.equal(await victim.ended, 'SIGKILL');
    await one.start('sleep', ['1000']);
    throw new Error('on purpose');
  })();
  await assert.rejects(failing, /on purpose/);
  assert.equal((await run('test', ['-e', '/etc/lab-private'], { accept: 'any' })).exitCode, 1);
  assert.doesNotMatch(
    await readFile('/proc/self/mounts', 'utf8'),
    new RegExp(`sno-ibi-lab-${String(process.pid)}-lane`),
  );
  for (const device of devices)
    assert.equal(await read('losetup', ['--noheadings', '--output', 'BACK-FILE', '--list', device]), '');
});

await test('a lane pulls from the registry with the pull secret', async () => {
  await using registry = await startRegistry();
  const images = await parts.images({ count: 2 });
  const [first] = images.images;
  assert.ok(first);
  const reference = await registry.push(images.dir, first.tag, 'apps/one');
  await using one = await lane({ registry });
  await one.run('podman', ['pull', '--quiet', '--authfile', registry.pullSecretFile, reference]);
  assert.match((await one.run('podman', ['images'])).stdout, /registry\.lab:5000\/apps\/one/);
});

const iso = 'the live ISO boots, the real Ignition applies the embedded document, and a power cut ends it';
// The usual test has an installation from that very ISO, in the scenario.
if (everything)
  await test(iso, async () => {
    await using work = await tempDir('test');
    const iso = join(work.path, 'live.iso');
    const document = ignitionDocument(
      [{ path: '/etc/lab-file', text: 'from ignition\n' }],
      [
        {
          name: 'lab-said.service',
          text: '[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo LAB-SAID $(cat /etc/lab-file) > /dev/console"\n[Install]\nWantedBy=multi-user.target\n',
        },
      ],
    );
    await personaliseIso(await parts.iso([512]), iso, await parts.installer(), {
      ignition: document,
      kernelArguments: ['lab.more=1'],
    });
    await using machine = await bootMachine({
      dir: join(work.path, 'boot'),
      firmware: 'bios',
      disks: [],
      iso,
      script: 'echo LAB-SCRIPT; cat /proc/cmdline > $RESULTS; sleep 1000',
    });
    await machine.waitFor(/LAB-SAID from ignition/, 300_000);
    await machine.waitFor(/LAB-SCRIPT/, 120_000);
    await assert.rejects(machine.waitFor(/never said/, 1000), /waited 1 s in vain/);
    assert.match(await machine.results(), /lab\.more=1/);
    await machine.kill();
    assert.equal(machine.isRunning(), false);
  });
