import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { needsRepair, repair } from './repair.ts';
import { assertTidy, generationsIn, openWorld, quietHost, stateOf } from './test-world.ts';
import { wantedKills } from '../../../test/tier.ts';

await test(`${wantedKills} random kill points: the repair leaves one generation alone, the next run the newest`, async (t) => {
  await using world = await openWorld();
  const journalText = (): string =>
    existsSync(join(world.state, 'journal.json')) ? readFileSync(join(world.state, 'journal.json'), 'utf8') : '';
  const attempt = async (
    generation: number,
    killAfterMs: number,
    whileWriting = false,
  ): Promise<{ ended: boolean; wholeMs: number }> => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'test-run.ts'), world.server.endpoint, world.tree, world.state, String(generation)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const gone = new Promise<void>((resolve) => {
      child.once('close', () => {
        resolve();
      });
    });
    let output = '';
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (text: Buffer) => {
        output += text.toString();
        if (output.includes('begins')) resolve();
      });
    });
    const started = performance.now();
    // The writing is the shortest part of a run: some kills wait for it, or few would hit it.
    if (whileWriting) {
      const over = gone.then(() => true);
      while (!(await Promise.race([over, sleep(1, false)])) && !journalText().includes('"phase":"writing"'));
    }
    await Promise.race([gone, sleep(whileWriting ? Math.random() * 60 : killAfterMs, undefined, { ref: false })]);
    child.kill('SIGKILL');
    await gone;
    return { ended: output.includes('ended'), wholeMs: performance.now() - started };
  };
  const { wholeMs } = await attempt(2, 60_000);
  const found = new Map<string, number>();
  let generation = 2;
  for (let kill = 1; kill <= wantedKills; kill += 1) {
    const wanted = 2 + kill;
    const wasOpen = (await needsRepair(world.state))?.phase === 'writing';
    const { ended } = await attempt(wanted, Math.random() * wholeMs, kill % 2 === 0 && !wasOpen);
    const phase = (await needsRepair(world.state))?.phase ?? (ended ? 'ended' : 'not begun');
    found.set(phase, (found.get(phase) ?? 0) + 1);
    // Sometimes the next run, which begins with the repair, is killed as well.
    if (phase === 'writing' && kill < wantedKills && Math.random() < 0.5) continue;
    await repair(quietHost(), world.etcd, world.state, () => undefined);
    const [only, ...others] = generationsIn(await stateOf(world.etcd, world.tree));
    assert.deepEqual(others, [], `a mixture after a kill in phase ${phase}`);
    assert.ok(only === wanted || only === generation, `generation ${only} after a kill in phase ${phase}`);
    if (phase === 'saving' || phase === 'writing') assert.equal(only, generation);
    if (phase === 'written' || phase === 'ended') assert.equal(only, wanted);
    if (existsSync(world.state)) assertTidy(world);
    if (wasOpen) found.set('in a repair or after it', (found.get('in a repair or after it') ?? 0) + 1);
    generation = only;
  }
  await attempt(1000, 60_000);
  assert.deepEqual(generationsIn(await stateOf(world.etcd, world.tree)), [1000]);
  t.comment(
    `a run takes ${wholeMs.toFixed(0)} ms; killed in: ${[...found].map(([phase, count]) => `${phase} ${count}`).join(', ')}`,
  );
});
