import assert from 'node:assert/strict';
import { verify } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { openHost } from '../../host/host.ts';
import { openLog } from '../../log/log.ts';
import { chainFaults } from '../../pki/chain.ts';
import type { KeyShape } from '../../pki/keys.ts';
import { isJwtSignedBy, readJwt, resignJwt } from '../../pki/jwt.ts';
import { resign } from '../../pki/resign.ts';
import { extension } from '../../../test/certificates/extensions.ts';
import { cn, makeCertificate } from '../../../test/certificates/make.ts';
import { nodeKeyMaker } from '../../pki/signer.ts';
import { openCrypto } from './crypto.ts';
import { openKeyWorkers } from './key-workers.ts';
import { openOpenssl } from './openssl.ts';

const said: string[] = [];
const host = openHost({
  log: openLog({
    program: 'test',
    write: (line) => {
      said.push(line);
    },
    verbose: true,
  }),
  env: process.env,
});
const shapes: readonly KeyShape[] = [
  { type: 'rsa', bits: 2048 },
  { type: 'ec', curve: 'P-256' },
  { type: 'ec', curve: 'P-384' },
  { type: 'ec', curve: 'P-521' },
  { type: 'ed25519' },
];

test("in FIPS mode the host's openssl makes keys of every kind and signs certificates and tokens, and no key is in an argument", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fips-'));
  {
    await using crypto = await openOpenssl(host, folder);
    assert.equal(crypto.by, 'openssl');
    for (const shape of shapes) {
      const old = await nodeKeyMaker.make(shape);
      const root = await makeCertificate({
        subject: cn('root'),
        key: old,
        keyIds: 'rfc5280-1',
        extensions: [extension.basicConstraints(true)],
      });
      const key = await crypto.keyMaker.make(shape);
      assert.deepEqual(key.public.shape, shape);
      const { certificate } = await resign(root, {
        newKey: key.public,
        signer: crypto.signerOf(key),
        authority: 'self',
        serial: 'keep',
        validity: 'keep',
      });
      assert.deepEqual(chainFaults(certificate, certificate), []);
      // A key that was given, not made, is signed with as well.
      const signature = await crypto
        .signerOf(old)
        .sign(Buffer.from('x'), shape.type === 'ed25519' ? undefined : 'sha256');
      assert.ok(
        verify(shape.type === 'ed25519' ? undefined : 'sha256', Buffer.from('x'), old.public.object, signature),
      );
    }
    const [head, body] = [{ alg: 'RS256', kid: 'old' }, { sub: 'x' }].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    const jwt = readJwt(`${head ?? ''}.${body ?? ''}.AAAA`);
    assert.ok(jwt);
    const key = await crypto.keyMaker.make({ type: 'rsa', bits: 2048 });
    const fresh = readJwt(await resignJwt(jwt, crypto.signerOf(key)));
    assert.ok(fresh !== undefined && isJwtSignedBy(fresh, key.public));
    const [own] = readdirSync(folder);
    assert.match(own ?? '', /^recert-/);
  }
  assert.deepEqual(readdirSync(folder), [], 'the folder with the keys is gone');
  assert.ok(
    said.some((line) => line.includes('openssl genpkey')),
    'commands are in the log',
  );
  assert.ok(!said.some((line) => /PRIVATE KEY|MII/.test(line)), 'and no key is');
  await rm(folder, { recursive: true });
});

test('a run that ends while openssl still makes keys leaves neither a key nor its folder behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fips-'));
  const crypto = await openOpenssl(host, folder, 2);
  const asked = Array.from({ length: 6 }, () =>
    crypto.keyMaker.make({ type: 'rsa', bits: 2048 }).then(
      () => 'made',
      (error: unknown) => String(error),
    ),
  );
  await new Promise((resolve) => {
    setTimeout(resolve, 30);
  });
  await crypto[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(folder), []);
  assert.deepEqual(
    new Set(await Promise.all(asked)),
    new Set(['made', 'Failure: the run that asked for a key has ended']),
  );
  await rm(folder, { recursive: true });
});

test('threads of our own make keys of every kind, several at once', async () => {
  await using workers = openKeyWorkers(3);
  const keys = await Promise.all([...shapes, ...shapes].map((shape) => workers.make(shape)));
  assert.deepEqual(
    keys.map((key) => key.public.shape),
    [...shapes, ...shapes],
  );
  assert.equal(new Set(keys.map((key) => key.public.id)).size, 10);
});

test('a host with more CPUs than libuv has threads gets threads of its own', async () => {
  await using crypto = await openCrypto(host, false, 5);
  assert.equal(crypto.by, 'node');
  assert.notEqual(crypto.keyMaker, nodeKeyMaker);
  await using small = await openCrypto(host, false, 2);
  assert.equal(small.keyMaker, nodeKeyMaker);
  await crypto.keyMaker.make({ type: 'ec', curve: 'P-256' });
});

await test('threads of the lowest priority get the usual one in the middle of a key', async () => {
  const niceOf = async (): Promise<number[]> => {
    const tasks = await readdir('/proc/self/task');
    const stats = await Promise.all(
      tasks.map((task) => readFile(`/proc/self/task/${task}/stat`, 'utf8').catch(() => '')),
    );
    return stats.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16] ?? 0));
  };
  await using workers = openKeyWorkers(2, { idle: true });
  await workers.make({ type: 'ec', curve: 'P-256' });
  const keys = Promise.all([1, 2].map(() => workers.make({ type: 'rsa', bits: 4096 })));
  assert.ok((await niceOf()).includes(19), 'they run at the lowest priority');
  workers.hurry();
  assert.equal((await niceOf()).includes(19), false, 'they do not any more');
  await keys;
});
