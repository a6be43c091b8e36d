import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from '../test/vm/artefacts/cache.ts';
import { messageOf } from '../internal/errors/errors.ts';
import { benchFirstBoot } from './first-boot.ts';
import { benchOverhead } from './overhead.ts';
import { benchPulls } from './pulls.ts';
import { benchRecert } from './recert.ts';
import { holds, ratioOf, tableOf, type Row } from './row.ts';
import { benchSeed } from './seed.ts';
import { machineLoad } from './target.ts';

/*
 * `npm run bench`, or `node bench/run.ts [names…]`. A benchmark is no test: numbers above a limit are shown, not failed. The exit
 * status is 1 only when a bench could not be run.
 */

const say = (line: string): void => {
  process.stderr.write(`# ${line}\n`);
};

const pullLimits: Readonly<Record<string, number>> = {
  'layer bytes from the registry, per unique byte': 1,
  '24 images at 100 Mbit/s': 0.5,
  '24 images, unshaped': 1,
};

async function pulls(): Promise<Row[]> {
  const rows = await benchPulls();
  return rows.map(({ name, ours, reference, unit }) => {
    const [first, limit] = [name.startsWith('layer bytes'), pullLimits[name]];
    // The bytes' limit is on our own number, rounded as it is promised: to the second digit.
    return {
      what: name,
      ours: first ? Math.round(ours * 100) / 100 : ours,
      ...(first ? {} : { reference }),
      unit: unit === 's' ? ('s' as const) : ('×' as const),
      ...(limit === undefined ? {} : { limit }),
    };
  });
}

const benches: Readonly<Record<string, () => Promise<Row[]>>> = {
  pulls,
  seed: () => benchSeed(say),
  overhead: () => benchOverhead(say),
  recert: () => benchRecert(say),
  'first-boot': () => benchFirstBoot(say),
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(benches);
const results: { bench: string; load: number; rows?: readonly Row[]; broken?: string }[] = [];
for (const name of names) {
  const bench = benches[name];
  if (bench === undefined) throw new Error(`there is no bench "${name}"; there are ${Object.keys(benches).join(', ')}`);
  const load = await machineLoad();
  say(`${name}: begins at load ${load.toFixed(1)}`);
  try {
    results.push({ bench: name, load, rows: await bench() });
  } catch (error) {
    results.push({ bench: name, load, broken: messageOf(error) });
    process.exitCode = 1;
  }
}

process.stdout.write(`${tableOf(results.flatMap(({ rows }) => rows ?? []))}\n`);
for (const { bench, broken } of results)
  if (broken !== undefined) process.stdout.write(`${bench}: could not be run: ${broken}\n`);
const folder = join(cacheRoot(), 'results');
await mkdir(folder, { recursive: true });
const file = join(folder, 'bench.json');
const told = results.map(({ rows, ...rest }) => ({
  ...rest,
  ...(rows === undefined ? {} : { rows: rows.map((row) => ({ ...row, ratio: ratioOf(row), holds: holds(row) })) }),
}));
await writeFile(
  file,
  `${JSON.stringify({ at: new Date().toISOString(), loadAtEnd: await machineLoad(), results: told }, undefined, 1)}\n`,
);
say(`written to ${file}`);
