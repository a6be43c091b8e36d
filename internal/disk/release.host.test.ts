import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, Failure, Refusal } from '../errors/errors.ts';
import { dumpTable, readTable } from './partitions.ts';
import { writeRaidSuperblock } from './raid-superblock.ts';
import { inspectDisk, refuseUnsafe } from './refusals.ts';
import { releaseDisk } from './release.ts';
import { testDisk, writeCoreosLayout, type TestDisk } from './test-disk.ts';

/** LVM commands of a test see its own disks only. */
function only(...disks: TestDisk[]): string[] {
  return [
    '--config',
    `devices { use_devicesfile=0 filter=[ ${disks.map((disk) => `"a|^${disk.path}|", `).join('')}"r|.*|" ] }`,
  ];
}

function refusal(message: string): (error: unknown) => boolean {
  return (error) => error instanceof Refusal && error.message === message;
}

async function digest(lab: TestDisk): Promise<string> {
  await lab.host.run('blockdev', ['--flushbufs', lab.path]);
  await lab.host.run('sync', [join(lab.folder, 'disk.img')]);
  return (await lab.host.text('sha256sum', [join(lab.folder, 'disk.img')])).split(' ')[0] ?? '';
}

async function mountPoint(lab: TestDisk, name: string): Promise<string> {
  const point = join(lab.folder, name);
  await mkdir(point, { recursive: true });
  return point;
}

test('releaseDisk()', async (t) => {
  await t.test('lets go of a file system that was left frozen', async () => {
    await using lab = await testDisk();
    await writeCoreosLayout(lab);
    const root = await mountPoint(lab, 'mnt');
    (await lab.host.mount(`${lab.path}p4`, root, ['-o', 'nouuid'])).keep();
    const point = await mountPoint(lab, 'mnt/boot');
    (await lab.host.mount(`${lab.path}p3`, point)).keep();
    await lab.host.run('fsfreeze', ['--freeze', point]);
    try {
      await releaseDisk(lab.host, await lab.disk(), { say: lab.say, own: { root, containers: '/nowhere' } });
    } finally {
      await lab.host.run('fsfreeze', ['--unfreeze', point], { okStatuses: [0, 1] });
    }
    assert.ok(
      lab.said.includes(`"${point}" was frozen: a program was killed that held it so; it is thawed`),
      lab.said.join('\n'),
    );
  });

  await t.test('unmounts what a killed run left, switches swap off and wipes partitions and disk', async () => {
    await using lab = await testDisk();
    await writeCoreosLayout(lab);
    const { host } = lab;
    await host.run('mkswap', [`${lab.path}p2`]);
    await host.run('swapon', [`${lab.path}p2`]);
    const root = await mountPoint(lab, 'mnt');
    (await host.mount(`${lab.path}p4`, root)).keep();
    (await host.mount('tmpfs', await mountPoint(lab, 'mnt/inside'), ['-t', 'tmpfs'])).keep();
    const disk = await lab.disk();
    const released = await releaseDisk(host, disk, { say: lab.say, own: { root, containers: '/nowhere' } });
    assert.deepEqual(
      released.actions.map(({ action }) => action),
      ['unmount', 'unmount', 'swap off', 'wipe', 'wipe', 'wipe', 'wipe', 'wipe'],
    );
    assert.equal(await readTable(host, disk), undefined);
    assert.equal(await host.text('wipefs', ['--no-act', disk.path]), '');
    assert.match(lab.said.join('\n'), new RegExp(`^plan: swapoff ${lab.path}p2: swap is in use$`, 'm'));
    assert.equal(lab.said.at(-1), `disk "${disk.name}" is free and wiped`);
    await lab.sfdisk('label: gpt\nstart=2048, size=1M\nsize=10M\nsize=64M\nsize=350M\n');
    for (const number of [2, 3, 4])
      assert.equal(
        await host.text('wipefs', ['--no-act', `${lab.path}p${number}`]),
        '',
        `partition ${number} has no signature of before`,
      );
  });

  await t.test(
    'removes a volume group and an array at rest, and leaves a group of the same name on another disk as it is',
    async () => {
      await using lab = await testDisk();
      await using other = await testDisk({ mebibytes: 100 });
      const { host } = lab;
      await lab.sfdisk('label: gpt\nsize=100M\nsize=100M\nsize=100M\n');
      await host.run('pvcreate', ['-y', ...only(lab), `${lab.path}p1`, `${lab.path}p2`]);
      await host.run('vgcreate', [...only(lab), 'data', `${lab.path}p1`, `${lab.path}p2`]);
      await host.run('pvcreate', ['-y', ...only(other), other.path]);
      await host.run('vgcreate', [...only(other), 'data', other.path]);
      await writeRaidSuperblock(`${lab.path}p3`, { sectors: 204_800 });
      const before = await digest(other);

      const inspection = await inspectDisk(host, await lab.disk());
      refuseUnsafe(inspection);
      await releaseDisk(host, await lab.disk(), { say: lab.say });
      assert.match(lab.said.join('\n'), /mdadm --zero-superblock \S+p3: it is a member of RAID array "lab:old"/);
      assert.match(
        lab.said.join('\n'),
        /vgremove -y .*--select vg_uuid=\S+: volume group "data" lies on this disk only/,
      );
      assert.equal(await host.text('pvs', [...only(lab), '--noheadings', '-o', 'pv_name']), '');
      assert.equal(await digest(other), before, 'not a byte of the other disk changed');
    },
  );

  await t.test('refuses a volume group that spans another disk, and changes no byte of either', async () => {
    await using lab = await testDisk({ mebibytes: 100 });
    await using other = await testDisk({ mebibytes: 100 });
    const { host } = lab;
    await host.run('pvcreate', ['-y', ...only(lab, other), lab.path, other.path]);
    await host.run('vgcreate', [...only(lab, other), 'wide', lab.path, other.path]);
    const before = [await digest(lab), await digest(other)];
    const disk = await lab.disk();
    await assert.rejects(
      releaseDisk(host, disk, { say: lab.say }),
      refusal(`volume group "wide" lies on disk "${disk.name}" and also on "${other.path}"`),
    );
    assert.deepEqual([await digest(lab), await digest(other)], before);

    await releaseDisk(host, disk, { say: lab.say, allowSpanning: true });
    assert.equal(await digest(other), before[1], 'when it is allowed, the other half still stays as it is');
    assert.equal(
      (await host.text('pvs', [...only(lab, other), '--noheadings', '-o', 'pv_name'])).includes(lab.path),
      false,
    );
  });

  await t.test('refuses an array at rest that spans another disk', async () => {
    await using lab = await testDisk({ mebibytes: 100 });
    await using other = await testDisk({ mebibytes: 100 });
    const arrayUuid = randomBytes(16);
    await writeRaidSuperblock(lab.path, { sectors: 204_800, arrayUuid });
    await writeRaidSuperblock(other.path, { sectors: 204_800, arrayUuid, member: 1 });
    const disk = await lab.disk();
    await assert.rejects(
      releaseDisk(lab.host, disk, { say: lab.say }),
      refusal(`RAID array "lab:old" lies on disk "${disk.name}" and also on "${other.path}"`),
    );
    await releaseDisk(lab.host, disk, { say: lab.say, allowSpanning: true });
    assert.match(await lab.host.text('mdadm', ['--examine', '--export', other.path]), /MD_NAME=lab:old/);
  });

  await t.test('keeps a partition that coreos-installer was told to save, with the volume group in it', async () => {
    await using lab = await testDisk();
    const { host } = lab;
    await writeCoreosLayout(lab);
    await host.run('sfdisk', ['--append', lab.path], { input: 'start=1000000, name="data"\n' });
    await host.run('partx', ['--update', lab.path]);
    await host.run('pvcreate', ['-y', ...only(lab), `${lab.path}p5`]);
    await host.run('vgcreate', [...only(lab), 'precious', `${lab.path}p5`]);
    const disk = await lab.disk();
    const released = await releaseDisk(host, disk, { say: lab.say, coreosInstallerArgs: ['--save-partlabel', 'data'] });
    assert.equal(
      (await host.text('pvs', [...only(lab), '--noheadings', '-o', 'pv_name,vg_name'])).trim().replace(/\s+/, ' '),
      `${lab.path}p5 precious`,
    );
    assert.equal(await dumpTable(host, disk), released.tableDump, 'the table that leads to it is untouched');
    assert.equal(await host.text('wipefs', ['--no-act', `${lab.path}p4`]), '');
    assert.match(lab.said.at(-1) ?? '', /is free and wiped but for what is kept$/);
  });

  await t.test(
    'stops before it wipes when a mount cannot be released, and names the process that holds it',
    async () => {
      await using lab = await testDisk();
      await writeCoreosLayout(lab);
      const root = await mountPoint(lab, 'mnt');
      (await lab.host.mount(`${lab.path}p4`, root)).keep();
      const user = spawn('sleep', ['60'], { cwd: root, stdio: 'ignore' });
      try {
        const before = await dumpTable(lab.host, await lab.disk());
        await assert.rejects(
          releaseDisk(lab.host, await lab.disk(), { say: lab.say, own: { root, containers: '/nowhere' } }),
          (error: unknown) =>
            error instanceof Failure &&
            error.message.includes('cannot be unmounted') &&
            (error.why ?? '').includes(`process ${user.pid ?? 0} (sleep)`),
        );
        assert.equal(await dumpTable(lab.host, await lab.disk()), before);
      } finally {
        const gone = once(user, 'exit');
        user.kill();
        await gone;
      }
    },
  );

  await t.test('finds a mount that only another mount namespace shows, before it wipes', async () => {
    await using lab = await testDisk();
    await writeCoreosLayout(lab);
    const point = await mountPoint(lab, 'hidden');
    const user = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', `mount ${lab.path}p4 ${point} && exec sleep 60`],
      { stdio: 'ignore' },
    );
    try {
      await sleep(1000);
      const disk = await lab.disk();
      await assert.rejects(
        releaseDisk(lab.host, disk, { say: lab.say }),
        (error: unknown) =>
          error instanceof Refusal &&
          error.message ===
            `disk "${disk.name}" is in use where this mount namespace does not show it: process ${user.pid ?? 0} (sleep)`,
      );
      assert.equal((await readTable(lab.host, disk))?.partitions.length, 4);
    } finally {
      const gone = once(user, 'exit');
      user.kill();
      await gone;
    }
  });

  for (const [program, what] of [
    ['wipefs', 'fails'],
    ['sfdisk', 'is not the real one'],
  ] as const) {
    await t.test(`ends with the command when ${program} ${what}`, async () => {
      await using lab = await testDisk();
      await writeCoreosLayout(lab);
      const disk = await lab.disk();
      await lab.fake(program, '#!/bin/sh\necho "no luck today" >&2\nexit 7\n');
      await assert.rejects(
        releaseDisk(lab.host, disk, { say: lab.say }),
        (error: unknown) =>
          error instanceof CommandError && error.message === `${program}: exit status 7: no luck today`,
      );
    });
  }
});
