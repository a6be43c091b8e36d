import assert from 'node:assert/strict';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { Failure, Refusal, UsageError } from '../errors/errors.ts';
import { diskTable, listDisks, describeDisk } from './candidates.ts';
import { confirmDisk, nameWarning, resolveDisk } from './identity.ts';
import { testDisk, testHost } from './test-disk.ts';

function failure(message: string): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.message === message;
}

test('resolveDisk()', async (t) => {
  await t.test('follows a link to the kernel device and keeps the spelling', async () => {
    await using lab = await testDisk({ sectorBytes: 4096 });
    const link = join(lab.folder, 'by-id');
    await symlink(lab.path, link);
    const disk = await resolveDisk(lab.host, link, { waitMs: 0 });
    assert.deepEqual(
      [disk.spelling, disk.path, disk.type, disk.sizeBytes, disk.sectorBytes, disk.readOnly],
      [link, lab.path, 'loop', 1024 ** 3, 4096, false],
    );
    assert.equal(describeDisk(disk), `${disk.name}: 1.1 GB, 4096-byte sectors`);
    assert.equal(nameWarning(disk), undefined);
  });

  await t.test('waits for a late disk and says so', async () => {
    await using lab = await testDisk();
    const link = join(lab.folder, 'late');
    const timer = setTimeout(() => void symlink(lab.path, link), 700);
    try {
      assert.equal((await resolveDisk(lab.host, link, { waitMs: 10_000, say: lab.say })).path, lab.path);
      assert.deepEqual(lab.said, [`waiting up to 10 s for disk "${link}" to appear`]);
    } finally {
      clearTimeout(timer);
    }
  });

  await t.test('lists the disks there are when the one asked for does not appear', async () => {
    await using lab = await testDisk();
    await assert.rejects(resolveDisk(lab.host, '/dev/disk/by-id/wwn-0x0', { waitMs: 1000 }), (error: unknown) => {
      assert.ok(error instanceof Failure);
      assert.equal(error.message, 'disk "/dev/disk/by-id/wwn-0x0" did not appear within 1 s');
      assert.match(error.why ?? '', /^the disks of this machine are:\nNAME +SIZE +SECTOR +MODEL/);
      assert.match(error.why ?? '', new RegExp(`^${lab.path} +1\\.1 GB +512`, 'm'));
      assert.equal(error.next, 'correct "installationDisk", or attach the disk');
      return true;
    });
  });

  await t.test('refuses a partition and names the whole disk', async () => {
    await using lab = await testDisk();
    await lab.sfdisk('label: gpt\nsize=10M\nsize=10M\n');
    await assert.rejects(
      resolveDisk(lab.host, `${lab.path}p2`, { waitMs: 0 }),
      new UsageError(
        `"${lab.path}p2" is partition 2 of disk "${lab.path.slice(5)}"; name the whole disk "${lab.path}"`,
      ),
    );
  });

  await t.test('refuses what is not a block device', async () => {
    await using lab = await testDisk();
    await assert.rejects(
      resolveDisk(lab.host, lab.folder, { waitMs: 0 }),
      new UsageError(`"${lab.folder}" is not a block device; name a disk`),
    );
    await writeFile(join(lab.folder, 'file'), '');
    await assert.rejects(resolveDisk(lab.host, join(lab.folder, 'file'), { waitMs: 0 }), /is not a block device/);
    await assert.rejects(
      resolveDisk(lab.host, '/dev/null', { waitMs: 0 }),
      new UsageError('"/dev/null" is not a block device; name a disk'),
    );
  });

  await t.test('refuses a bare name', async () => {
    await assert.rejects(
      resolveDisk(testHost(), 'sda', { waitMs: 0 }),
      new UsageError('disk "sda" is not a path; write "/dev/sda" or a name below "/dev/disk/by-id"'),
    );
  });

  await t.test('refuses a read-only disk', async () => {
    await using lab = await testDisk({ readOnly: true });
    await assert.rejects(
      lab.disk(),
      failure(`disk "${lab.path.slice(5)}" is read-only; lift its write protection or choose another disk`),
    );
  });

  await t.test('refuses a disk that is too small', async () => {
    await using lab = await testDisk({ mebibytes: 100 });
    await assert.rejects(
      resolveDisk(lab.host, lab.path, { waitMs: 0, minimumBytes: 120e9 }),
      failure(`disk "${lab.path.slice(5)}" has 104.9 MB, and at least 120.0 GB are needed; choose a larger disk`),
    );
  });

  await t.test('warns about a kernel name and not about a stable one', async () => {
    await using lab = await testDisk();
    const disk = {
      ...(await lab.disk()),
      type: 'disk',
      spelling: '/dev/sda',
      path: '/dev/sda',
      byId: ['/dev/disk/by-id/wwn-0x5'],
    };
    assert.equal(
      nameWarning(disk),
      'the name "/dev/sda" may mean another disk after the next start of this machine; prefer "/dev/disk/by-id/wwn-0x5"',
    );
    assert.equal(nameWarning({ ...disk, spelling: '/dev/disk/by-id/wwn-0x5' }), undefined);
  });
});

test('confirmDisk() refuses a disk that is no longer the one that was chosen', async () => {
  await using lab = await testDisk();
  await using other = await testDisk({ mebibytes: 100 });
  const link = join(lab.folder, 'by-id');
  await symlink(lab.path, link);
  const disk = await resolveDisk(lab.host, link, { waitMs: 0 });
  await confirmDisk(lab.host, disk);
  await assert.rejects(
    confirmDisk(lab.host, { ...disk, sizeBytes: 5 }),
    (error: unknown) =>
      error instanceof Refusal &&
      error.message === `disk "${link}" is no longer the one that was chosen` &&
      error.why ===
        `chosen was ${disk.name}: 5 bytes, 512-byte sectors; now it is ${disk.name}: 1.1 GB, 512-byte sectors`,
  );
  await rm(link);
  await symlink(other.path, link);
  await assert.rejects(confirmDisk(lab.host, disk), Refusal);
});

test('listDisks() shows what is mounted from a disk', async () => {
  await using lab = await testDisk();
  await lab.host.run('mkfs.ext4', ['-q', '-F', lab.path]);
  const point = join(lab.folder, 'point');
  await lab.host.run('mkdir', [point]);
  await using mount = await lab.host.mount(lab.path, point);
  const rows = await listDisks(lab.host);
  assert.deepEqual(rows.find((row) => row.path === lab.path)?.notes, [`mounted at "${mount.target}"`]);
  assert.ok(rows.every((row) => row.sizeBytes > 0));
  assert.equal(diskTable(rows).length, rows.length + 1);
});
