import assert from 'node:assert/strict';
import { mkdtemp, rm, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { Failure, Interrupted, UsageError } from '../errors/errors.ts';
import { openLog } from '../log/log.ts';
import type { ProgressEvent } from '../log/progress.ts';
import { failureBlock } from './failure-block.ts';
import { openJournal } from './journal.ts';
import { planFlow } from './plan.ts';
import { createReporter, type RunStatus } from './reporter.ts';
import { runFlow, StepFailed } from './runner.ts';
import { heading, type Flow, type Step } from './step.ts';
import { timelineSvg, timelineText } from './timeline.ts';

/** A machine that remembers which things were made, and a diary of what steps did. */
type World = { made: Set<string>; diary: string[]; size: number };

const makes = (name: string, extra: Partial<Step<World>> = {}): Step<World> => ({
  name,
  says: `Make ${name}`,
  isDone: (world) => Promise.resolve(world.made.has(name)),
  run: (world) => {
    world.diary.push(name);
    world.made.add(name);
    return Promise.resolve();
  },
  ...extra,
});

async function lab(t: Test): Promise<{
  file: string;
  go: (flow: Flow<World>, world: World, selection?: Record<string, string>, stop?: AbortSignal) => Promise<unknown>;
  events: ProgressEvent[];
  lines: string[];
  statuses: RunStatus[];
}> {
  const folder = await mkdtemp(join(tmpdir(), 'steps-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'journal.json');
  const events: ProgressEvent[] = [];
  const lines: string[] = [];
  const statuses: RunStatus[] = [];
  const log = openLog({
    program: 'probe',
    write: (line) => {
      lines.push(line);
    },
  });
  const go = async (
    flow: Flow<World>,
    world: World,
    selection: Record<string, string> = {},
    stop = new AbortController().signal,
  ): Promise<unknown> => {
    const now = (): Date => new Date();
    const reporter = createReporter({
      log,
      steps: flow.filter((entry) => 'name' in entry).length,
      now,
      emit: (event) => {
        events.push(event);
      },
      keepStatus: (status) => {
        statuses.push(status);
      },
    });
    return runFlow({
      program: 'probe',
      version: '1',
      flow,
      context: world,
      journal: await openJournal(file),
      selection,
      reporter,
      stop,
      now,
    });
  };
  return { file, go, events, lines, statuses };
}

const world = (...made: string[]): World => ({ made: new Set(made), diary: [], size: 1 });

await test('a second run repeats no finished step', async (t) => {
  const { go, events } = await lab(t);
  const flow = [heading('Make'), makes('a'), makes('b')];
  const machine = world();
  await go(flow, machine);
  await go(flow, machine);
  assert.deepEqual(machine.diary, ['a', 'b']);
  assert.deepEqual(
    events
      .filter((event) => event.type === 'step' && event.state === 'skipped')
      .map((event) => event.type === 'step' && event.reason),
    ['already done', 'already done'],
  );
});

await test('a step finds the times of those before it in the journal', async (t) => {
  const { go, file } = await lab(t);
  const times: string[][] = [];
  const looks: Step<World> = {
    name: 'looks',
    says: 'Look',
    run: async () => {
      times.push(
        (await openJournal(file)).runs().map((run) => `${run.state}: ${run.steps.map(({ step }) => step).join(' ')}`),
      );
    },
  };
  await go([heading('Make'), makes('a'), makes('b'), looks], world());
  assert.deepEqual(times, [['running: a b']]);
});

await test('a lost or torn journal costs no repeated step', async (t) => {
  const { go, file } = await lab(t);
  const flow = [heading('Make'), makes('a')];
  const machine = world();
  await go(flow, machine);
  await writeFile(file, '{"format":1,"steps":{"a":');
  await go(flow, machine);
  assert.deepEqual(machine.diary, ['a']);
});

await test('a result that the machine lost is made again, whatever the journal says', async (t) => {
  const { go } = await lab(t);
  const flow = [heading('Make'), makes('a'), makes('b')];
  const machine = world();
  await go(flow, machine);
  machine.made.delete('a');
  await go(flow, machine);
  assert.deepEqual(machine.diary, ['a', 'b', 'a']);
});

await test('changed inputs make a step and all after it run again, and nothing before it', async (t) => {
  const { go } = await lab(t);
  const inputs = ({ size }: World): unknown[] => [size];
  const flow = [heading('Make'), makes('a'), makes('b', { inputs }), makes('c', { inputs })];
  const machine = world();
  await go(flow, machine);
  machine.size = 2;
  await go(flow, machine);
  assert.deepEqual(machine.diary, ['a', 'b', 'c', 'b']);
  // "c" was forgotten, and the machine says that it is done with what it finds: the world decides.
});

await test('an interrupted attempt is recovered from before the step runs again', async (t) => {
  const { go, file } = await lab(t);
  const recover = (machine: World): Promise<void> => {
    machine.diary.push('recover');
    return Promise.resolve();
  };
  let fail = true;
  const flow = [
    heading('Make'),
    makes('a', {
      recover,
      run: (machine) => {
        machine.diary.push('run');
        if (fail) throw new Failure('power cut');
        machine.made.add('a');
        return Promise.resolve();
      },
    }),
  ];
  const machine = world();
  await assert.rejects(go(flow, machine), StepFailed);
  assert.match(await readFile(file, 'utf8'), /"state": "failed"/);
  fail = false;
  await go(flow, machine);
  assert.deepEqual(machine.diary, ['recover', 'run', 'recover', 'run']);
});

await test('"started" is on disk while a step runs', async (t) => {
  const { go, file } = await lab(t);
  let seen = '';
  await go(
    [
      heading('Make'),
      makes('a', {
        run: async () => {
          seen = await readFile(file, 'utf8');
        },
      }),
    ],
    world(),
  );
  assert.match(seen, /"a": \{\s+"state": "started"/);
});

await test('--from leaves out earlier steps, but not those that only look', async (t) => {
  const { go } = await lab(t);
  const machine = world();
  await go([heading('Look', 'nothing'), makes('look'), heading('Make'), makes('a'), makes('b')], machine, {
    from: 'b',
  });
  assert.deepEqual(machine.diary, ['look', 'b']);
});

await test('--only runs one step even if it is done, --again one and what follows', async (t) => {
  const { go } = await lab(t);
  const flow = [heading('Make'), makes('a'), makes('b'), makes('c')];
  const machine = world('a', 'b');
  await go(flow, machine, { only: 'b' });
  assert.deepEqual(machine.diary, ['b']);
  await go(flow, machine, { again: 'a' });
  assert.deepEqual(machine.diary, ['b', 'a', 'c']);
});

await test('an unknown step name is a usage error that lists the steps', async (t) => {
  const { go } = await lab(t);
  await assert.rejects(
    go([heading('Make'), makes('a'), makes('b')], world(), { from: 'x' }),
    (error) =>
      error instanceof UsageError &&
      error.message === 'step "x" given by --from does not exist' &&
      error.next === 'choose one of: a, b',
  );
});

await test('after a stop request no step begins, and the run ends as interrupted with exit code 75', async (t) => {
  const { go } = await lab(t);
  const stop = new AbortController();
  const machine = world();
  const flow = [
    heading('Make'),
    makes('a', {
      run: (it) => {
        stop.abort();
        it.made.add('a');
        return Promise.resolve();
      },
    }),
    makes('b'),
  ];
  await assert.rejects(
    go(flow, machine, {}, stop.signal),
    (error) =>
      error instanceof StepFailed && error.exitCode === 75 && error.error instanceof Interrupted && error.step === 'b',
  );
  assert.deepEqual([...machine.made], ['a']);
});

await test('a step without a sign of life ends when its budget is spent, and progress restarts the budget', async (t) => {
  const { go } = await lab(t);
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  await go(
    [
      heading('Make'),
      makes('slow', {
        budgetMs: 150,
        run: async (_machine, io) => {
          for (let done = 1; done <= 5; done += 1) {
            await pause(60);
            io.progress({ done, total: 5, unit: 'items' });
          }
        },
      }),
    ],
    world(),
  );
  await assert.rejects(
    go([heading('Make'), makes('dead', { budgetMs: 50, run: () => pause(400) })], world()),
    /no sign of life for 0 s/,
  );
});

await test('a plan changes nothing and says why each step would run', async (t) => {
  const { file, go } = await lab(t);
  const flow = [
    heading('Look', 'nothing'),
    makes('look'),
    heading('Make'),
    makes('a'),
    makes('b'),
    makes('c', { notWanted: () => 'the configuration says no' }),
  ];
  const machine = world();
  await go([heading('Make'), makes('a')], machine);
  const { steps } = await planFlow(flow, machine, await openJournal(file), {}, () => undefined);
  assert.deepEqual(
    steps.map(({ step, would, reason }) => `${step} ${would}: ${reason}`),
    ['look run: checked now', 'a skip: already done', 'b run: not done yet', 'c skip: the configuration says no'],
  );
});

await test('the failure block names step, cause, command, next command and what is left', async (t) => {
  const { go, lines } = await lab(t);
  const failing = makes('b', {
    run: () => {
      throw new Failure('disk "sdb" is gone', { why: 'it was unplugged', next: 'plug it in' });
    },
  });
  await assert.rejects(go([heading('Make'), makes('a'), failing], world()), (error) => {
    assert.ok(error instanceof StepFailed);
    assert.deepEqual(
      failureBlock({
        program: 'probe',
        at: error.at,
        error: error.error,
        again: 'probe run',
        leaves: 'nothing was changed',
        details: 'probe gather',
      }),
      [
        'probe: failed at step 2/2 b',
        'what:    disk "sdb" is gone',
        'why:     it was unplugged',
        'leaves:  nothing was changed',
        'next:    plug it in, then run: probe run',
        'details: probe gather',
      ],
    );
    return true;
  });
  assert.equal(lines[0], 'probe: step 1/2 a: Make a\n');
});

await test('the timeline draws each step as text of 80 columns and as SVG', async (t) => {
  const { file, go } = await lab(t);
  await go([heading('Look', 'nothing'), makes('look'), heading('Make <it>'), makes('a'), makes('b')], world('b'));
  const run = (await openJournal(file)).runs().at(-1);
  assert.ok(run !== undefined);
  const text = timelineText(run);
  assert.ok(text.split('\n').every((line) => line.length <= 80));
  assert.match(text, /Make <it>\n {2}a /);
  assert.match(text, /b {4} +skipped/);
  const svg = timelineSvg(run);
  assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  assert.match(svg, /Make &lt;it&gt;/);
  assert.equal(svg.match(/<rect x=/g)?.length, 3);
});
