import { spawnSync } from 'node:child_process';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/**
 * `npm run coverage`: how much of the pure rooms their own tests run, line by line and branch by branch, and every file below the mark.
 * This is the one place that uses `tap run`: nothing that ships is started here.
 */
const rooms = ['config', 'image', 'pki', 'edit', 'wire'] as const;
const mark = 85;

const top = dirname(import.meta.dirname);
const files = await Array.fromAsync(glob(`internal/{${rooms.join(',')}}/*.test.ts`, { cwd: top }));
const { status } = spawnSync(
  join(top, 'node_modules/.bin/tap'),
  [
    'run',
    '--allow-incomplete-coverage',
    '--allow-empty-coverage',
    '--coverage-report=json-summary',
    '--reporter=silent',
    '--jobs=2',
    '--timeout=1200',
    ...files.sort(),
  ],
  { cwd: top, stdio: 'inherit' },
);

type Share = { readonly total: number; readonly covered: number };
type Covered = { readonly lines: Share; readonly branches: Share };

const summary = JSON.parse(await readFile(join(top, '.tap/report/coverage-summary.json'), 'utf8')) as Record<
  string,
  Covered
>; // the shape of istanbul's json-summary
const byFile = Object.entries(summary).map(([path, covered]) => ({ path: relative(top, path), ...covered }));
const percent = (shares: readonly Share[]): number =>
  (100 * shares.reduce((sum, { covered }) => sum + covered, 0)) / shares.reduce((sum, { total }) => sum + total, 0);
const row = (name: string, some: readonly Covered[]): string =>
  `${name.padEnd(40)} ${percent(some.map(({ lines }) => lines)).toFixed(1)} % lines  ${percent(some.map(({ branches }) => branches)).toFixed(1)} % branches\n`;

const all = byFile.filter(
  ({ path }) => !path.includes('/test-') && rooms.some((room) => path.startsWith(`internal/${room}/`)),
);
for (const room of rooms)
  process.stdout.write(
    row(
      room,
      all.filter(({ path }) => path.startsWith(`internal/${room}/`)),
    ),
  );
process.stdout.write(row('all', all));
const low = all.filter(({ lines, branches }) => percent([lines]) < mark || percent([branches]) < mark);
if (low.length > 0) process.stdout.write(`\nbelow ${mark} %:\n${low.map((one) => row(one.path, [one])).join('')}`);
process.exitCode = status ?? 1;
