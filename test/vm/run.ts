import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lab } from './artefacts/lab.ts';
import { openBoard, type Board } from './progress.ts';
import { EmulatorCrash } from './qemu.ts';
import { sweep } from './resources.ts';
import { playScenario, type Scenario } from './scenario.ts';
import { ciScenarios, scenarios } from './scenarios/index.ts';
import { resultsRoot } from './stage.ts';

/**
 * `node test/vm/run.ts list | build | [scenario] NAME… | all | every [--results FILE] [--jobs N]`
 * `all` is what fits into a test run, `every` is every scenario. Logs: ~/.cache/sno-ibi/results/NAME.
 */

type Outcome = { name: string; passed: boolean; seconds: number; error?: string };

const {
  values,
  positionals: [command = 'list', ...names],
} = parseArgs({ allowPositionals: true, options: { results: { type: 'string' }, jobs: { type: 'string' } } });

/** Two machines at once on two cores: much of an installation waits for the disk or for one thread. Measured: README.md. */
const defaultJobs = 2;

async function main(): Promise<number> {
  const write = (text: string): void => {
    process.stdout.write(text);
  };
  if (command === 'list') {
    for (const { name, says } of scenarios)
      write(`${ciScenarios.some((one) => one.name === name) ? '*' : ' '} ${name.padEnd(18)} ${says}\n`);
    write('\n* part of "all"; "every" runs them all\n');
    return 0;
  }
  const chosen = choose();
  if (chosen === undefined) {
    process.stderr.write('usage: run.ts list | build | [scenario] NAME… | all | every [--results FILE] [--jobs N]\n');
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort(new Error(`stopped by ${signal}`));
    });
  using board = openBoard(write, process.stdout.isTTY);
  await sweep();
  if (command === 'build') {
    await buildParts(board);
    return 0;
  }
  const outcomes = await playAll(chosen, board, stop.signal);
  const failed = outcomes.filter(({ passed }) => !passed);
  board.print(
    `${String(outcomes.length - failed.length)} of ${String(outcomes.length)} scenarios passed${failed.length === 0 ? '' : `; failed: ${failed.map(({ name }) => name).join(', ')}`}`,
  );
  return failed.length === 0 ? 0 : 1;
}

function choose(): readonly Scenario[] | undefined {
  if (command === 'all') return ciScenarios;
  if (command === 'every' || command === 'build') return scenarios;
  const wanted = command === 'scenario' ? names : [command, ...names];
  if (wanted.length === 0) return undefined;
  const found = wanted.map((name) => scenarios.find((one) => one.name === name));
  return found.every((one) => one !== undefined) ? found : undefined;
}

/** The large parts, so that the first scenario does not look as if it hung. */
async function buildParts(board: Board): Promise<void> {
  const task = board.begin('parts');
  const parts = lab((line) => {
    task.say(line);
    board.print(line);
  });
  await parts.installer();
  for (const sectors of [512, 4096] as const) await parts.iso([sectors]);
  await parts.leftovers();
  for (const tree of ['full', 'slim'] as const) await parts.seed({ os: { tree } });
  task.end('built');
}

async function playAll(chosen: readonly Scenario[], board: Board, signal: AbortSignal): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const waiting = [...chosen];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) {
      outcomes.push(await playOne(next, board, signal));
      // after each one: a run that is killed has told what it knew
      if (values.results !== undefined) await writeFile(values.results, `${JSON.stringify(outcomes, undefined, 1)}\n`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs ?? defaultJobs) }, worker));
  return outcomes;
}

async function playOne(scenario: Scenario, board: Board, signal: AbortSignal): Promise<Outcome> {
  const began = performance.now();
  const task = board.begin(scenario.name);
  const logs = join(resultsRoot(), scenario.name);
  const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
  const story: string[] = [];
  const say = (line: string): void => {
    story.push(`${seconds().toFixed(1).padStart(6)} ${line}\n`);
    task.say(line);
  };
  let error: string | undefined;
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    try {
      await playScenario(scenario, say, signal);
      error = undefined;
    } catch (caught) {
      error = caught instanceof Error ? (caught.stack ?? caught.message) : String(caught);
      // That QEMU crashed says nothing of what is tested, and twice in a row would be no accident.
      if (caught instanceof EmulatorCrash && attempt === 1) {
        board.print(`  ${scenario.name}: ${caught.message.split(';', 1)[0] ?? ''}: QEMU crashed, played once more`);
        continue;
      }
    }
    break;
  }
  const passed = error === undefined;
  await mkdir(logs, { recursive: true });
  await appendFile(join(logs, 'story.txt'), [...story, passed ? 'passed\n' : `failed: ${error ?? ''}\n`].join(''));
  task.end(passed ? '✔' : '✖');
  if (error !== undefined)
    board.print(
      `${error
        .split('\n')
        .slice(0, 25)
        .map((line) => `    ${line}`)
        .join('\n')}\n    logs: ${logs}`,
    );
  return { name: scenario.name, passed, seconds: seconds(), ...(error === undefined ? {} : { error }) };
}

process.exitCode = await main();
