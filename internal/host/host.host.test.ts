import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type Test } from 'tap';
import { CommandError } from '../errors/errors.ts';
import { openLog } from '../log/log.ts';
import { writeFileDurably } from './files.ts';
import { endedWith, openHost, type Host } from './host.ts';
import { parseMountTable } from './mounts.ts';
import { showCommand } from './run.ts';

const hostWith = (env: Record<string, string> = {}, stop?: AbortSignal, lines: string[] = []): Host =>
  openHost({
    log: openLog({
      program: 'test',
      verbose: true,
      write: (line) => {
        lines.push(line);
      },
    }),
    env: { ...process.env, ...env },
    ...(stop === undefined ? {} : { stop }),
  });
const host = hostWith();

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'host-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A zombie is dead: on machines without a real init nobody fetches its status. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const failed = async (promise: Promise<unknown>): Promise<CommandError> => {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof CommandError, String(error));
    return error;
  }
  throw new Error('it did not fail');
};

await test('output is data, talk is talk, and the two never mix', async () => {
  const { stdout, stderr, status } = await host.run('sh', ['-c', 'echo data; echo talk >&2']);
  assert.deepEqual([stdout, stderr, status], ['data\n', 'talk\n', 0]);
});

await test('arguments reach the program as they are: no shell looks at them', async () => {
  assert.equal(await host.text('printf', ['%s|', '$HOME', '`x`', 'a b', '"q"', '*']), '$HOME|`x`|a b|"q"|*|');
});

await test('the error of a failing program carries command, ending and last words', async () => {
  const error = await failed(host.run('sh', ['-c', 'echo one >&2; echo two >&2; exit 4']));
  assert.equal(error.message, 'sh: exit status 4: two');
  assert.equal(error.stderrTail, 'one\ntwo');
  assert.equal(error.command, "sh -c 'echo one >&2; echo two >&2; exit 4'");
  assert.ok(endedWith(error, 4));
});

await test('a missing program is named as missing', async () => {
  const error = await failed(host.run('no-such-program'));
  assert.equal(error.message, 'no-such-program: program not found on this machine');
  assert.equal(error.next, 'install the program "no-such-program" or put it on PATH');
});

await test('a hanging program is ended with its children when its budget is spent', async (t) => {
  const path = join(await folder(t), 'pid');
  const error = await failed(host.run('bash', ['-c', `sleep 100 & echo $! > ${path}; wait`], { budgetMs: 300 }));
  assert.equal(error.end.kind, 'budget');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(isAlive(Number(await readFile(path, 'utf8'))), false);
});

await test('a stop request ends a program, unless it is to finish', async () => {
  const stop = new AbortController();
  const stopped = hostWith({}, stop.signal);
  setTimeout(() => {
    stop.abort();
  }, 200);
  const [killed, finished] = await Promise.all([
    failed(stopped.run('sleep', ['30'])),
    stopped.run('sh', ['-c', 'sleep 0.6; echo whole'], { onStop: 'finish' }),
  ]);
  assert.equal(killed.end.kind, 'stopped');
  assert.equal(finished.stdout, 'whole\n');
  assert.equal((await failed(stopped.run('true'))).end.kind, 'stopped', 'nothing is started any more');
});

await test('a program dies with us, also when we are killed without warning', async (t) => {
  const path = join(await folder(t), 'pid');
  const script = `
    const { openHost } = await import(${JSON.stringify(join(import.meta.dirname, 'host.ts'))});
    const { openLog } = await import(${JSON.stringify(join(import.meta.dirname, '../log/log.ts'))});
    await openHost({ log: openLog({ program: 'x', write: () => {} }), env: process.env }).run('sh', ['-c', 'echo $$ > ${path}; exec sleep 100'], { budgetMs: Infinity });`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
  let pid = 0;
  while (pid === 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    pid = Number(await readFile(path, 'utf8').catch(() => '0'));
  }
  assert.ok(isAlive(pid));
  parent.kill('SIGKILL');
  await new Promise((resolve) => {
    parent.once('exit', resolve);
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(isAlive(pid), false);
});

await test('a stream is fed to a program with back-pressure, and a program that ends early does not hang us', async () => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(65536);
    })(),
    { objectMode: false },
  );
  const { stdout } = await host.run('sh', ['-c', 'head -c 1000000 | wc -c'], { input: endless, budgetMs: 10_000 });
  assert.equal(stdout.trim(), '1000000');
});

await test('secrets in what a program says do not reach the error or the log', async () => {
  const lines: string[] = [];
  const talking = hostWith({}, undefined, lines);
  talking.log.conceal('canary-of-the-host');
  const error = await failed(
    talking.run('sh', [
      '-c',
      'echo "password=hunter2hunter2 canary-of-the-host" >&2; echo canary-of-the-host; exit 1',
      'canary-of-the-host',
    ]),
  );
  for (const piece of [error.message, error.command, error.stderrTail, error.stdoutTail, ...lines])
    assert.doesNotMatch(piece, /hunter2|canary-of-the-host/);
});

await test('exit status 1 is an answer for test(), and 2 is an error', async () => {
  assert.equal(await host.test('true'), true);
  assert.equal(await host.test('false'), false);
  await failed(host.test('sh', ['-c', 'exit 2']));
});

await test('JSON that is not what was expected is named with its program', async () => {
  const schema = { parse: (data: unknown): unknown => data };
  await assert.rejects(host.json(schema, 'echo', ['no json']), {
    message: 'echo printed something that is not the expected JSON',
  });
});

await test('a command is shown as a person would type it', async () => {
  assert.equal(
    showCommand('podman', ['pull', '--authfile=/a', "it's", 'a b']),
    "podman pull --authfile=/a 'it'\\''s' 'a b'",
  );
});

await test('a durable write replaces the file at once, with its mode, and leaves no temporary file', async (t) => {
  const top = await folder(t);
  const path = join(top, 'deep/state.json');
  await writeFileDurably(path, 'one');
  await chmod(path, 0o640);
  await writeFileDurably(path, 'two', { mode: 0o644 });
  assert.equal(await readFile(path, 'utf8'), 'two');
  assert.equal((await stat(path)).mode & 0o777, 0o644);
  assert.deepEqual(await readdir(join(top, 'deep')), ['state.json']);
});

await test('a durable write that fails leaves the old file and no temporary one', async (t) => {
  const top = await folder(t);
  await writeFile(join(top, 'x'), 'old');
  await assert.rejects(writeFileDurably(join(top, 'x/y'), 'new'));
  assert.deepEqual(await readdir(top), ['x']);
});

await test('mount points with blanks and backslashes are read as they are', async () => {
  const [entry] = parseMountTable(
    '36 35 98:0 /mnt1 /mnt\\0402\\134x rw,noatime shared:1 master:1 - ext4 /dev/my\\040root rw,errors=continue\n',
  );
  assert.deepEqual(
    [entry?.target, entry?.source, entry?.root, entry?.device, entry?.type],
    ['/mnt 2\\x', '/dev/my root', '/mnt1', '98:0', 'ext4'],
  );
});
