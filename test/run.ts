import { createWriteStream, mkdirSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { t } from 'tap';
import { buildPeersBeside, missingPeers } from './peers.ts';
import { openTally } from './tally.ts';
import { commandTest, fileTests, scenarioTests } from './test-parts.ts';
import { cacheRoot } from './vm/artefacts/cache.ts';

/**
 * The test command, a tap program: `node test/run.ts [check] [unit] [host] [vm] [first-boot] [FILE…] [--all] [--slowest]`. Files are run alone, as the whole
 * run would run them.
 *
 * Two tiers. Without `--all`: what tells whether a change is right. With it (`npm run test:all`): all scenarios, kill points and sizes, too, and
 * the files named `*.long.test.ts`; what a test does more in that tier it learns from `tier.ts`.
 *
 * It is no `tap run`: that puts NODE_OPTIONS into every child, which executables of Node's single format obey, so that the tests would no longer
 * try what ships. The last line counts all.
 */

const top = dirname(import.meta.dirname);
const words = process.argv.slice(2);
const all = words.includes('--all');
const wanted = words.filter((word) => !word.startsWith('--'));
const files = wanted.filter((word) => word.endsWith('.test.ts'));

type Part = { readonly name: string; readonly says: string; readonly run: () => Promise<void> };

const parts: readonly Part[] = [
  {
    name: 'check',
    says: 'types, lint, form, import direction, references, generated files',
    run: async () => {
      const checks = {
        lint: ['node_modules/.bin/eslint', '.'],
        'form (npm run format)': ['node_modules/.bin/prettier', '--check', '--log-level', 'warn', '.'],
        types: ['node_modules/.bin/tsc', '-p', '.'],
        'import direction': ['node_modules/.bin/depcruise', '--config', '.dependency-cruiser.cjs', 'cmd', 'internal'],
        'generated files': [process.execPath, 'build/generate.ts', '--check'],
        references: [process.execPath, 'build/check-references.ts'],
      };
      await Promise.all(Object.entries(checks).map(([name, command]) => commandTest(name, command, tally)));
    },
  },
  { name: 'unit', says: 'tests on values', run: async () => fileTests(await testFiles('unit'), tally) },
  {
    name: 'host',
    says: 'tests on real parts of this machine',
    run: async () => fileTests(await testFiles('host'), tally),
  },
  {
    name: 'vm',
    says: all ? 'every scenario in virtual machines' : 'an installation in a virtual machine',
    run: () => scenarioTests('vm', [all ? 'every' : 'all'], tally),
  },
  {
    name: 'first-boot',
    says: all ? 'every scenario of the first boot' : 'a first boot, from the medium to the API',
    run: () => scenarioTests('first-boot', [all ? 'every' : 'straight'], tally),
  },
];

/** The files of a part. Whole installations (test/) take longest and begin first, so that no core waits for them at the end. */
async function testFiles(part: 'unit' | 'host'): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob('{cmd,internal,ignition,systemd-units,test,build,bench}/**/*.test.ts', { cwd: top }))
    files.push(file);
  const kindOf = (file: string): string => /\.(host|long)\.test\.ts$/.exec(file)?.[1] ?? 'unit';
  const chosen = files
    .sort()
    .filter((file) => kindOf(file) === part || (part === 'host' && all && kindOf(file) === 'long'));
  return part === 'unit'
    ? chosen
    : chosen.sort((a, b) => Number(b.startsWith('test/')) - Number(a.startsWith('test/')));
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const named: Part = { name: 'files', says: 'as named', run: () => fileTests(files, tally) };
const chosen = files.length > 0 ? [named] : parts.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

const record = join(cacheRoot(), 'results/tests.tap');
mkdirSync(dirname(record), { recursive: true });
t.pipe(createWriteStream(record));
// One more than there are cores: much of a test on real parts is waiting for a disk.
t.jobs = availableParallelism() + 1;
t.setTimeout(0);
const tally = openTally(say);

if (all) process.env['SNO_IBI_TESTS'] = 'all';
const missing = chosen.some(({ name }) => ['host', 'vm', 'first-boot'].includes(name)) ? await missingPeers() : [];
if (missing.length > 0) {
  say(
    `to be built first, once for this machine, beside the tests: ${missing.map(({ name, says }) => `${name} (${says})`).join(', ')}`,
  );
}
await using peers = missing.length > 0 ? buildPeersBeside(say) : undefined;

for (const { name, says, run } of chosen) {
  tally.begin(name, says);
  await run();
  tally.end(name);
}
await peers?.done;
if (words.includes('--slowest')) tally.slowest(20);
process.exitCode = tally.close(record);
