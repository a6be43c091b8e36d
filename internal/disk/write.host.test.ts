import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { CommandError, Failure } from '../errors/errors.ts';
import { testDisk, type TestDisk } from './test-disk.ts';
import { writeImage } from './write.ts';
import type { WriteProgress } from './write-progress.ts';

const writesTable = `printf 'label: gpt\\nsize=1M, name="BIOS-BOOT"\\nsize=10M, name="boot"\\nsize=100M, name="root"\\n' | sfdisk -q "$2"`;

async function fakeInstaller(lab: TestDisk, script: string): Promise<void> {
  await lab.fake('coreos-installer', `#!/bin/bash\necho "$@" > ${lab.folder}/arguments\n${script}\n`);
}

function failsWith(what: string, why: string, next?: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Failure);
    assert.deepEqual([error.message, error.why, error.next], [what, why, next]);
    return true;
  };
}

test('writeImage()', async (t) => {
  await t.test('tells how far it is, and what is on the disk at the end', async () => {
    await using lab = await testDisk();
    const disk = await lab.disk();
    await fakeInstaller(
      lab,
      `echo 'Copying image from x' >&2; echo 'Read disk 50.0 MiB/100.0 MiB (50%)' >&2; ${writesTable}; echo 'Read disk 100.0 MiB/100.0 MiB (100%)' >&2; echo 'Install complete.' >&2`,
    );
    const seen: WriteProgress[] = [];
    const table = await writeImage(lab.host, disk, ['--append-karg', 'a="b c"'], {
      say: lab.say,
      onProgress: (progress) => seen.push(progress),
    });
    assert.equal(await readFile(join(lab.folder, 'arguments'), 'utf8'), `install ${lab.path} --append-karg a="b c"\n`);
    assert.deepEqual(
      seen.map((progress) => progress.fraction),
      [0.5, 1],
    );
    assert.deepEqual(
      table.partitions.map(({ number, label, path }) => [number, label, path]),
      [
        [1, 'BIOS-BOOT', `${lab.path}p1`],
        [2, 'boot', `${lab.path}p2`],
        [3, 'root', `${lab.path}p3`],
      ],
    );
    assert.deepEqual(lab.said, [
      'Copying image from x',
      `disk "${disk.name}" is written; its partitions are 1 "BIOS-BOOT", 2 "boot", 3 "root"`,
    ]);
  });

  await t.test('fails with the last error lines of the installer, without its progress', async () => {
    await using lab = await testDisk();
    const disk = await lab.disk();
    await fakeInstaller(
      lab,
      `printf 'Read disk 1.0 MiB/2.0 MiB (50%%)\\nError: decoding and writing image\\n\\nCaused by:\\n    No space left on device (os error 28)\\nResetting partition table\\nError: install failed\\n' >&2; exit 1`,
    );
    await assert.rejects(
      writeImage(lab.host, disk, [], { say: lab.say }),
      failsWith(
        `writing disk "${disk.name}" failed`,
        'Error: decoding and writing image\nCaused by:\n    No space left on device (os error 28)\nResetting partition table\nError: install failed',
        'the disk is smaller than the image; choose a larger one',
      ),
    );
  });

  await t.test('tries again when another program had the disk open for a moment', async () => {
    await using lab = await testDisk();
    const disk = await lab.disk();
    const busy = `printf "Error: checking for exclusive access to /dev/x\\nCaused by:\\n    0: couldn't reread partition table: device is in use\\n    1: EBUSY: Device or resource busy\\n" >&2; exit 1`;
    await fakeInstaller(lab, `if mkdir ${lab.folder}/once 2>/dev/null; then ${busy}; fi; ${writesTable}`);
    const table = await writeImage(lab.host, disk, [], { say: lab.say });
    assert.equal(table.partitions.length, 3);
    assert.equal(
      lab.said[0],
      `disk "${disk.name}" was opened by another program for a moment; nothing is written yet, trying again`,
    );
  });

  await t.test('fails when the installer is killed, dies without a word, or is not there', async () => {
    await using lab = await testDisk();
    const disk = await lab.disk();
    await fakeInstaller(lab, 'kill -KILL $$');
    await assert.rejects(
      writeImage(lab.host, disk, [], { say: lab.say }),
      (error: unknown) => error instanceof CommandError && error.message === 'coreos-installer: killed by SIGKILL',
    );
    await fakeInstaller(lab, 'exit 3');
    await assert.rejects(
      writeImage(lab.host, disk, [], { say: lab.say }),
      failsWith(`writing disk "${disk.name}" failed`, 'coreos-installer: exit status 3'),
    );
    await lab.host.run('rm', [join(lab.folder, 'bin/coreos-installer')]);
    await assert.rejects(
      writeImage(lab.host, disk, [], { say: lab.say }),
      /coreos-installer: program not found on this machine/,
    );
  });

  await t.test('ends an installer that makes no progress, and leaves none behind', async () => {
    await using lab = await testDisk();
    const disk = await lab.disk();
    await fakeInstaller(
      lab,
      `for i in 1 2 3 4 5 6 7 8 9; do echo 'Read disk 1.0 MiB/2.0 MiB (50%)' >&2; sleep 0.2; done & wait; touch ${lab.folder}/finished`,
    );
    await assert.rejects(
      writeImage(lab.host, disk, [], { say: lab.say, stallMs: 700 }),
      (error: unknown) =>
        error instanceof Failure && /^writing disk "\w+" made no progress for \d s$/.test(error.message),
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await assert.rejects(access(join(lab.folder, 'finished')));
  });

  await t.test('does not believe a success that left no partition', async () => {
    await using lab = await testDisk();
    const disk = await lab.disk();
    await fakeInstaller(lab, 'exit 0');
    await assert.rejects(
      writeImage(lab.host, disk, [], { say: lab.say }),
      new RegExp(`coreos-installer reported success, and disk "${disk.name}" has no partition`),
    );
  });

  for (const [args, ends] of [
    [[], 'ends it at once'],
    [['--save-partlabel', 'data'], 'lets it finish when it holds saved partitions'],
  ] as const) {
    await t.test(`on a stop request ${ends}`, async () => {
      const stop = new AbortController();
      await using lab = await testDisk({ stop: stop.signal });
      const disk = await lab.disk();
      await fakeInstaller(
        lab,
        `echo 'Read disk 1.0 MiB/2.0 MiB (50%)' >&2; sleep 1; ${writesTable}; touch ${lab.folder}/finished`,
      );
      const written = writeImage(lab.host, disk, args, {
        say: lab.say,
        onProgress: () => {
          stop.abort();
        },
      });
      await assert.rejects(written, (error: unknown) => error instanceof CommandError && error.end.kind === 'stopped');
      const finished = await access(join(lab.folder, 'finished')).then(
        () => true,
        () => false,
      );
      assert.equal(finished, args.length > 0);
    });
  }
});
