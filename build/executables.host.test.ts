import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'tap';
import { packed } from './executable.ts';

/** The built files, as the set-up leaves them; built here when somebody runs this file alone in a fresh checkout. */
const top = dirname(import.meta.dirname);
const dist = join(top, 'dist');
const names = ['ibi', 'post-pivot', 'precache-extract', 'recert', 'lca-cli'];
if (!existsSync(join(dist, 'ibi'))) execFileSync(process.execPath, [join(top, 'build/build.ts')], { stdio: 'ignore' });

const call = (program: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } => {
  const folder = mkdtempSync(join(tmpdir(), 'exe-'));
  try {
    return spawnSync(join(dist, program), args, {
      encoding: 'utf8',
      cwd: folder,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

// These calls are the product's own on this machine: what they leave is taken away, unless it was there before.
const traces = ['/var/lib/ibi', '/run/ibi'].filter((folder) => !existsSync(folder));
after(() => {
  for (const folder of traces) rmSync(folder, { recursive: true, force: true });
});

/** The highest version of glibc that a file asks for. */
function glibcOf(file: string): string {
  const wanted = [
    ...execFileSync('readelf', ['--version-info', '--wide', file], {
      encoding: 'utf8',
      maxBuffer: 1e8,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).matchAll(/Name: GLIBC_(\d+\.\d+)/g),
  ].map((match) => match[1] ?? '');
  return wanted.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? '';
}

for (const folder of [dist, join(dist, 'arm64')]) {
  await test(`${folder === dist ? 'x86_64' : 'arm64'}: one file under all names, at most 112 MB`, async () => {
    const inodes = new Set(names.map((name) => statSync(join(folder, name)).ino));
    assert.equal(inodes.size, 1);
    assert.ok(statSync(join(folder, 'ibi')).size <= 112e6, `${statSync(join(folder, 'ibi')).size} bytes`);
  });

  await test(`${folder === dist ? 'x86_64' : 'arm64'}: needs no glibc newer than that of RHEL 9`, async () => {
    const [major = 0, minor = 0] = glibcOf(join(folder, 'ibi')).split('.').map(Number);
    assert.ok(major === 2 && minor > 0 && minor <= 34, `GLIBC_${major}.${minor}`);
  });
}

await test('the arm64 file is for that machine and carries the same programs', async () => {
  const header = readFileSync(join(dist, 'arm64/ibi'));
  assert.equal(header.readUInt16LE(18), 183, 'EM_AARCH64');
  assert.ok(header.includes(packed(readFileSync(join(dist, 'programs.cjs')))), 'the bundle is in it');
});

await test('a build asks no network for anything: in a network namespace of its own it makes the same files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'no-network-'));
  try {
    execFileSync('unshare', ['--net', process.execPath, join(top, 'build/build.ts'), folder], { stdio: 'pipe' });
    for (const file of ['start.cjs', 'programs.cjs'])
      assert.ok(
        readFileSync(join(folder, file)).equals(readFileSync(join(dist, file))),
        `${file} differs; if dist/ is of other sources, run: npm run setup`,
      );
    assert.match(execFileSync(join(folder, 'ibi'), ['--version'], { encoding: 'utf8' }), /^ibi \d/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

await test('nothing of the test framework reaches the executable: no NODE_OPTIONS, not even with the environment of this test', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'environment-'));
  try {
    writeFileSync(
      join(folder, 'lsblk'),
      '#!/bin/sh\ntr "\\000" "\\n" < "/proc/$PPID/environ" > "$(dirname "$0")/environment"\nexit 1\n',
      { mode: 0o755 },
    );
    spawnSync(join(dist, 'ibi'), ['disks'], {
      env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
    });
    const environment = readFileSync(join(folder, 'environment'), 'utf8');
    assert.match(environment, /^PATH=/m);
    assert.doesNotMatch(environment, /^NODE_OPTIONS=/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

await test('the name decides, and --version gives version, commit and Node version', async () => {
  for (const name of names)
    assert.match(
      call(name, '--version').stdout,
      new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\([0-9a-f]+\\+?\\), Node v24\\.`),
    );
});

await test('programs that are not built yet say so and exit 2', async () => {
  for (const name of ['precache-extract']) {
    const { status, stderr } = call(name);
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(`^${name}: this program is not part of version .* yet\n$`));
  }
  assert.equal(call('lca-cli', 'init-monitor').status, 2);
});

await test("the reference's command line works: lca-cli ibi -f FILE, with global flags on either side", async () => {
  for (const args of [
    ['ibi', '-f', '/nonexistent.json'],
    ['-v', 'ibi', '-f', '/nonexistent.json'],
    ['ibi', '--configuration-file', '/nonexistent.json', '-c'],
  ]) {
    const { status, stderr } = call('lca-cli', ...args);
    assert.equal(status, 2, stderr);
    assert.match(
      stderr,
      /what: {4}Error reading configuration file: configuration file \/nonexistent.json does not exist/,
    );
  }
});

await test('a wrong command line is one line, the way out, and exit 2', async () => {
  const { status, stderr } = call('ibi', '--colour');
  assert.deepEqual([status, stderr], [2, "ibi: unknown option '--colour'\nnext: ibi --help\n"]);
  assert.equal(
    call('lca-cli', 'upgrade').stderr,
    'lca-cli: unknown command "upgrade"\nnext: lca-cli ibi -f FILE, or lca-cli post-pivot\n',
  );
  assert.equal(call('ibi', 'run', '--from', 'nowhere').status, 2);
  assert.equal(call('ibi', 'run', '--progress-fd', '77').stderr.split('\n')[0], 'ibi: --progress-fd 77 is not open');
});

await test('help fits 80 columns and names every step flag', async () => {
  for (const args of [['--help'], ['run', '--help'], ['timeline', '--help'], ['gather', '--help']]) {
    const { status, stdout } = call('ibi', ...args);
    assert.equal(status, 0);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  }
  for (const flag of ['--from', '--only', '--again', '--progress-fd', '--reinstall-finished-disk', '--json'])
    assert.match(call('ibi', 'run', '--help').stdout, new RegExp(flag));
});
