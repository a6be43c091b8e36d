import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type Test } from 'tap';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { openHost } from '../host/host.ts';
import { openPipe } from '../host/pipe.ts';
import { openLog } from '../log/log.ts';
import { openInflateThread } from './inflate-thread.ts';
import { chunks } from './test-seed.ts';

const host = openHost({ log: openLog({ program: 'test', write: () => undefined }), env: process.env });

const streamOf = (...parts: Buffer[]): Readable =>
  Readable.from(chunks(Buffer.concat(parts), 10_007), { objectMode: false });

async function inflatedBy(t: Test, archive: Readable): Promise<{ bytes: number; content: Buffer }> {
  const folder = mkdtempSync(join(tmpdir(), 'inflate-'));
  t.after(() => rm(folder, { recursive: true }));
  await using thread = openInflateThread();
  await using file = await open(join(folder, 'out'), 'w');
  const bytes = await thread.inflate(archive, file.fd);
  return { bytes, content: await readFile(join(folder, 'out')) };
}

await test('what comes out is what went in, also when it shrinks to a thousandth and when it does not shrink', async (t) => {
  const content = Buffer.concat([Buffer.alloc(3_000_000, 'a'), randomBytes(3_000_000), Buffer.alloc(262_144, 'b')]);
  const packed = gzipSync(content);
  const result = await inflatedBy(t, streamOf(packed));
  assert.ok(result.content.equals(content));
  assert.equal(result.bytes, packed.length);
});

await test('gzip members that follow one another are one archive, and zeros behind the last one are padding', async (t) => {
  const members = Array.from({ length: 40 }, () => randomBytes(20_000));
  const { content } = await inflatedBy(
    t,
    streamOf(...members.map((member) => gzipSync(member)), Buffer.alloc(600_000)),
  );
  assert.ok(content.equals(Buffer.concat(members)));
});

await test('a cut archive and a damaged one are told by the codes of zlib', async (t) => {
  const packed = gzipSync(randomBytes(500_000));
  await assert.rejects(inflatedBy(t, streamOf(packed.subarray(0, -20))), {
    code: 'Z_BUF_ERROR',
    message: 'unexpected end of file',
  });
  await assert.rejects(inflatedBy(t, streamOf(Buffer.from('this is no gzip'))), {
    code: 'Z_DATA_ERROR',
    message: 'incorrect header check',
  });
});

await test('nothing at all is no bytes', async (t) => {
  assert.deepEqual(await inflatedBy(t, streamOf(Buffer.alloc(0))), { bytes: 0, content: Buffer.alloc(0) });
});

await test('an archive that fails is told in its own words, and the thread takes the next one', async (t) => {
  await using thread = openInflateThread();
  const folder = mkdtempSync(join(tmpdir(), 'inflate-'));
  t.after(() => rm(folder, { recursive: true }));
  await using file = await open(join(folder, 'out'), 'w');
  const packed = gzipSync(randomBytes(500_000));
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield packed.subarray(0, 300_000);
    await turn();
    throw new Error('the line is down');
  };
  await assert.rejects(thread.inflate(broken(), file.fd), { message: 'the line is down' });
  assert.equal(await thread.inflate(streamOf(packed), file.fd), packed.length);
});

await test('a reader that leaves while the pipe is full lets the thread go', { timeout: 30_000 }, async () => {
  await using thread = openInflateThread();
  const pipe = await openPipe(host);
  await using writing = pipe.writing;
  const inflating = assert.rejects(thread.inflate(streamOf(gzipSync(Buffer.alloc(50_000_000))), writing.fd), {
    code: 'EPIPE',
  });
  await pipe.reading.read(Buffer.alloc(1000), 0, 1000, null);
  await pipe.reading.close();
  await inflating;
});
