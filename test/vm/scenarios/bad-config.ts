import assert from 'node:assert/strict';
import { attachLoop } from '../resources.ts';
import { run } from '../command.ts';
import { contentDigest } from '../disks.ts';
import { install, type Installation } from '../live-boot.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

/** A disk with somebody's data, and a configuration with a slip in a key that decides what is erased. */
async function story(stage: Stage): Promise<Installation[]> {
  {
    await using disk = await attachLoop(stage.target.file);
    await run('mkfs.ext4', ['-q', '-L', 'precious', disk.device]);
  }
  const before = await contentDigest(stage.target.file);
  const installation = await install(stage, { name: 'live', config: { instalationDisk: '/dev/vdb' }, gather: true });
  assert.equal(await contentDigest(stage.target.file), before, 'the disk is unchanged');
  return [installation];
}

export const badConfig: Scenario = {
  name: 'bad-config',
  says: 'a wrong configuration is refused at once, the disk is unchanged, the console says what to do',
  story,
  installs: false,
  assert(_stage, _proof, [installation]) {
    assert.equal(`${installation?.result ?? ''} ${String(installation?.exitCode)}`, 'exit-code 2');
    const console = installation?.console ?? '';
    assert.match(console, /instalationDisk.*installationDisk/, 'names the key and the nearest known one');
    assert.match(console, /nothing on this machine was changed/);
    assert.doesNotMatch(console, /step 7\//, 'no step that writes has begun');
    assert.match(
      console,
      /failed, last sign of life[^]*instalationDisk[^]*log in as core: ssh core@10\.0\.2\.15,/,
      'ibi-failure.service prints the block and where to log in',
    );
  },
};
