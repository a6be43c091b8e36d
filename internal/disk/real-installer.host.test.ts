import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { coreosInstaller } from '../../test/vm/artefacts/coreos-installer.ts';
import { openLane, type Lane } from '../../test/vm/loop.ts';
import { temporaryFolder } from '../host/files.ts';
import { testHost } from './test-disk.ts';

/* The real coreos-installer on loop devices, in the loop lane of the VM lab, with an image of a few partitions. */

const installer = (await coreosInstaller(() => undefined)).path('bin/coreos-installer');

async function makeMetal(folder: string): Promise<string> {
  const host = testHost();
  const image = join(folder, 'metal.img');
  await host.run('truncate', ['--size', '300M', image]);
  await host.run('sfdisk', ['--quiet', image], {
    input:
      'label: gpt\nsize=1M, name="BIOS-BOOT"\nsize=10M, name="EFI-SYSTEM"\nsize=50M, name="boot"\nsize=+, name="root"\n',
  });
  await host.run('dd', [
    'if=/dev/urandom',
    `of=${image}`,
    'bs=1M',
    'seek=70',
    'count=100',
    'conv=notrunc',
    'status=none',
  ]);
  await host.run('zstd', ['-q', image, '-o', `${image}.zst`]);
  return `${image}.zst`;
}

/** Runs a sentence of the room inside the lane, and gives back what it said and how it ended. */
async function inLane(
  lane: Lane,
  args: readonly string[],
  body: string,
): Promise<{ said: string[]; failure?: { message: string; why?: string; next?: string }; result?: unknown }> {
  const script = `
    const { openHost } = await import('${new URL('../host/host.ts', import.meta.url).href}');
    const { openLog } = await import('${new URL('../log/log.ts', import.meta.url).href}');
    const room = await import('${new URL('./disk.ts', import.meta.url).href}');
    const host = openHost({ log: openLog({ program: 'test', write() {} }), env: process.env });
    const said = [], say = (fact) => said.push(fact), args = ${JSON.stringify(args)};
    try {
      const disk = await room.resolveDisk(host, '${lane.disk.byId}', { waitMs: 0 });
      const result = await (async () => { ${body} })();
      console.log(JSON.stringify({ said, result }));
    } catch (error) { console.log(JSON.stringify({ said, failure: { message: error.message, why: error.why, next: error.next } })); }`;
  const { stdout } = await lane.run(process.execPath, ['--input-type=module', '-e', script]);
  return JSON.parse(stdout) as { said: string[] }; // our own script two lines above
}

test('writeImage() with the real coreos-installer', async (t) => {
  await t.test('releases and writes the disk by its stable name, twice, and keeps a saved partition', async () => {
    await using folder = await temporaryFolder(tmpdir(), 'disk-metal-');
    await using lane = await openLane({
      disks: [{ serial: 'target', sizeBytes: 2 * 1024 ** 3 }],
      installer,
      metal: { 512: await makeMetal(folder.path) },
    });
    const write =
      'await room.releaseDisk(host, disk, { say, coreosInstallerArgs: args }); const seen = []; const table = await room.writeImage(host, disk, args, { say, onProgress: (p) => seen.push(p.fraction) }); return { parts: table.partitions.map((p) => [p.number, p.label, p.path !== undefined]), last: seen.at(-1), model: [disk.serial, disk.spelling] };';
    const image = [
      [1, 'BIOS-BOOT', true],
      [2, 'EFI-SYSTEM', true],
      [3, 'boot', true],
      [4, 'root', true],
    ];
    const first = await inLane(lane, [], write);
    assert.deepEqual(first.failure, undefined);
    assert.deepEqual(first.result, { parts: image, last: 1, model: ['target', lane.disk.byId] });

    await lane.run('sfdisk', ['--append', lane.disk.device], { input: 'start=1G, name="data"\n' });
    await lane.run('mkfs.ext4', ['-q', '-F', '-L', 'precious', `${lane.disk.device}p5`]);
    const again = await inLane(lane, ['--save-partlabel', 'data'], write);
    assert.deepEqual(again.failure, undefined);
    assert.deepEqual((again.result as { parts: unknown }).parts, [...image, [5, 'data', true]]);
    assert.match(
      (await lane.run('blkid', ['-p', '-o', 'value', '-s', 'LABEL', `${lane.disk.device}p5`])).stdout,
      /^precious/,
    );
    assert.ok(again.said.includes('Saving partition 5 ("data") to new partition 5'));
  });

  await t.test('tells why a disk is too small for the image, and that a kept partition lies inside it', async () => {
    await using folder = await temporaryFolder(tmpdir(), 'disk-metal-');
    const metal = { 512: await makeMetal(folder.path) };
    {
      await using lane = await openLane({ disks: [{ serial: 'small', sizeBytes: 200 * 1024 ** 2 }], installer, metal });
      const ended = await inLane(lane, [], 'await room.writeImage(host, disk, args, { say });');
      assert.match(ended.failure?.message ?? '', /^writing disk "loop\d+" failed$/);
      assert.match(ended.failure?.why ?? '', /No space left on device/);
      assert.equal(ended.failure?.next, 'the disk is smaller than the image; choose a larger one');
    }
    await using lane = await openLane({ disks: [{ serial: 'target', sizeBytes: 1024 ** 3 }], installer, metal });
    await lane.run('sfdisk', ['--quiet', lane.disk.device], { input: 'label: gpt\nstart=150M, name="data"\n' });
    const ended = await inLane(lane, ['--save-partindex', '1'], 'await room.writeImage(host, disk, args, { say });');
    assert.match(ended.failure?.why ?? '', /collision with partition/);
    assert.equal(
      ended.failure?.next,
      'the partition to keep begins inside the image; only a partition behind it can be kept',
    );
  });
});
