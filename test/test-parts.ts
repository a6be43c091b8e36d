import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { t } from 'tap';
import type { Failed, Tally } from './tally.ts';
import { cacheRoot } from './vm/artefacts/cache.ts';

const top = dirname(import.meta.dirname);

/** Hundreds of programs are started from their sources: each start is half as long when Node keeps what it made of them. */
const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  NODE_COMPILE_CACHE: join(cacheRoot(), 'compile'),
  TAP_TIMEOUT: String(fileBudgetSeconds),
});

/** For one file, whatever load the machine has: it ends what hangs, and says nothing of speed. */
const fileBudgetSeconds = 3 * 3600;

/** Without a result for so long a file hangs. The longest single test is one of many whole installations. */
const silenceMs = 20 * 60_000;

/** Files of tests, some at a time, each a process of its own: what a file leaves in its process harms no other. */
export async function fileTests(files: readonly string[], tally: Tally): Promise<void> {
  await Promise.all(files.map((file) => fileTest(file, tally)));
}

async function fileTest(file: string, tally: Tally): Promise<void> {
  let startedMs = performance.now();
  const failed: Failed[] = [];
  const skipped: { name: string; reason: string }[] = [];
  const notes: string[] = [];
  let passed = 0;
  // tap puts NODE_OPTIONS into what it spawns, and a file's children would inherit it, the executables that are tested among them: env takes it
  // away. Buffered: two files at a time, and each one's lines together.
  const ended = t.spawn(
    'env',
    ['--unset=NODE_OPTIONS', process.execPath, file],
    { buffered: true, timeout: fileBudgetSeconds * 1000, env: environment(), cwd: top },
    file,
  );
  let silence: NodeJS.Timeout | undefined;
  ended.subtest?.on('process', (child) => {
    startedMs = performance.now();
    silence = setTimeout(() => {
      failed.push({ name: 'the file', text: `no test has ended for ${silenceMs / 60_000} minutes` });
      child.kill('SIGKILL');
    }, silenceMs);
  });
  const parser = ended.subtest?.parser;
  const nameOf = (fullname: string): string => fullname.replace(`${file} > `, '');
  parser?.on('result', ({ ok, fullname, skip, diag }: TestPoint) => {
    silence?.refresh();
    if (skip !== false) skipped.push({ name: nameOf(fullname), reason: skip === true ? 'no reason given' : skip });
    else if (ok) passed += 1;
    else failed.push({ name: nameOf(fullname), text: diagnosis(diag) });
  });
  hearComments(parser, (text) => {
    notes.push(text);
  });
  const { ok } = (await ended) ?? { ok: false };
  clearTimeout(silence);
  if (!ok && failed.length === 0)
    failed.push({ name: 'the file', text: `ended without a result; see it alone: node ${file}` });
  tally.add({ name: file, ms: performance.now() - startedMs, passed, failed, skipped });
  for (const note of notes) tally.note(note);
}

/** What is used of a test point of tap's parser. */
type TestPoint = {
  readonly ok: boolean;
  readonly fullname: string;
  readonly skip: boolean | string;
  readonly diag: unknown;
};

type Parser = NonNullable<ReturnType<typeof t.spawn>['subtest']>['parser'];

/** What tests say beside (measurements, counts), at any depth; tap's own counts and times are not it. */
function hearComments(parser: Parser | undefined, hear: (text: string) => void): void {
  parser?.on('comment', (line: string) => {
    const text = line.replace(/^#\s*/, '').trim();
    if (text !== '' && !/^(Subtest|time=|\{ total)/.test(text)) hear(text);
  });
  parser?.on('child', (child: Parser) => {
    hearComments(child, hear);
  });
}

function diagnosis(diag: unknown): string {
  const { message, diff, stack, ...more } = (diag ?? {}) as {
    message?: string;
    diff?: string;
    stack?: string;
  } & Record<string, unknown>; // tap's own shape
  const rest = Object.entries(more).filter(([name]) =>
    ['exitCode', 'signal', 'timeout', 'actual', 'expected', 'source'].includes(name),
  );
  return [
    message,
    diff === 'simple' ? undefined : diff,
    stack,
    ...rest.map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`),
  ]
    .filter((part) => part !== undefined)
    .join('\n');
}

/** A command that is one test: its output is shown only when it fails. */
export async function commandTest(
  name: string,
  [program = '', ...args]: readonly string[],
  tally: Tally,
): Promise<void> {
  await t.test(name, { buffered: true }, async (one) => {
    const startedMs = performance.now();
    const { status, output } = await run(program, args, false);
    one.equal(status, 0, name);
    tally.add({
      name,
      ms: performance.now() - startedMs,
      passed: status === 0 ? 1 : 0,
      failed: status === 0 ? [] : [{ name, text: output }],
      skipped: [],
    });
  });
}

/** Scenarios of a lab (test/vm, test/first-boot), one after the other: two machines at once on two cores cost more than they save (test/vm/README.md). */
export async function scenarioTests(lab: 'vm' | 'first-boot', which: readonly string[], tally: Tally): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sno-ibi-vm-'));
  try {
    const results = join(folder, 'results.json');
    await t.test(`scenarios of ${lab}`, async (all) => {
      const { status } = await run(process.execPath, [`test/${lab}/run.ts`, ...which, '--results', results], true);
      const outcomes = JSON.parse(await readFile(results, 'utf8').catch(() => '[]')) as {
        name: string;
        passed: boolean;
        seconds: number;
        error?: string;
      }[]; // our own file
      for (const { name, passed, seconds, error = 'see above' } of outcomes) {
        all.ok(passed, name);
        tally.add({
          name: `scenario ${name}`,
          ms: seconds * 1000,
          passed: passed ? 1 : 0,
          failed: passed ? [] : [{ name, text: error }],
          skipped: [],
        });
      }
      const unsaid = status !== 0 && outcomes.every(({ passed }) => passed);
      all.notOk(unsaid, 'the lab says what failed');
      if (unsaid)
        tally.add({
          name: 'scenarios',
          ms: 0,
          passed: 0,
          failed: [{ name: 'scenarios', text: `test/${lab}/run.ts ended with exit status ${status}` }],
          skipped: [],
        });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], show: boolean): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: top,
      stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
      env: environment(),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ status: code ?? 1, output });
    });
  });
}
