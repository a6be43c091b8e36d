import assert from 'node:assert/strict';
import { assertInstalled } from '../baseline.ts';
import { contentDigest } from '../disks.ts';
import { install, type Installation } from '../live-boot.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

async function story(stage: Stage): Promise<Installation[]> {
  const first = await install(stage, { name: 'live-1' });
  assertInstalled(first);
  const before = await contentDigest(stage.target.file);
  const refused = await install(stage, { name: 'live-2' });
  assert.equal(`${refused.result} ${String(refused.exitCode)}`, 'exit-code 3');
  assert.match(refused.console, /was finished with this very configuration/);
  assert.match(refused.console, /reinstall: true/);
  assert.equal(await contentDigest(stage.target.file), before, 'the finished disk is unchanged');
  return [first, refused, await install(stage, { name: 'live-3', config: { reinstall: true } })];
}

export const finishedDisk: Scenario = {
  name: 'finished-disk',
  says: 'the ISO again on a finished disk: refused and unchanged; with "reinstall: true" installed anew',
  story,
  assert(_stage, _proof, installations) {
    assert.match(installations.at(-1)?.console ?? '', /continuing because reinstallation was asked for/);
    assert.match(installations.at(-1)?.console ?? '', /write-os: Copying image/);
  },
};
