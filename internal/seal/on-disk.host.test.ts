import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { testDisk } from '../disk/test-disk.ts';
import { recordOnDisk, signDisk } from './on-disk.ts';
import { reach, readRecord, recordFolder, type InstallRecord } from './record.ts';

const record: InstallRecord = {
  format: 1,
  installId: 'a'.repeat(32),
  configDigest: 'b',
  state: 'open',
  program: 'test',
  disk: {},
  seed: { reference: 'r', digest: 'd', version: 'v', stateroot: 's' },
  milestones: { written: '2026-01-01T00:00:00.000Z' },
};

await test('recordOnDisk() finds the record after a power cut at any moment of the filling, without changing a byte', async () => {
  await using lab = await testDisk({ mebibytes: 420 });
  await lab.sfdisk('label: gpt\nsize=10M, name="boot"\nname="root"\n');
  await lab.host.run('mkfs.xfs', ['-q', `${lab.path}p2`]);
  const disk = await lab.disk();
  const mountPoint = join(lab.folder, 'root');
  await mkdir(mountPoint);
  await signDisk(lab.host, disk, mountPoint, () => Promise.resolve(record));
  await lab.host.run('mount', [`${lab.path}p2`, mountPoint]);
  // What filling does to the metadata around the record: files come and go, and the record is replaced.
  for (let round = 1; round <= 6; round += 1) {
    const files = join(mountPoint, recordFolder, `members-${round}`);
    await mkdir(files, { recursive: true });
    for (let file = 0; file < 200; file += 1) await writeFile(join(files, String(file)), 'x'.repeat(file * 10));
    await rm(join(mountPoint, recordFolder, `members-${round - 1}`), { recursive: true, force: true });
    await reach(lab.host, mountPoint, `milestone-${round}`);
    // The power goes: another disk has what this one had on stable storage.
    await using cut = await testDisk({ mebibytes: 420 });
    await lab.host.run('dd', [
      `if=${lab.path}`,
      `of=${cut.path}`,
      'bs=4M',
      'conv=sparse,fsync',
      'iflag=direct',
      'status=none',
    ]);
    await cut.host.run('partx', ['--update', cut.path], { okStatuses: [0, 1] });
    const before = round === 1 ? await cut.host.text('sha256sum', [cut.path]) : '';
    const found = await recordOnDisk(cut.host, await cut.disk(), cut.folder);
    assert.deepEqual([found?.installId, found?.state], [record.installId, 'open'], `round ${round}`);
    if (round === 1) assert.equal(await cut.host.text('sha256sum', [cut.path]), before);
  }
  assert.ok((await readRecord(mountPoint))?.milestones['milestone-6'] !== undefined);
  await lab.host.run('umount', [mountPoint]);
});
