import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootLive, install, installBudgetMs, type Installation } from '../live-boot.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

type Cut = {
  readonly name: string;
  readonly says: string;
  /** The console line after which the power goes, and how long after. */
  readonly at: RegExp;
  readonly afterMs: number;
  /** Steps that the second run must find done. */
  readonly done: readonly string[];
};

async function story(stage: Stage, { at, afterMs }: Cut): Promise<Installation[]> {
  {
    await using machine = await bootLive(stage, { name: 'live-1' });
    await machine.waitFor(at, installBudgetMs);
    await sleep(afterMs);
    await machine.kill();
    stage.say('power cut');
  }
  return [await install(stage, { name: 'live-2' })];
}

function powerCut(cut: Cut): Scenario {
  return {
    name: cut.name,
    says: cut.says,
    story: (stage) => story(stage, cut),
    assert(_stage, _proof, [second]) {
      for (const step of cut.done)
        assert.match(second?.console ?? '', new RegExp(`step \\d+/\\d+ ${step}: skipped`), `${step} is not repeated`);
      if (cut.done.length === 0) assert.match(second?.console ?? '', /write-os: Copying image/);
    },
  };
}

export const powerCutWrite = powerCut({
  name: 'power-cut-write',
  says: 'power lost while the image is written: written again',
  at: /write-os: Copying image/,
  afterMs: 2000,
  done: [],
});
export const powerCutFill = powerCut({
  name: 'power-cut-fill',
  says: 'power lost while the seed is deployed: nothing that was finished is repeated',
  at: /deploy-seed: Deploy/,
  afterMs: 300,
  done: ['release-disk', 'write-os', 'fetch-seed'],
});
export const powerCutFinish = powerCut({
  name: 'power-cut-finish',
  says: 'power lost while the disk is finished: only the end is repeated',
  at: /seal: Keep/,
  afterMs: 300,
  done: ['release-disk', 'write-os', 'fetch-seed', 'deploy-seed', 'restore-state', 'pull-images'],
});
