import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { attachLoop, mount } from '../resources.ts';
import type { Scenario } from '../scenario.ts';
import { sectionOf } from '../sections.ts';
import type { Stage } from '../stage.ts';

/** A data partition of an earlier life at 4 GiB; container storage comes behind it, at the end of the disk. */
async function prepare({ target, dir }: Stage): Promise<void> {
  await using disk = await attachLoop(target.file);
  await run('sfdisk', ['--quiet', disk.device], {
    input: 'label: gpt\n1: start=2048, size=1GiB, name=old-root\n6: start=8388608, size=1GiB, name=data\n',
    accept: 'any',
  });
  await disk.rescan();
  await run('mkfs.xfs', ['-q', disk.part(6)]);
  await using _mounted = await mount(disk.part(6), join(dir, 'data'));
  await mkdir(join(dir, 'data/kept'));
  for (const [name, bytes] of content) await writeFile(join(dir, 'data/kept', name), bytes);
}

const content: readonly (readonly [string, Buffer])[] = [
  ['letter', Buffer.from('written before the installation\n')],
  ['noise', randomBytes(20 * 1024 * 1024)],
];

export const savePartlabel: Scenario = {
  name: 'save-partlabel',
  says: 'a data partition of the target survives, with its files, through coreosInstallerArgs',
  prepare,
  boot: { config: { coreosInstallerArgs: ['--save-partlabel', 'data'] } },
  proof: 'kernel',
  assert(_stage, proof) {
    const wanted = content.map(
      ([name, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ./kept/${name}`,
    );
    assert.deepEqual(
      sectionOf(proof?.sections ?? new Map(), 'data')
        .split('\n')
        .sort(),
      wanted.sort(),
    );
    assert.match(sectionOf(proof?.sections ?? new Map(), 'disks'), /^vda6 .* data xfs/m);
  },
};
