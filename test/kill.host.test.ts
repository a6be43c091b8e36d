import assert from 'node:assert/strict';
import { test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { configFile, openIbiLane } from './ibi-lane.ts';
import { differences, installedTree, type InstalledTree } from './installed-tree.ts';
import { randomFrom } from './random.ts';
import { wantedKills } from './tier.ts';

/**
 * Killed at any moment and started again, `ibi` ends in the same state. One half of the kill points is random in time, the other
 * in a random step, because the last steps, where a disk becomes valid, are the shortest. The seed is printed and may be given as
 * SNO_IBI_KILL_SEED to see a failure again.
 */
const seed = Number(process.env['SNO_IBI_KILL_SEED'] ?? Date.now() % 1e6);

type StepTime = { readonly step: string; readonly ms: number };

/** The names of the steps that a run has begun or skipped. */
const stepsIn = (output: string): string[] =>
  [...output.matchAll(/step \d+\/\d+ ([a-z-]+): /g)].map(([, name]) => name ?? '');

async function undisturbedRun(): Promise<{ wanted: InstalledTree; wholeMs: number; steps: StepTime[] }> {
  await using it = await openIbiLane();
  const started = Date.now();
  const begins: { step: string; at: number }[] = [];
  let output = '';
  const run = await it.start(['run', '-f', configFile], {
    onData: (chunk) => {
      output += chunk.toString();
      for (const step of stepsIn(output))
        if (!begins.some((known) => known.step === step)) begins.push({ step, at: Date.now() });
    },
  });
  assert.equal(await run.ended, 0, output);
  const ended = Date.now();
  return {
    wanted: await installedTree(it),
    wholeMs: ended - started,
    steps: begins.map(({ step, at }, index) => ({ step, ms: (begins[index + 1]?.at ?? ended) - at })),
  };
}

await test(`${wantedKills} random kill points converge to the tree of an undisturbed run (seed ${seed})`, async (t) => {
  const random = randomFrom(seed);
  const { wanted, wholeMs, steps: times } = await undisturbedRun();
  assert.ok(wanted.lines.length > 1000, `only ${wanted.lines.length} files`);
  assert.equal(wanted.images.length, 4);

  const steps = new Map<string, number>();
  let kills = 0;
  for (let series = 1; kills < wantedKills; series += 1) {
    await using it = await openIbiLane();
    const story: string[] = [];
    for (;;) {
      // A live system's udev is not killed with ibi; the lane's stand-in may have been, half-way through its links.
      await it.lane.settle();
      let output = '';
      const chosen = random() < 0.5 ? times[Math.floor(random() * times.length)] : undefined;
      const moment = random();
      const reached = Promise.withResolvers<undefined>();
      const run = await it.start(['run', '-f', configFile], {
        onData: (chunk) => {
          output += chunk.toString();
          if (chosen !== undefined && stepsIn(output).includes(chosen.step)) reached.resolve(undefined);
        },
      });
      const patience = (ms: number): Promise<boolean> => sleep(ms, false, { ref: false });
      const due =
        kills >= wantedKills || story.length >= 8
          ? patience(300_000)
          : chosen === undefined
            ? patience(300 + moment * wholeMs)
            : reached.promise.then(() => patience(moment * chosen.ms));
      const ended = await Promise.race([run.ended.then(() => true), due]);
      const at = stepsIn(output).at(-1) ?? 'start';
      if (ended) {
        // Killed after the seal, there is nothing left to do: the next run says so.
        assert.match(
          output,
          /ibi: finished in|was finished with this very configuration/,
          `series ${series}, after ${story.join(', ')}:\n${output}`,
        );
        break;
      }
      // Half of the time everything dies at once, half of the time only ibi, and its children must follow.
      if (random() < 0.5) await run.kill('SIGKILL');
      else await it.lane.killAll();
      await run.ended;
      story.push(at);
      steps.set(at, (steps.get(at) ?? 0) + 1);
      kills += 1;
    }
    const found = await installedTree(it);
    assert.deepEqual(differences(wanted, found), [], `series ${series}, killed in ${story.join(', ')}`);
    assert.deepEqual(found.images, wanted.images, `series ${series}, killed in ${story.join(', ')}`);
  }
  t.comment(`${kills} kills: ${[...steps].map(([step, count]) => `${step} ${count}`).join(', ')}`);
});
