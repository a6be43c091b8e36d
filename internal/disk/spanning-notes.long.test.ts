import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { openHost } from '../host/host.ts';
import { openLog } from '../log/log.ts';
import { writeRaidSuperblock } from './raid-superblock.ts';
import { inspectDisk } from './refusals.ts';
import { releaseDisk } from './release.ts';
import { cases, copy, digests, group, lvm, overwrite, reasons, uuidOf } from './test-spanning-cases.ts';
import { testDisk } from './test-disk.ts';

await test('a copy of a disk is no part of it: it is named, and keeps every byte', async (t) => {
  await t.test('with a volume group', async () => {
    await using lab = await testDisk({ mebibytes: 100 });
    await using clone = await testDisk({ mebibytes: 100 });
    await group(lab.host, 'data', [lab.path]);
    await copy(lab, lab.path, clone.path);
    const before = await digests(clone);
    const disk = await lab.disk();
    assert.deepEqual(await reasons(lab), {
      what: [],
      notes: [`volume group "data" on disk "${disk.name}" has a copy on "${clone.path}", which stays as it is`],
    });
    await releaseDisk(lab.host, disk, { say: lab.say });
    assert.equal(await lab.host.text('wipefs', ['--no-act', lab.path]), '');
    assert.deepEqual(await digests(clone), before);
  });

  await t.test('with a btrfs file system', async () => {
    await using lab = await testDisk({ mebibytes: 150 });
    await using clone = await testDisk({ mebibytes: 150 });
    await lab.host.run('mkfs.btrfs', ['--quiet', '--label', 'data', lab.path]);
    await copy(lab, lab.path, clone.path);
    assert.deepEqual((await reasons(lab)).what, []);
  });
});

await test('a volume group is refused for its other half, whichever of two copies of a half LVM prefers', async () => {
  await using lab = await testDisk({ mebibytes: 100 });
  await using other = await testDisk({ mebibytes: 100 });
  await using clone = await testDisk({ mebibytes: 100 });
  await lvm(lab, other);
  await copy(lab, lab.path, clone.path);
  const names = [(await lab.disk()).name, (await clone.disk()).name];
  for (const [index, one] of [lab, clone].entries())
    assert.deepEqual((await reasons(one)).what, [
      `volume group "wide" lies on disk "${names[index] ?? ''}" and also on "${other.path}"`,
    ]);
  const [first = '', second = ''] = [lab.path, clone.path].sort();
  assert.deepEqual((await reasons(other)).what, [
    `volume group "wide" lies on disk "${(await other.disk()).name}" and also on "${first}", "${second}"`,
  ]);
});

await test('what misses a part that this machine does not show is named and gives way', async (t) => {
  for (const { name, make, mebibytes = 100 } of cases.filter((one) =>
    /exported|a btrfs file system$|log apart|journal apart|bcache/.test(one.name),
  )) {
    await t.test(name, async () => {
      await using lab = await testDisk({ mebibytes });
      const called = await (async () => {
        await using other = await testDisk({ mebibytes });
        return await make(lab, other);
      })();
      const disk = await lab.disk();
      assert.deepEqual(await reasons(lab), {
        what: [],
        notes: [
          `${called} on disk "${disk.name}" has 1 more of its parts elsewhere, where this machine does not see them`,
        ],
      });
      await releaseDisk(lab.host, disk, { say: lab.say });
    });
  }
});

await test('an XFS file system with a section for realtime files is refused on both disks, though that bears no mark', async () => {
  await using lab = await testDisk({ mebibytes: 400 });
  await using other = await testDisk({ mebibytes: 101 });
  await using larger = await testDisk({ mebibytes: 103 });
  await lab.host.run('mkfs.xfs', ['-q', '-L', 'films', '-r', `rtdev=${other.path},extsize=64k`, lab.path]);
  const [disk, rest] = [await lab.disk(), await other.disk()];
  const what = `"${lab.path}" is XFS file system "films", whose section for realtime files is on another device and bears no mark there`;
  assert.deepEqual((await reasons(lab)).what, [`${what}, and "${lab.path}" is on disk "${disk.name}"`]);
  assert.deepEqual((await reasons(other)).what, [`${what}; disk "${rest.name}" has one of its very size`]);
  assert.deepEqual((await reasons(larger)).what, []);
  await other.host.run('mkswap', [other.path]);
  assert.deepEqual((await reasons(other)).what, []);
});

await test('the header of an encrypted volume whose data is elsewhere is refused; a closed volume is named', async () => {
  await using lab = await testDisk({ mebibytes: 100 });
  await using other = await testDisk({ mebibytes: 100 });
  const format = [
    'luksFormat',
    '--batch-mode',
    '--pbkdf',
    'pbkdf2',
    '--pbkdf-force-iterations',
    '1000',
    '--key-file',
    '-',
  ];
  for (const type of ['luks2', 'luks1']) {
    const iterations = type === 'luks1' ? ['luksFormat', '--batch-mode', '--key-file', '-'] : format;
    await lab.host.run('cryptsetup', [...iterations, '--type', type, '--header', lab.path, other.path], {
      input: 'secret',
    });
    const header = `"${lab.path}" is the header of an encrypted volume (LUKS ${await uuidOf(lab, lab.path)}), whose data is on another device and bears no mark there`;
    assert.deepEqual((await reasons(lab)).what, [
      `${header}, and "${lab.path}" is on disk "${(await lab.disk()).name}"`,
    ]);
    assert.deepEqual(await reasons(other), {
      what: [],
      notes: [`${header}; that may be on disk "${(await other.disk()).name}"`],
    });
    await lab.host.run('wipefs', ['--all', lab.path]);
    assert.deepEqual((await reasons(lab)).what, [], 'wiped by hand, it is no reason any longer');
    await lab.host.run('cryptsetup', [...iterations, '--type', type, lab.path], { input: 'secret' });
    assert.deepEqual(await reasons(lab), {
      what: [],
      notes: [
        `"${lab.path}" on disk "${(await lab.disk()).name}" is an encrypted volume (LUKS ${await uuidOf(lab, lab.path)}), which is not open: what is in it cannot be seen`,
      ],
    });
    await lab.host.run('wipefs', ['--all', lab.path]);
  }
});

await test('a volume group that misses a part is named where that may be in an encrypted volume of the disk', async () => {
  await using lab = await testDisk({ mebibytes: 100 });
  await using other = await testDisk({ mebibytes: 100 });
  await lvm(lab, other);
  await lab.host.run('wipefs', ['--all', lab.path]);
  await lab.host.run(
    'cryptsetup',
    [
      'luksFormat',
      '--batch-mode',
      '--pbkdf',
      'pbkdf2',
      '--pbkdf-force-iterations',
      '1000',
      '--key-file',
      '-',
      lab.path,
    ],
    { input: 'secret' },
  );
  assert.equal(
    (await reasons(lab)).notes[0],
    `volume group "wide" on "${other.path}" misses a part, which may be in what is not open on disk "${(await lab.disk()).name}"`,
  );
});

await test('checksums that dm-integrity keeps apart from the data are refused, those beside the data are named', async () => {
  await using lab = await testDisk({ mebibytes: 20 });
  const superblock = Buffer.alloc(64);
  superblock.write('integrt', 0, 'latin1');
  superblock.writeUInt8(4, 8);
  await overwrite(lab.path, 0, superblock);
  const { name } = await lab.disk();
  assert.deepEqual((await reasons(lab)).what, [
    `"${lab.path}" is a device of checksums (dm-integrity), whose data is on another device and bears no mark there, and "${lab.path}" is on disk "${name}"`,
  ]);
  superblock.writeUInt8(15, 9);
  await overwrite(lab.path, 0, superblock);
  assert.deepEqual(await reasons(lab), {
    what: [],
    notes: [
      `"${lab.path}" on disk "${name}" is a device with checksums (dm-integrity), which is not open: what is in it cannot be seen`,
    ],
  });
});

await test('a firmware RAID is refused on a machine whose controller is another one', async () => {
  await using lab = await testDisk({ mebibytes: 20 });
  const signature = Buffer.alloc(512);
  signature.write('Intel Raid ISM Cfg Sig. 1.2.00', 0, 'latin1');
  await overwrite(lab.path, 20 * 2 ** 20 - 1024, signature);
  assert.deepEqual((await reasons(lab)).what, [
    `disk "${(await lab.disk()).name}" is a member of a firmware RAID (metadata isw_raid_member)`,
  ]);
});

await test('an array is found without mdadm as well, and a copy of its member is no other one', async () => {
  await using lab = await testDisk({ mebibytes: 20 });
  await using other = await testDisk({ mebibytes: 20 });
  await using clone = await testDisk({ mebibytes: 20 });
  const arrayUuid = randomBytes(16);
  await writeRaidSuperblock(lab.path, { sectors: 40_960, arrayUuid });
  await writeRaidSuperblock(other.path, { sectors: 40_960, arrayUuid, member: 1 });
  await copy(lab, lab.path, clone.path);
  const { name } = await lab.disk();
  assert.deepEqual((await reasons(lab)).what, [
    `RAID array "lab:old" lies on disk "${name}" and also on "${other.path}"`,
  ]);
  assert.ok(
    (await reasons(lab)).notes.includes(
      `RAID array "lab:old" on disk "${name}" has a copy on "${clone.path}", which stays as it is`,
    ),
  );
  const bin = join(lab.folder, 'without');
  await mkdir(bin);
  for (const program of ['blkid', 'sfdisk', 'lsblk', 'setpriv'])
    await symlink(await lab.host.text('which', [program]), join(bin, program));
  const poor = openHost({ log: openLog({ program: 'test', write: () => undefined }), env: { PATH: bin } });
  assert.deepEqual(
    (await inspectDisk(poor, await lab.disk())).reasons.map(({ what }) => what),
    [`RAID array "lab:old" lies on disk "${name}" and also on "${other.path}"`],
  );
});
