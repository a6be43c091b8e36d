import assert from 'node:assert/strict';
import { test } from 'tap';
import { installIn, openIbiLane, partitionsOf, shellIn } from './ibi-lane.ts';
import { run } from './vm/command.ts';
import { contentDigest } from './vm/disks.ts';

/* A whole installation beside data that is not its own: none of it may change. */

await test('a saved data partition keeps its bytes, also when it lies where the new one would get its number', async () => {
  await using it = await openIbiLane({
    imageCount: 1,
    config: { extraPartitionStart: '3G', coreosInstallerArgs: ['--save-partlabel', 'data'] },
  });
  const { device } = it.lane.disk;
  await shellIn(
    it,
    `printf 'label: gpt\\nstart=6G, size=512M, name=data\\n' | sfdisk -q ${device}; udevadm settle; mkfs.ext4 -q ${it.lane.disk.part(1)}; mount ${it.lane.disk.part(1)} /mnt; head -c 20000000 /dev/urandom > /mnt/precious; sha256sum < /mnt/precious > /run/sum; umount /mnt`,
  );
  await installIn(it);
  const number = /(\d+) : start=.*name="data"/.exec(await partitionsOf(it))?.[1];
  assert.ok(number !== undefined, await partitionsOf(it));
  assert.equal(
    await shellIn(
      it,
      `mount -o ro ${it.lane.disk.part(Number(number))} /mnt; sha256sum < /mnt/precious | diff - /run/sum && echo same; umount /mnt`,
    ),
    'same\n',
  );
  assert.match(await partitionsOf(it), /name="var-lib-containers"/);
});

await test('a second disk with the same labels is left alone to the byte', async () => {
  await using it = await openIbiLane({
    imageCount: 1,
    config: { extraPartitionStart: '-1G' },
    lane: {
      disks: [
        { serial: 'target', sizeBytes: 4 * 2 ** 30 },
        { serial: 'twin', sizeBytes: 4 * 2 ** 30 },
      ],
    },
  });
  const twin = it.lane.disks[1];
  assert.ok(twin !== undefined);
  await installIn(it);
  // By the files behind the devices, whose holes are neither copied nor read.
  await shellIn(it, `sync; blockdev --flushbufs ${it.lane.disk.device}`);
  await run('cp', ['--sparse=always', it.lane.disk.file, twin.file]);
  await shellIn(it, `blockdev --flushbufs ${twin.device}`);
  await it.lane.settle();
  const before = await contentDigest(twin.file);
  await it.configure({ reinstall: true });
  await installIn(it);
  await shellIn(it, 'sync');
  assert.equal(await contentDigest(twin.file), before);
});
