import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheRoot } from '../vm/artefacts/cache.ts';
import { sweep } from '../vm/resources.ts';
import type { Program } from './host.ts';
import { playScenario, type Scenario } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

/**
 * `node test/first-boot/run.ts list | NAME… | every [--checkout DIR | --executable FILE] [--results FILE]`
 * Without either: the sources of this checkout. Stories: ~/.cache/sno-ibi/results/nspawn/NAME.txt
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { checkout: { type: 'string' }, executable: { type: 'string' }, results: { type: 'string' } },
});

type Outcome = { name: string; passed: boolean; seconds: number; error?: string };

async function main(): Promise<number> {
  const write = (text: string): void => {
    process.stdout.write(text);
  };
  if (positionals.length === 0 || positionals[0] === 'list') {
    for (const { name, says } of scenarios) write(`${name.padEnd(20)} ${says}\n`);
    return 0;
  }
  const unknown = positionals.filter((name) => name !== 'every' && !scenarios.some((one) => one.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`no scenario "${unknown.join('", "')}"; see: run.ts list\n`);
    return 2;
  }
  const chosen = positionals.includes('every') ? scenarios : scenarios.filter(({ name }) => positionals.includes(name));
  const program: Program =
    values.executable === undefined
      ? { checkout: resolve(values.checkout ?? join(import.meta.dirname, '../..')) }
      : { executable: resolve(values.executable) };
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort(new Error(`stopped by ${signal}`));
    });
  await sweep();
  const outcomes: Outcome[] = [];
  for (const scenario of chosen) {
    if (stop.signal.aborted) break;
    outcomes.push(await play(scenario, program, write, stop.signal));
    if (values.results !== undefined) await writeFile(values.results, `${JSON.stringify(outcomes, undefined, 1)}\n`);
  }
  const failed = outcomes.filter(({ passed }) => !passed);
  write(
    `${outcomes.length - failed.length} of ${outcomes.length} passed${failed.length === 0 ? '' : `; failed: ${failed.map(({ name }) => name).join(', ')}`}\n`,
  );
  return failed.length === 0 ? 0 : 1;
}

async function play(
  scenario: Scenario,
  program: Program,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
  const story: string[] = [];
  const say = (line: string): void => {
    story.push(`${seconds().toFixed(1).padStart(6)} ${line}\n`);
    write(`  ${scenario.name} ${seconds().toFixed(1)} s: ${line}\n`);
  };
  const error = await playScenario(scenario, program, say, signal).then(
    () => undefined,
    (caught: unknown) => (caught instanceof Error ? (caught.stack ?? caught.message) : String(caught)),
  );
  const passed = error === undefined;
  write(`${passed ? '✔' : '✖'} ${scenario.name} ${seconds()} s${passed ? '' : `\n${error}`}\n`);
  const folder = join(cacheRoot(), 'results/nspawn');
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, `${scenario.name}.txt`),
    [...story, passed ? 'passed\n' : `failed: ${error}\n`].join(''),
  );
  return { name: scenario.name, passed, seconds: seconds(), ...(error === undefined ? {} : { error }) };
}

process.exitCode = await main();
