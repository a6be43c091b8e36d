import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { CommandError, Failure, UsageError } from '../errors/errors.ts';
import { addPartition, derivedUuid } from './extra-partition.ts';
import { formatPartition, isFormatted } from './format.ts';
import { growBySfdisk, growRoot } from './grow.ts';
import type { Disk } from './identity.ts';
import { findPartition, readTable } from './partitions.ts';
import { parseStart } from './start.ts';
import { testDisk, writeCoreosLayout, type TestDisk } from './test-disk.ts';

const partUuid = derivedUuid('install-1', 'containers-partition');
const fsUuid = derivedUuid('install-1', 'containers-file-system');
const wish = { start: parseStart('-400M'), label: 'var-lib-containers', number: 5, partUuid };

async function written(lab: TestDisk): Promise<Disk> {
  await writeCoreosLayout(lab);
  return lab.disk();
}

async function append(lab: TestDisk, script: string): Promise<void> {
  await lab.host.run('sfdisk', ['--append', lab.path], { input: script });
  await lab.host.run('partx', ['--update', lab.path]);
}

function failure(message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.message, message);
    return true;
  };
}

test('addPartition()', async (t) => {
  await t.test(
    'takes the next number when the wished one belongs to a kept partition, which stays as it is',
    async () => {
      await using lab = await testDisk();
      const disk = await written(lab);
      await append(lab, 'start=900000, size=100M, name="data"\n');
      await lab.host.run('mkfs.ext4', ['-q', '-F', '-L', 'precious', `${lab.path}p5`]);
      const made = await addPartition(lab.host, disk, wish, lab.say);
      assert.equal(made.number, 6);
      assert.equal(lab.said[0], 'partition number 5 is taken by "data"; number 6 is used');
      await formatPartition(lab.host, disk, made, { partUuid, fsUuid }, lab.say);
      assert.equal(await lab.host.text('blkid', ['-p', '-o', 'value', '-s', 'LABEL', `${lab.path}p5`]), 'precious');
    },
  );

  await t.test('takes a wished number that leaves a gap', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    assert.equal((await addPartition(lab.host, disk, { ...wish, number: 9 }, lab.say)).number, 9);
  });

  await t.test('ends where a kept partition behind it begins', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    await append(lab, 'start=1900544, name="data"\n');
    const made = await addPartition(lab.host, disk, wish, lab.say);
    assert.equal(made.startSector + made.sectors, 1_900_544);
  });

  await t.test('finds nothing of an older layout in the new partition', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    await append(lab, `start=${624 * 2048}, name="old"\n`);
    await lab.host.run('pvcreate', [
      '-y',
      '--config',
      `devices { use_devicesfile=0 filter=["a|^${lab.path}|","r|.*|"] }`,
      `${lab.path}p5`,
    ]);
    await lab.host.run('sfdisk', ['--delete', lab.path, '5']);
    await lab.host.run('partx', ['--update', lab.path]);
    const made = await addPartition(lab.host, disk, wish, lab.say);
    assert.equal(made.startSector, 624 * 2048);
    assert.equal(await lab.host.text('wipefs', ['--no-act', made.path ?? '']), '');
  });

  for (const sectorBytes of [512, 4096]) {
    await t.test(`begins where sfdisk itself would begin, on ${sectorBytes}-byte sectors`, async () => {
      await using lab = await testDisk({ mebibytes: 20_480, sectorBytes });
      const disk = await lab.disk();
      const image = (4096 * 1024 * 1024) / sectorBytes - 2048;
      const layout = `label: gpt\nstart=2048, size=${image}, name="root"\n`;
      const ends = 2048 + image;
      for (const text of ['4G', '+4G', '4.5 G', '+4.3G', '+5gib', '5GB', '+5Gb', '4200000K', `+${ends + 7}`]) {
        await lab.sfdisk(layout);
        await lab.host.run('sfdisk', ['--quiet', '--append', disk.path], {
          input: `start=${text.replace(' ', '')}, name="x"\n`,
        });
        const theirs = findPartition(await readTable(lab.host, disk), { label: 'x' });
        await lab.sfdisk(layout);
        const ours = await addPartition(lab.host, disk, { ...wish, start: parseStart(text) }, lab.say);
        assert.deepEqual([ours.startSector, ours.sectors], [theirs.startSector, theirs.sectors], text);
        assert.match(
          lab.said.at(-1) ?? '',
          new RegExp(`: start "${text.replace('+', '\\+')}" is sector ${theirs.startSector}, `),
        );
      }
    });
  }

  await t.test('refuses a label that another partition of the disk carries', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    await append(lab, 'size=10M, name="var-lib-containers"\n');
    await assert.rejects(
      addPartition(lab.host, disk, wish, lab.say),
      failure(
        `disk "${disk.name}" already has a partition labelled "var-lib-containers", which this installation did not make; choose another extraPartitionLabel`,
      ),
    );
  });

  await t.test('refuses a start inside another partition, and one behind the disk', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    await assert.rejects(
      addPartition(lab.host, disk, { ...wish, start: parseStart('-800M') }, lab.say),
      (error: unknown) =>
        error instanceof Failure &&
        error.message.startsWith(
          `extraPartitionStart "-800M" is sector 458752 of disk "${disk.name}", which lies inside partition 4 "root" (sectors `,
        ),
    );
    await assert.rejects(
      addPartition(lab.host, disk, { ...wish, start: parseStart('120G') }, lab.say),
      (error: unknown) => error instanceof Failure && error.message.includes('which lies outside the sectors 2048 to '),
    );
    assert.equal((await readTable(lab.host, disk))?.partitions.length, 4);
  });

  await t.test('refuses labels that sfdisk or GPT cannot hold', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    for (const label of ['', 'a"b', 'a\\b', 'a\nb', 'x'.repeat(37)])
      await assert.rejects(addPartition(lab.host, disk, { ...wish, label }, lab.say), UsageError);
    const odd = await addPartition(lab.host, disk, { ...wish, label: 'größe, 40%' }, lab.say);
    assert.equal(odd.label, 'größe, 40%');
  });

  await t.test('refuses a disk without GPT', async () => {
    await using lab = await testDisk();
    await assert.rejects(
      addPartition(lab.host, await lab.disk(), wish, lab.say),
      failure(`disk "${lab.path.slice(5)}" has no GPT to add a partition to`),
    );
    await lab.sfdisk('label: dos\nsize=10M\n');
    await assert.rejects(
      addPartition(lab.host, await lab.disk(), wish, lab.say),
      failure(`disk "${lab.path.slice(5)}" has no GPT to add a partition to`),
    );
  });

  await t.test('works on a disk that is larger than the image was, whose second table lies in the middle', async () => {
    await using lab = await testDisk({ mebibytes: 600 });
    await writeCoreosLayout(lab);
    const file = join(lab.folder, 'disk.img');
    await lab.host.run('truncate', ['--size', '1024M', file]);
    await lab.host.run('losetup', ['--set-capacity', lab.path]);
    const disk = await lab.disk();
    const made = await addPartition(lab.host, disk, wish, lab.say);
    assert.equal(made.startSector, 624 * 2048);
    assert.ok(made.sizeBytes > 398 * 1024 * 1024);
  });
});

test('formatPartition()', async (t) => {
  await t.test('makes again what a killed mkfs left unfinished', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    const made = await addPartition(lab.host, disk, wish, lab.say);
    await formatPartition(lab.host, disk, made, { partUuid, fsUuid }, lab.say);
    const path = made.path ?? '';
    await lab.host.run('dd', [`of=${path}`, 'bs=1', 'seek=126', 'conv=notrunc', 'status=none'], {
      input: new Uint8Array([1]),
    });
    assert.equal(await isFormatted(path, fsUuid), false);
    await formatPartition(lab.host, disk, made, { partUuid, fsUuid }, lab.say);
    assert.equal(await isFormatted(path, fsUuid), true);
  });

  await t.test('never touches a partition that it did not make', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    const root = findPartition(await readTable(lab.host, disk), { label: 'root' });
    await assert.rejects(
      formatPartition(lab.host, disk, root, { partUuid, fsUuid }, lab.say),
      failure(`disk "${disk.name}" has no partition with PARTUUID ${partUuid}`),
    );
    await addPartition(lab.host, disk, wish, lab.say);
    await assert.rejects(
      formatPartition(lab.host, disk, root, { partUuid, fsUuid }, lab.say),
      failure(`partition 4 of disk "${disk.name}" is not the one this installation made, and is left alone`),
    );
    assert.equal(await lab.host.text('blkid', ['-p', '-o', 'value', '-s', 'LABEL', root.path ?? '']), 'root');
  });

  await t.test('does not believe an mkfs that did nothing', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    const made = await addPartition(lab.host, disk, wish, lab.say);
    await lab.fake('mkfs.xfs', '#!/bin/sh\nexit 0\n');
    await assert.rejects(
      formatPartition(lab.host, disk, made, { partUuid, fsUuid }, lab.say),
      failure(`mkfs.xfs reported success, and "${made.path ?? ''}" holds no finished XFS file system`),
    );
  });
});

test('growRoot()', async (t) => {
  await t.test('tells a failure from "nothing to grow"', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    await lab.fake('growpart', '#!/bin/sh\necho "FAILED: disk is on strike" >&2\nexit 1\n');
    await assert.rejects(
      growRoot(lab.host, disk, lab.say),
      (error: unknown) => error instanceof Failure && error.why === 'FAILED: disk is on strike',
    );
    await lab.fake('growpart', '#!/bin/sh\nexit 2\n');
    await assert.rejects(growRoot(lab.host, disk, lab.say), CommandError);
  });

  await t.test('names what is there when no partition is labelled "root"', async () => {
    await using lab = await testDisk();
    await lab.sfdisk('label: gpt\nsize=10M, name="boot"\nsize=10M\n');
    await assert.rejects(
      growRoot(lab.host, await lab.disk(), lab.say),
      (error: unknown) =>
        error instanceof Failure &&
        error.message === `disk "${lab.path.slice(5)}" has no partition labelled "root"` &&
        error.why === 'its partitions are 1 "boot", 2',
    );
  });

  for (const [where, last] of [
    ['to the end, which the image did not know', ''],
    ['up to its neighbour', 'start=500M, size=10M, name="data"\n'],
  ] as const)
    await t.test(`does ${where}, with sfdisk what growpart does, and does it once`, async () => {
      const script = `label: gpt\nlast-lba: 1400000\nsize=10M, name="boot"\nsize=100M, name="root"\n${last}`;
      const tables = [];
      for (const bySfdisk of [false, true]) {
        await using lab = await testDisk();
        await lab.sfdisk(script);
        const disk = await lab.disk();
        // what the kernel partitions takes the place of a multipath device, which few build hosts can make
        const grow = async (): Promise<unknown> => {
          const table = await readTable(lab.host, disk);
          const root = findPartition(table, { label: 'root' });
          await (bySfdisk
            ? growBySfdisk(lab.host, { ...disk, paths: [] }, root, table)
            : growRoot(lab.host, disk, lab.say));
          return (await readTable(lab.host, disk))?.partitions.map(({ number, startSector, sectors, label }) => [
            ...[number, startSector, sectors, label],
          ]);
        };
        const first = await grow();
        assert.deepEqual(await grow(), first);
        assert.match(await lab.host.text('sfdisk', ['--verify', disk.path]), /No errors detected/);
        tables.push(first);
      }
      assert.deepEqual(tables[1], tables[0]);
    });

  await t.test('keeps the content of root', async () => {
    await using lab = await testDisk();
    const disk = await written(lab);
    const point = join(lab.folder, 'p');
    await mkdir(point);
    {
      await using root = await lab.host.mount(`${lab.path}p4`, point);
      await writeFile(join(root.target, 'f'), 'here');
    }
    await addPartition(lab.host, disk, wish, lab.say);
    const grown = await growRoot(lab.host, disk, lab.say);
    assert.match(lab.said.at(-1) ?? '', /grown from 367\.0 MB to /);
    await using root = await lab.host.mount(grown.path ?? '', point);
    assert.equal(await readFile(join(root.target, 'f'), 'utf8'), 'here');
  });
});

test('derivedUuid() is the same for the same installation, and of the right form', async () => {
  assert.equal(derivedUuid('a', 'b'), derivedUuid('a', 'b'));
  assert.notEqual(derivedUuid('a', 'b'), derivedUuid('b', 'b'));
  assert.notEqual(derivedUuid('a', 'b'), derivedUuid('a', 'c'));
  for (let index = 0; index < 50; index += 1)
    assert.match(
      derivedUuid(String(index), 'x'),
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
});
