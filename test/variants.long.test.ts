import assert from 'node:assert/strict';
import { test } from 'tap';
import { configFile, installIn, openIbiLane, partitionsOf, shellIn } from './ibi-lane.ts';
import { bootDeployment } from './vm/nspawn.ts';

/* Every test here installs to the end; what it looks at afterwards is its difference from the plain installation. */

await test('a seed by digest installs like one by tag, and the host boots it', async () => {
  await using it = await openIbiLane({ imageCount: 2, seed: { os: { tree: 'full' } } });
  await it.configure({ seedImage: `registry.lab:5000/lab/seed@${it.seed.image.digest}` });
  const { stderr } = await installIn(it);
  assert.match(stderr, new RegExp(`registry\\.lab:5000/lab/seed@${it.seed.image.digest}, \\d+ MB`));
  await using booted = await bootDeployment(it.lane, { stateroot: it.seed.stateroot });
  assert.deepEqual(await booted.failedUnits(), []);
});

await test('a disk with 4096-byte sectors is laid out in its own sectors', async () => {
  await using it = await openIbiLane({ imageCount: 1, lane: { disks: [{ serial: 'target', sectorSize: 4096 }] } });
  const { stderr } = await installIn(it);
  assert.match(stderr, /4096-byte sectors/);
  assert.match(await partitionsOf(it), /sector-size: 4096/);
  assert.match(await partitionsOf(it), /start= +1572864.*name="var-lib-containers"/);
});

for (const [start, sector] of [
  ['4G', 8388608],
  ['4096M', 8388608],
  ['-2048M', 12582912],
  ['5Gb', 9765625],
  ['+4G', 8388608],
] as const) {
  await test(`extraPartitionStart "${start}" begins at sector ${sector}`, async () => {
    await using it = await openIbiLane({
      imageCount: 1,
      config: { extraPartitionStart: start, precacheDisabled: true },
    });
    await installIn(it);
    assert.match(await partitionsOf(it), new RegExp(`start= +${sector}, .*name="var-lib-containers"`));
  });
}

await test('container storage in a folder needs no partition, and the root folder stays immutable', async () => {
  await using it = await openIbiLane({ imageCount: 2, config: { useContainersFolder: true } });
  await installIn(it);
  assert.doesNotMatch(await partitionsOf(it), /var-lib-containers/);
  const looked = await shellIn(
    it,
    'mkdir -p /run/look; mount -o ro /dev/disk/by-partlabel/root /run/look; ls /run/look/containers/storage/overlay-images/images.json; lsattr -d /run/look; umount /run/look',
  );
  assert.match(looked, /images\.json/);
  assert.match(looked, /^-+i-+ /m);
});

await test('skopeo carries the seed where the host asks for more than our stream does, and a line says so', async () => {
  await using it = await openIbiLane({ imageCount: 1 });
  await shellIn(
    it,
    `mkdir -p /usr/local/bin; cat > /usr/local/bin/docker-credential-lab <<'X'
#!/bin/sh
[ "$1" = get ] && cat > /dev/null && echo '{"ServerURL":"registry.lab:5000","Username":"${it.registry.user}","Secret":"${it.registry.password}"}'
X
chmod +x /usr/local/bin/docker-credential-lab; echo '{"credHelpers":{"registry.lab:5000":"lab"}}' > /var/tmp/pull-secret.json`,
  );
  const { stderr } = await installIn(it);
  assert.match(stderr, /skopeo fetches the seed, because/);
  assert.doesNotMatch(stderr, new RegExp(it.registry.password));
});

await test('a mirror of registries.conf is asked first, and the seed is named as configured', async () => {
  await using it = await openIbiLane({ imageCount: 1, config: { seedImage: 'quay.example/org/seed:4.17.0' } });
  await shellIn(
    it,
    `cat > /etc/containers/registries.conf <<'X'
[[registry]]
location = "quay.example/org"
[[registry.mirror]]
location = "registry.lab:5000/lab"
X`,
  );
  const { stderr } = await installIn(it);
  assert.match(stderr, /quay\.example\/org\/seed@sha256:[0-9a-f]+, \d+ MB, from registry\.lab:5000\/lab\/seed/);
});

await test('the release registry replaces that of the seed where the mirror rules ask for it', async () => {
  await using it = await openIbiLane({
    imageCount: 1,
    seed: {
      manifest: { release_registry: 'gone.example', mirror_registry_configured: true },
      containers: ['gone.example/lab/app-00:app-00', 'gone.example.org/lab/app-00:app-00'],
    },
    config: { releaseRegistry: 'registry.lab:5000', precacheBestEffort: true },
  });
  // Blocked, so that it is refused at once; a registry that is away would be asked for more than a minute.
  await shellIn(
    it,
    `printf '[[registry]]\\nlocation = "gone.example.org"\\nblocked = true\\n' > /etc/containers/registries.conf`,
  );
  const result = await it.ibi(['run', '-f', configFile, '--give-up-after', '2'], { MAX_PULL_THREADS: '1' });
  assert.equal(result.exitCode, 0, result.stderr);
  assert.match(result.stderr, /"gone\.example" replaced by "registry\.lab:5000"/);
  assert.match(
    result.stderr,
    /image "gone\.example\.org\/lab\/app-00:app-00" is missing/,
    'another registry that only begins alike is not replaced',
  );
});

await test('members of a seed that are odd but legitimate arrive as they were: device nodes, fifos, xattrs, names that are no UTF-8', async () => {
  await using it = await openIbiLane({ imageCount: 1, seed: { oddFiles: true } });
  await installIn(it);
  const looked = await shellIn(
    it,
    `mkdir -p /run/look; mount -o ro /dev/disk/by-partlabel/root /run/look; cd /run/look/ostree/deploy/rhcos_4.17.0/var; set +e +o pipefail
    find . -type b -o -type c -o -type p | sort; find . -links +1 -type f | head -3; getfattr -R -d -m 'user\\.|security\\.capability' . 2>/dev/null | head -20; getfacl -R -s -p . 2>/dev/null | head -5; LC_ALL=C find . -name '*[^ -~]*' | od -c | head -3; cd /; umount /run/look`,
  );
  for (const wanted of [/user\./, /\\?3(77|76)|\d{3}/]) assert.match(looked, wanted, looked);
});

await test('a site that asks for shutdown gets it after the seal, not before', async () => {
  await using it = await openIbiLane({ imageCount: 1, config: { shutdown: true, precacheDisabled: true } });
  await installIn(it);
  assert.deepEqual(await it.lane.powerLog(), ['shutdown now']);
});

await test('skipDiskCleanup leaves the wiping to coreos-installer', async () => {
  await using it = await openIbiLane({ imageCount: 1, config: { skipDiskCleanup: true, precacheDisabled: true } });
  const { stderr } = await installIn(it);
  assert.match(stderr, /release-disk: skipped: the configuration says skipDiskCleanup/);
});
