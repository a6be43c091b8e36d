import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';

const folder = import.meta.dirname;
const units = readdirSync(folder).filter((name) => /\.(service|target|path)$/.test(name));

for (const unit of units) {
  const lines = readFileSync(join(folder, unit), 'utf8').split('\n');

  await test(`${unit} has a reason above each ordering line`, async () => {
    for (const [index, line] of lines.entries()) {
      if (/^(After|Before)=/.test(line)) {
        const above = lines
          .slice(0, index)
          .reverse()
          .find((text) => !/^(Wants|After|Before)=/.test(text));
        assert.match(above ?? '', /^#/, `${unit}: ${line}`);
      }
    }
  });

  await test(`${unit} has a paragraph in the README and a description that names the product`, async () => {
    assert.match(
      readFileSync(join(folder, 'README.md'), 'utf8'),
      new RegExp(`^\\*\\*${unit.replace('.', '\\.')}\\*\\*`, 'm'),
    );
    assert.ok(lines.some((line) => line.startsWith('Description=Image-based install: ')));
  });
}

await test('the shell, not systemd, expands the variables of a command', async () => {
  // systemd puts nothing in the place of a name that it does not know, "${address%/*}" among them
  for (const unit of units)
    assert.doesNotMatch(readFileSync(join(folder, unit), 'utf8'), /^Exec\w+=.*(?<!\$)\$[({a-z]/m, unit);
});

await test('systemd accepts the units', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'units-'));
  t.after(() => {
    rmSync(root, { recursive: true });
  });
  // Verification wants the programs to exist; stand-ins in a copy keep it to the units themselves.
  const program = join(root, 'program');
  writeFileSync(program, '#!/bin/sh\n');
  chmodSync(program, 0o755);
  mkdirSync(join(root, 'units'));
  for (const unit of units)
    writeFileSync(
      join(root, 'units', unit),
      readFileSync(join(folder, unit), 'utf8')
        .replaceAll(/^(Exec\w+=-?)\/\S+/gm, `$1${program}`)
        .replace('@SEED_IMAGE@', 'r/seed:1')
        .replace(/^Documentation=.*\n/m, ''),
    );
  const { status, stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['verify', '--man=no', ...units.map((unit) => join(root, 'units', unit))],
    { encoding: 'utf8', env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' } },
  );
  const ours = `${stdout}${stderr}`.split('\n').filter((line) => units.some((unit) => line.includes(unit)));
  assert.deepEqual(ours, []);
  assert.equal(status, 0, stderr);
});
