import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootLive, installBudgetMs, installationOf, type Installation } from '../live-boot.ts';
import type { Scenario } from '../scenario.ts';
import { sectionOf } from '../sections.ts';
import type { Stage } from '../stage.ts';

const awayMs = 60_000;

/** The registry leaves in the middle of the seed's blob, and every new connection is refused for a minute. */
async function story(stage: Stage): Promise<Installation[]> {
  const { front } = stage.registry;
  // slow enough that the blob is still on its way when the step is seen
  front.setRate(8e6);
  await using machine = await bootLive(stage, { name: 'live' });
  await machine.waitFor(/fetch-seed: Stream/, installBudgetMs);
  await sleep(2000, undefined, { signal: stage.signal });
  const seedBytes = stage.seed.image.layers[0]?.sizeBytes ?? 0;
  assert.ok(
    [...front.blobBytes().values()].reduce((sum, bytes) => sum + bytes, 0) < seedBytes,
    'the blob is not through yet',
  );
  stage.say(`the registry is away for ${String(awayMs / 1000)} s`);
  await front.away();
  await sleep(awayMs, undefined, { signal: stage.signal });
  front.setRate(undefined);
  await front.back();
  stage.say('the registry is back');
  return [await installationOf(stage, machine)];
}

export const registryAway: Scenario = {
  name: 'registry-away',
  says: 'the registry is away for a minute while the seed is streamed; the same run waits and finishes',
  story,
  assert(stage, _proof, [installation]) {
    assert.match(sectionOf(installation?.sections ?? new Map(), 'result'), /^NRestarts=0$/m);
    assert.match(installation?.console ?? '', /fetch-seed:.*(waiting|again|retry|attempt)/i);
    // what was through before is not fetched twice
    const seedBlob = stage.seed.image.layers[0];
    const sent = stage.registry.front.blobBytes().get(seedBlob?.digest ?? '') ?? 0;
    assert.ok(sent < (seedBlob?.sizeBytes ?? 0) * 1.2, `${String(sent)} bytes of the seed were sent`);
  },
};
