import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../errors/errors.ts';
import { diskEvidence } from './evidence.ts';
import { lookInto } from './look-into.ts';
import { isMounted, mountTarget, relabelContainers, type MountPlan } from './mount-target.ts';
import { findPartition, readTable } from './partitions.ts';
import { memoryBacked, missingSpace, spaceOf } from './space.ts';
import { testDisk, testHost, writeCoreosLayout, type TestDisk } from './test-disk.ts';
import { unmountTarget } from './unmount-target.ts';

async function installed(lab: TestDisk, marker: string): Promise<MountPlan & { root: string; containersAt: string }> {
  await writeCoreosLayout(lab);
  await lab.host.run('sfdisk', ['--append', lab.path], { input: 'name="var-lib-containers"\n' });
  await lab.host.run('partx', ['--update', lab.path]);
  await lab.host.run('mkfs.xfs', ['-q', '-f', `${lab.path}p5`]);
  const plan = {
    root: join(lab.folder, 'mnt'),
    containersAt: join(lab.folder, 'containers'),
    containers: { label: 'var-lib-containers' },
  };
  await mkdir(plan.root);
  await using root = await lab.host.mount(`${lab.path}p4`, plan.root, ['-o', 'nouuid']);
  await mkdir(join(root.target, 'boot'));
  await writeFile(join(root.target, 'marker'), marker);
  return plan;
}

async function digest(lab: TestDisk): Promise<string> {
  const file = join(lab.folder, 'disk.img');
  await lab.host.run('sync', [file]);
  return (await lab.host.text('sha256sum', [file])).split(' ')[0] ?? '';
}

/** A process that writes into a folder, and waits there as long as its file system is frozen. Thaws it at the end in any case. */
function writerIn(folder: string): AsyncDisposable & { ended(withinMs: number): Promise<boolean> } {
  const writer = spawn('touch', [join(folder, 'late')], { stdio: 'ignore' });
  const exit = once(writer, 'exit');
  return {
    ended: (withinMs) => Promise.race([exit.then(() => true), sleep(withinMs, false)]),
    async [Symbol.asyncDispose]() {
      await testHost().run('fsfreeze', ['--unfreeze', folder], { okStatuses: [0, 1] });
      await exit;
    },
  };
}

test('mountTarget()', async (t) => {
  await t.test(
    'mounts the target and not a second disk with the same labels and the same file system UUIDs',
    async () => {
      await using lab = await testDisk({ mebibytes: 750 });
      await using twin = await testDisk({ mebibytes: 750 });
      const plan = await installed(lab, 'target');
      await lab.host.run('dd', [`if=${lab.path}`, `of=${twin.path}`, 'bs=1M', 'status=none']);
      await lab.host.run('partx', ['--add', twin.path]);
      await mkdir(join(twin.folder, 'mnt'));
      await using other = await lab.host.mount(`${twin.path}p4`, join(twin.folder, 'mnt'));
      await writeFile(join(other.target, 'marker'), 'twin');
      const target = await mountTarget(lab.host, await lab.disk(), plan, lab.say);
      assert.equal(await readFile(join(target.root, 'marker'), 'utf8'), 'target');
      assert.equal(
        lab.said.at(-1),
        `disk "${target.disk.name}" is mounted: partition 4 at "${plan.root}", 3 at "${plan.root}/boot", 5 at "${plan.containersAt}"`,
      );
      await unmountTarget(lab.host, target, lab.say);
      assert.equal(await readFile(join(other.target, 'marker'), 'utf8'), 'twin');
    },
  );

  await t.test('covers a tmpfs of the live system, and takes away what others mounted inside', async () => {
    await using lab = await testDisk({ mebibytes: 750 });
    const plan = await installed(lab, 'x');
    await mkdir(plan.containersAt);
    await using live = await lab.host.mount('tmpfs', plan.containersAt, ['-t', 'tmpfs']);
    await writeFile(join(live.target, 'of-the-live-system'), '');
    const target = await mountTarget(lab.host, await lab.disk(), plan, lab.say);
    await mkdir(join(target.containers, 'overlay'));
    (await lab.host.mount('tmpfs', join(target.containers, 'overlay'), ['-t', 'tmpfs'])).keep();
    await unmountTarget(lab.host, target, lab.say);
    await stat(join(plan.containersAt, 'of-the-live-system'));
    assert.equal(lab.said.at(-1), `disk "${target.disk.name}" is written out and unmounted`);
  });

  await t.test('thaws a boot file system that a killed program left frozen, and who waited there goes on', async () => {
    await using lab = await testDisk({ mebibytes: 750 });
    const plan = await installed(lab, 'x');
    const target = await mountTarget(lab.host, await lab.disk(), plan, lab.say);
    await lab.host.run('fsfreeze', ['--freeze', target.boot]);
    await using waiting = writerIn(target.boot);
    assert.equal(await waiting.ended(300), false);
    await mountTarget(lab.host, target.disk, plan, lab.say);
    assert.ok(
      lab.said.includes(`"${target.boot}" was frozen: a program was killed that held it so; it is thawed`),
      lab.said.join('\n'),
    );
    assert.equal(await waiting.ended(10_000), true);
    await unmountTarget(lab.host, target, lab.say);
  });

  await t.test('does not mount over the file system of another disk', async () => {
    await using lab = await testDisk({ mebibytes: 750 });
    await using other = await testDisk({ mebibytes: 100 });
    const plan = await installed(lab, 'x');
    await lab.host.run('mkfs.ext4', ['-q', '-F', other.path]);
    await using foreign = await lab.host.mount(other.path, plan.root);
    await assert.rejects(
      mountTarget(lab.host, await lab.disk(), plan, lab.say),
      new Failure(`"${other.path}" is mounted at "${foreign.target}", where the target belongs; unmount it`),
    );
  });

  await t.test('puts container storage into an immutable root in the folder variant', async () => {
    await using lab = await testDisk({ mebibytes: 750 });
    const plan = { ...(await installed(lab, 'x')), containers: 'folder' } as const;
    {
      await using root = await lab.host.mount(`${lab.path}p4`, plan.root);
      await lab.host.run('chattr', ['+i', `${root.target}/`]);
    }
    const target = await mountTarget(lab.host, await lab.disk(), plan, lab.say);
    assert.equal(target.containersPartition, undefined);
    assert.equal(await isMounted(lab.host, target), true);
    await writeFile(join(target.containers, 'layer'), 'x');
    assert.equal(await readFile(join(target.root, 'containers/layer'), 'utf8'), 'x');
    await assert.rejects(mkdir(join(target.root, 'new')), 'the root is immutable again');
    await mountTarget(lab.host, await lab.disk(), plan, lab.say);
    await unmountTarget(lab.host, target, lab.say);
    assert.equal(await isMounted(lab.host, target), false);
  });

  await t.test('says that SELinux is off where it is', async () => {
    await using lab = await testDisk({ mebibytes: 750 });
    const target = await mountTarget(
      lab.host,
      await lab.disk().then(async () => {
        await installed(lab, 'x');
        return lab.disk();
      }),
      {
        root: join(lab.folder, 'mnt'),
        containersAt: join(lab.folder, 'containers'),
        containers: { label: 'var-lib-containers' },
      },
      lab.say,
    );
    await relabelContainers(lab.host, target, lab.say);
    assert.equal(
      lab.said.at(-1),
      `SELinux is off in this system; the labels of "${target.containers}" are left as they are`,
    );
  });
});

test('unmountTarget() names the process that holds the target', async () => {
  await using lab = await testDisk({ mebibytes: 750 });
  const plan = await installed(lab, 'x');
  const target = await mountTarget(lab.host, await lab.disk(), plan, lab.say);
  const user = spawn('sleep', ['60'], { cwd: target.containers, stdio: 'ignore' });
  try {
    await assert.rejects(
      unmountTarget(lab.host, target, lab.say),
      (error: unknown) =>
        error instanceof Failure &&
        error.message === `"${target.containers}" cannot be unmounted` &&
        error.why === `in use by process ${user.pid ?? 0} (sleep)` &&
        error.next === 'end what uses it',
    );
  } finally {
    const gone = once(user, 'exit');
    user.kill();
    await gone;
  }
});

test('lookInto() changes not one byte, also where a journal waits to be replayed', async () => {
  await using lab = await testDisk({ mebibytes: 750 });
  const plan = await installed(lab, 'seen');
  // a copy of the disk taken while it is mounted is what a power cut leaves
  await using crashed = await testDisk({ mebibytes: 750 });
  {
    await using root = await lab.host.mount(`${lab.path}p4`, plan.root);
    await using boot = await lab.host.mount(`${lab.path}p3`, join(root.target, 'boot'));
    await writeFile(join(root.target, 'late'), 'x');
    await writeFile(join(boot.target, 'late'), 'x');
    await lab.host.run('sync', ['-f', root.target]);
    await lab.host.run('sync', ['-f', boot.target]);
    await lab.host.run('dd', [`if=${lab.path}`, `of=${crashed.path}`, 'bs=1M', 'status=none']);
  }
  await crashed.host.run('partx', ['--add', crashed.path]);
  await crashed.host.run('blockdev', ['--flushbufs', crashed.path]);
  const before = await digest(crashed);
  const table = await readTable(crashed.host, await crashed.disk());
  for (const label of ['root', 'boot']) {
    await using look = await lookInto(crashed.host, findPartition(table, { label }), crashed.folder);
    if (label === 'root') assert.equal(await readFile(join(look.path, 'marker'), 'utf8'), 'seen');
    await assert.rejects(writeFile(join(look.path, 'new'), ''), { code: 'EROFS' });
  }
  assert.equal(await digest(crashed), before);
});

test('memoryBacked() knows tmpfs, an overlay over tmpfs, and a loop device over a file in tmpfs', async () => {
  await using lab = await testDisk({ mebibytes: 750 });
  const memory = join(lab.folder, 'memory');
  await mkdir(memory);
  await using tmpfs = await lab.host.mount('tmpfs', memory, ['-t', 'tmpfs']);
  assert.equal(await memoryBacked(lab.host, join(memory, 'not/there/yet')), `tmpfs at "${tmpfs.target}"`);
  for (const folder of ['lower', 'upper', 'work', 'merged']) await mkdir(join(memory, folder));
  await using overlay = await lab.host.mount('overlay', join(memory, 'merged'), [
    '-t',
    'overlay',
    '-o',
    `lowerdir=${memory}/lower,upperdir=${memory}/upper,workdir=${memory}/work`,
  ]);
  assert.equal(
    await memoryBacked(lab.host, overlay.target),
    `overlay at "${overlay.target}" over tmpfs at "${tmpfs.target}"`,
  );
  await lab.host.run('truncate', ['--size', '20M', join(memory, 'image')]);
  await lab.host.run('mkfs.ext4', ['-q', '-F', join(memory, 'image')]);
  await mkdir(join(lab.folder, 'loop'));
  await using loop = await lab.host.mount(join(memory, 'image'), join(lab.folder, 'loop'), ['-o', 'loop']);
  assert.equal(await memoryBacked(lab.host, loop.target), `ext4 at "${loop.target}" over tmpfs at "${tmpfs.target}"`);
  assert.equal(await memoryBacked(lab.host, lab.folder), undefined);
});

test('spaceOf() and missingSpace() tell what does not fit', async () => {
  const space = await spaceOf('/tmp/not/there/yet');
  assert.ok(space.freeBytes > 0 && space.totalBytes >= space.freeBytes);
  assert.deepEqual(missingSpace('the root file system', [{ what: 'seed', bytes: 1e9 }], { freeBytes: 1e9 }), []);
  assert.deepEqual(
    missingSpace(
      'the root file system',
      [
        { what: 'seed', bytes: 4e9 },
        { what: 'reserve', bytes: 1e9 },
      ],
      { freeBytes: 3e9 },
    ),
    ['the root file system has 3.0 GB free, and 5.0 GB are needed (seed 4.0 GB, reserve 1.0 GB); 2.0 GB are missing'],
  );
});

test('diskEvidence() shows disks, holders and tables, and works with every program missing', async () => {
  await using lab = await testDisk({ mebibytes: 750 });
  await writeCoreosLayout(lab);
  const text = await diskEvidence(lab.host);
  assert.match(text, new RegExp(`^## disks\n[^#]*${lab.path} `, 'm'));
  assert.match(text, new RegExp(`^loop loop|disk ${lab.path.slice(5)}|loop ${lab.path.slice(5)}`, 'm'));
  assert.match(text, /name="root"/);
  for (const program of ['lsblk', 'sfdisk', 'pvs', 'mdadm']) await lab.fake(program, '#!/bin/sh\nexit 9\n');
  assert.match(await diskEvidence(lab.host), /## disks\nnot available: lsblk: exit status 9/);
});
