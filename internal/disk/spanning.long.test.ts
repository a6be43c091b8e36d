import assert from 'node:assert/strict';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { Refusal } from '../errors/errors.ts';
import { openHost } from '../host/host.ts';
import { openLog } from '../log/log.ts';
import { inspectDisk, refuseUnsafe } from './refusals.ts';
import { releaseDisk } from './release.ts';
import { cases, digests, lvm, overwrite, reasons } from './test-spanning-cases.ts';
import { testDisk, type TestDisk } from './test-disk.ts';

for (const { name, make, mebibytes = 100 } of cases) {
  await test(`${name} is refused on each of the two disks that it lies on, and no byte changes`, async () => {
    await using lab = await testDisk({ mebibytes });
    await using other = await testDisk({ mebibytes });
    const called = await make(lab, other);
    const before = await digests(lab, other);
    for (const [one, another] of [
      [lab, other],
      [other, lab],
    ] as const) {
      const disk = await one.disk();
      await assert.rejects(releaseDisk(lab.host, disk, { say: lab.say }), (error: unknown) => {
        assert.ok(error instanceof Refusal, String(error));
        assert.equal(error.message, `${called} lies on disk "${disk.name}" and also on "${another.path}"`);
        assert.equal(error.next, 'take it apart by hand or choose another disk');
        return true;
      });
    }
    assert.deepEqual(await digests(lab, other), before);
  });
}

for (const { name, make, mebibytes = 100 } of cases.filter((one) =>
  /another host|old cluster|nowhere|btrfs|log apart/.test(one.name),
)) {
  await test(`${name} gives way when all of it is on partitions of the disk`, async () => {
    await using lab = await testDisk({ mebibytes: 3 * mebibytes });
    await lab.sfdisk(`label: gpt\nsize=${mebibytes}M\nsize=${mebibytes}M\n`);
    const parts = [1, 2].map((number): TestDisk => ({ ...lab, path: `${lab.path}p${number}` }));
    const [first, second] = parts;
    assert.ok(first !== undefined && second !== undefined);
    await make(first, second);
    await using bystander = await testDisk({ mebibytes: 10 });
    refuseUnsafe(await inspectDisk(lab.host, await lab.disk()));
    assert.deepEqual((await reasons(bystander)).what, []);
    await releaseDisk(lab.host, await lab.disk(), { say: lab.say });
    assert.equal(await lab.host.text('wipefs', ['--no-act', lab.path]), '');
  });
}

await test('filters and the devices file of this host hide no volume group from us', async () => {
  await using lab = await testDisk({ mebibytes: 100 });
  await using other = await testDisk({ mebibytes: 100 });
  await lvm(lab, other);
  const folder = join(lab.folder, 'lvm');
  await mkdir(join(folder, 'devices'), { recursive: true });
  await writeFile(
    join(folder, 'lvm.conf'),
    'devices {\n use_devicesfile=1\n filter=["r|.*|"]\n global_filter=["r|.*|"]\n hints="all"\n scan_lvs=0\n}\nreport {\n output_format="basic"\n}\n',
  );
  await writeFile(join(folder, 'devices/system.devices'), 'VERSION=1.1.1\n');
  const host = openHost({
    log: openLog({ program: 'test', write: () => undefined }),
    env: { ...lab.host.env, LVM_SYSTEM_DIR: folder },
  });
  assert.equal(await host.text('pvs', ['--noheadings']), '', 'LVM itself shows nothing');
  const disk = await lab.disk();
  assert.deepEqual(
    (await inspectDisk(host, disk)).reasons.map(({ what }) => what),
    [`volume group "wide" lies on disk "${disk.name}" and also on "${other.path}"`],
  );
});

await test('a device that shows two contents at once is asked for each', async () => {
  await using lab = await testDisk({ mebibytes: 150 });
  await using other = await testDisk({ mebibytes: 150 });
  await lab.host.run('mke2fs', ['-q', '-F', lab.path]);
  const first = Buffer.alloc(65_536);
  {
    await using device = await open(lab.path, 'r');
    await device.read(first, 0, first.length, 0);
  }
  await lab.host.run('mkfs.btrfs', ['--quiet', '--force', '--label', 'two', lab.path, other.path]);
  await overwrite(lab.path, 0, first);
  const { name } = await lab.disk();
  assert.equal((await lab.host.run('blkid', ['--probe', lab.path], { okStatuses: [8] })).status, 8);
  assert.deepEqual((await reasons(lab)).what, [
    `btrfs file system "two" lies on disk "${name}" and also on "${other.path}"`,
  ]);
});
