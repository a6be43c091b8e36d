import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'tap';
import { openLog } from './log.ts';
import { createMeter, durationText } from './progress.ts';
import { createRedactor } from './redact.ts';
import { Secret } from './secret.ts';

await test('a Secret has no string form', async () => {
  const secret = new Secret('hunter2hunter2');
  for (const form of [
    String(secret),
    secret.toString(),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: [secret] }),
  ])
    assert.doesNotMatch(form, /hunter2/);
  assert.equal(secret.reveal(), 'hunter2hunter2');
});

await test('the redactor takes out credentials in every form that programs print', async () => {
  const { clean, conceal } = createRedactor();
  conceal('s3cr3t-canary');
  for (const text of [
    'Get https://user:pa55word@proxy.example:3128/v2/: EOF',
    '{"auths":{"quay.io":{"auth":"dXNlcjpwYTU1d29yZA=="}}}',
    "auth: 'dXNlcjpwYTU1d29yZA=='",
    'Authorization: Bearer abc.def.ghi-pa55word',
    'the canary is s3cr3t-canary!',
    `as base64: ${Buffer.from('s3cr3t-canary').toString('base64')}`,
    '-----BEGIN RSA PRIVATE KEY-----\npa55word\n-----END RSA PRIVATE KEY-----',
  ])
    assert.doesNotMatch(clean(text), /pa55word|dXNlcjpwYTU1d29yZA|s3cr3t|czNjcjN0/, text);
  assert.equal(clean('pull quay.io/a/b@sha256:0123'), 'pull quay.io/a/b@sha256:0123');
});

await test('lines carry a priority for the journal, and none elsewhere', async () => {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
  };
  openLog({ program: 'p', journal: true, write }).warn('odd');
  openLog({ program: 'p', write }).error('bad');
  assert.deepEqual(lines, ['<4>p: warning: odd\n', 'p: bad\n']);
});

await test('control characters of other programs do not reach the terminal', async () => {
  const lines: string[] = [];
  openLog({
    program: 'p',
    write: (line) => {
      lines.push(line);
    },
  }).info('a\u001b[31mred\u0007');
  assert.deepEqual(lines, ['p: a\\x1b[31mred\\x07\n']);
});

await test('the machine-readable log holds every event redacted, debug ones too', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'log-'));
  t.after(() => rm(folder, { recursive: true }));
  const log = openLog({ program: 'p', write: () => undefined, jsonFile: join(folder, 'p.jsonl') });
  log.conceal('canary-value');
  log.debug('run: x canary-value', { step: 'a' });
  const line = JSON.parse(await readFile(join(folder, 'p.jsonl'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual([line['program'], line['step'], line['msg']], ['p', 'a', 'p: run: x [redacted]']);
});

await test('a meter says amount, rate and time left', async () => {
  const meter = createMeter(0);
  meter.update({ done: 0, total: 1_180e6, unit: 'bytes' }, 0);
  meter.update({ done: 412e6, total: 1_180e6, unit: 'bytes' }, 4300);
  assert.equal(meter.text(4300), '412 of 1,180 MB, 96 MB/s, about 8.0 s left');
  assert.equal(durationText(200_000), '3 min 20 s');
});

await test('both numbers of a meter have the unit of the total', async () => {
  const meter = createMeter(0);
  meter.update({ done: 0, total: 985e3, unit: 'bytes' }, 0);
  meter.update({ done: 412e3, total: 985e3, unit: 'bytes' }, 4120);
  assert.equal(meter.text(4120), '412 of 985 kB, 100 kB/s, about 5.7 s left');
});
