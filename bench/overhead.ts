import { execFileSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Say } from '../test/vm/artefacts/cache.ts';
import { lab } from '../test/vm/artefacts/lab.ts';
import { startRegistry } from '../test/vm/registry.ts';
import type { ProgressEvent } from '../internal/log/progress.ts';
import { productExecutable } from './product.ts';
import { median, type Row } from './row.ts';
import { configFile, openTarget, type Target } from './target.ts';

/** What the program itself costs: starting it, running it when there is nothing to do, having it. */
export async function benchOverhead(say: Say): Promise<Row[]> {
  const program = await productExecutable();
  const start = startUp(program);
  const { own, whole, steps } = await doneRun(say);
  say(
    `a run that finds everything done: ${whole.toFixed(2)} s, of which ${[...steps].map(([step, seconds]) => `${step} ${seconds.toFixed(2)}`).join(', ')}`,
  );
  return [
    { what: 'own overhead of a run that finds all done', ours: own, unit: 's', limit: 1 },
    { what: 'the same with the steps that work each time', ours: whole, unit: 's' },
    {
      what: 'start-up: ibi --version against node -e 0',
      ours: start.ours,
      reference: start.reference,
      unit: 'ms',
      limit: 1.3,
    },
    { what: 'size of the executable', ours: (await stat(program)).size / 1e6, unit: 'MB', limit: 112 },
  ];
}

const starts = 20;

/** Both in turns, so that a neighbour's burst hits both; the first of each only warms the cache. */
function startUp(program: string): { ours: number; reference: number } {
  const time = (file: string, args: readonly string[]): number => {
    const began = performance.now();
    execFileSync(file, args, { stdio: 'ignore' });
    return performance.now() - began;
  };
  const ours: number[] = [];
  const reference: number[] = [];
  for (let index = 0; index <= starts; index += 1) {
    const pair = [time(program, ['--version']), time(process.execPath, ['-e', '0'])] as const;
    if (index === 0) continue;
    ours.push(pair[0]);
    reference.push(pair[1]);
  }
  return { ours: median(ours), reference: median(reference) };
}

/**
 * Steps that work in every run, because later ones stand on what they find: the checks ask devices, programs and the registry,
 * storage and mounts are looked at, the boot chain is read back. Their time is the machine's, not ours.
 */
const always = new Set([
  'read-config',
  'check-machine',
  'choose-disk',
  'refuse-finished-disk',
  'inspect-seed',
  'check-space',
  'lay-out-storage',
  'mount-target',
  'verify-disk',
  'seal',
]);

/**
 * A run that finds every step done. It is the second of two runs that are held at the seal by an `umount` that fails for the target: nearer to
 * the end no run can come and leave something for another one to find.
 */
async function doneRun(say: Say): Promise<{ own: number; whole: number; steps: ReadonlyMap<string, number> }> {
  const parts = lab(say);
  await using registry = await startRegistry();
  const set = await parts.images({ count: 4 });
  const containers: string[] = [];
  for (const { tag } of set.images) containers.push(await registry.push(set.dir, tag, `lab/${tag}`));
  const seed = await parts.seed({ os: { tree: 'small' }, containers });
  const reference = await registry.push(seed.dir, seed.image.tag);
  await using target = await openTarget({
    parts,
    registry,
    reference,
    version: seed.version,
    config: { precacheBestEffort: true },
  });
  await target.lane.fake(
    'umount',
    '#!/bin/sh\ncase "$*" in */mnt* | */var/lib/containers*) echo "held by the bench" >&2; exit 32;; esac\nPATH=$LAB_REAL_PATH exec umount "$@"\n',
  );
  await runToSeal(target);
  const runs = [await runToSeal(target), await runToSeal(target), await runToSeal(target)];
  const middle = runs.toSorted((a, b) => a.whole - b.whole)[1];
  if (middle === undefined) throw new Error('no runs');
  const working = [...middle.steps].filter(([step]) => always.has(step));
  return {
    own: middle.whole - working.reduce((sum, [, seconds]) => sum + seconds, 0),
    whole: middle.whole,
    steps: new Map(working),
  };
}

async function runToSeal(target: Target): Promise<{ whole: number; steps: Map<string, number> }> {
  const began = new Map<string, number>();
  const steps = new Map<string, number>();
  let at = '';
  const follow = (line: string): void => {
    if (!line.startsWith('{')) return;
    const event = JSON.parse(line) as ProgressEvent & { time: string }; // the program's own protocol
    if (event.type !== 'step') return;
    at = event.step;
    if (event.state === 'started') began.set(event.step, Date.parse(event.time));
    else steps.set(event.step, (Date.parse(event.time) - (began.get(event.step) ?? 0)) / 1000);
  };
  const result = await target.lane.run(
    'bash',
    [
      '-c',
      'exec "$@" 3>&1 >/dev/null',
      'ibi',
      await productExecutable(),
      'run',
      '-f',
      configFile,
      '--progress-fd',
      '3',
    ],
    { accept: [1], onLine: follow },
  );
  if (at !== 'seal') throw new Error(`the run was to end at the seal, not at ${at}:\n${result.stderr.slice(-2000)}`);
  return { whole: result.durationMs / 1000, steps };
}
