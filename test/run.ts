import { spawn } from 'node:child_process';
import { glob, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheRoot } from './vm/artefacts/cache.ts';

/**
 * The test command: checks, tests on values, tests on real parts, scenarios in virtual machines. The last line counts all.
 * `node test/run.ts check unit host vm` runs the named parts only.
 */

type Count = { passed: number; failed: number };
type Part = { readonly name: string; readonly says: string; readonly run: () => Promise<Count> };

const top = dirname(import.meta.dirname);

/** Hundreds of programs are started from their sources: each start is half as long when Node keeps what it made of them. */
const compileCache = join(cacheRoot(), 'compile');
const say = (text: string): void => { process.stdout.write(`${text}\n`); };

const parts: readonly Part[] = [
  {
    name: 'check',
    says: 'types, lint, import direction, generated files',
    run: () => eachCommand([
      ['types', ['node_modules/.bin/tsc', '-p', '.']],
      ['lint', ['node_modules/.bin/eslint', '.']],
      ['import direction', ['node_modules/.bin/depcruise', '--config', '.dependency-cruiser.cjs', 'cmd', 'internal']],
      ['generated files', [process.execPath, 'build/generate.ts', '--check']],
    ]),
  },
  { name: 'unit', says: 'tests on values', run: async () => nodeTests((await testFiles()).filter((file) => !file.endsWith('.host.test.ts')), 2) },
  // Whole installations (test/) take longest and begin first, so that no core waits for them at the end.
  { name: 'host', says: 'tests on real parts of this machine', run: async () => nodeTests((await testFiles()).filter((file) => file.endsWith('.host.test.ts')).sort((a, b) => Number(b.startsWith('test/')) - Number(a.startsWith('test/'))), 2) },
  { name: 'vm', says: 'scenarios in virtual machines', run: vmScenarios },
];

async function testFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob('{cmd,internal,ignition,systemd-units,test,build,bench}/**/*.test.ts', { cwd: top })) files.push(file);
  return files.sort();
}

/** Commands that are one test each: output is shown only when it fails. */
async function eachCommand(commands: readonly (readonly [string, readonly string[]])[]): Promise<Count> {
  const count: Count = { passed: 0, failed: 0 };
  for (const [name, [program = '', ...args]] of commands) {
    const { status, output } = await run(program, args, false);
    say(`${status === 0 ? '✔' : '✖'} ${name}`);
    if (status !== 0) say(output);
    count[status === 0 ? 'passed' : 'failed'] += 1;
  }
  return count;
}

async function nodeTests(files: readonly string[], concurrency: number): Promise<Count> {
  if (files.length === 0) return { passed: 0, failed: 0 };
  const folder = await mkdtemp(join(tmpdir(), 'sno-ibi-tests-'));
  try {
    const tap = join(folder, 'tap');
    const { status } = await run(process.execPath, ['--test', `--test-concurrency=${concurrency}`, '--test-timeout=1200000', '--test-reporter=spec', '--test-reporter-destination=stdout', '--test-reporter=tap', `--test-reporter-destination=${tap}`, ...files], true);
    const text = await readFile(tap, 'utf8').catch(() => '');
    const number = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    const failed = number('fail') + number('cancelled');
    // A runner that died counted nothing: that is a failure, too.
    return { passed: number('pass'), failed: status !== 0 && failed === 0 ? 1 : failed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function vmScenarios(): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), 'sno-ibi-vm-'));
  try {
    const results = join(folder, 'results.json');
    const { status } = await run(process.execPath, ['test/vm/run.ts', 'all', '--results', results], true);
    const outcomes = JSON.parse(await readFile(results, 'utf8').catch(() => '[]')) as { name: string; passed: boolean }[];
    const failed = outcomes.filter(({ passed }) => !passed).length;
    return { passed: outcomes.length - failed, failed: status !== 0 && failed === 0 ? 1 : failed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], show: boolean): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: top, stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'], env: { ...process.env, NODE_COMPILE_CACHE: compileCache, NODE_TEST_CONTEXT: undefined } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    child.on('error', reject);
    child.on('close', (code) => { resolve({ status: code ?? 1, output }); });
  });
}

const wanted = process.argv.slice(2);
const total: Count = { passed: 0, failed: 0 };
for (const part of parts) {
  if (wanted.length > 0 && !wanted.includes(part.name)) continue;
  const started = Date.now();
  say(`\n== ${part.name}: ${part.says}`);
  const count = await part.run();
  total.passed += count.passed;
  total.failed += count.failed;
  say(`== ${part.name}: ${count.passed} passed, ${count.failed} failed in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}
say('');
say(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
