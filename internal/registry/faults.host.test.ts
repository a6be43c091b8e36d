import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { startConnectProxy } from '../../test/connect-proxy.ts';
import { startFront, type Asked, type Fault } from '../../test/registry-front.ts';
import type { ServerCertificate } from '../../test/certificates/server.ts';
import { makeCertificates, makeLayer, pushImage, startPeer, startTokenServer } from '../../test/registry-peer.ts';
import { inspectAgreed } from './agreement.ts';
import { openEgress } from './egress.ts';
import { openRegistry, type Registry } from './registry.ts';
import { fetchWithSkopeo } from './skopeo.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';
import { RegistryFailure } from './trouble.ts';

const budget = { timeout: 60_000 };
const platform = { os: 'linux', architecture: 'amd64' };
const quick = { firstDelayMs: 20, longestDelayMs: 60 };

type Setup = {
  readonly conf: string;
  readonly certificates?: ServerCertificate;
  readonly auths?: Record<string, unknown>;
  readonly env?: Record<string, string>;
  readonly stallMs?: number;
};

async function open(
  at: Surroundings,
  { conf, certificates, auths, env = {}, stallMs = 5_000 }: Setup,
): Promise<Registry> {
  const path = join(at.folder, 'registries.conf');
  writeFileSync(path, conf);
  const authFile = join(at.folder, 'auth.json');
  writeFileSync(authFile, JSON.stringify({ auths: auths ?? {} }));
  const host = at.hostWith(env);
  const egress = await openEgress(host, {
    authFile,
    paths: {
      registriesConf: path,
      registriesFolders: [],
      caFolders: [],
      certFolders: [],
      caBundles: certificates === undefined ? [] : [certificates.caFile],
    },
  });
  return openRegistry(host, egress, { stallMs, patience: quick });
}

const insecure = (address: string): string => `[[registry]]\nlocation = "${address}"\ninsecure = true\n`;
const basic = (user: string, password: string): { auth: string } => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});

async function hashOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of stream as AsyncIterable<Buffer>) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}

async function failureOf(attempt: Promise<unknown>): Promise<RegistryFailure> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RegistryFailure, `expected a RegistryFailure, got ${String(error)}`);
  return error;
}

/** Streams the layer of a fresh image through a front whose answers to blob requests follow the list of faults, then pass. */
async function throughFaults(
  faults: readonly Fault[],
  stallMs?: number,
): Promise<{ failure?: RegistryFailure; hash?: string; wanted: string; size: number; asked: Asked[]; sent: number }> {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const layer = await makeLayer({ noise: randomBytes(2_000_000) }, 0);
  const pushed = await pushImage(peer, 'lab/seed', '1', [layer]);
  const digest = pushed.layers[0]?.digest ?? '';
  let blobs = 0;
  await using front = await startFront(peer, ({ path }) =>
    path.includes(digest) ? (faults[blobs++] ?? 'pass') : 'pass',
  );
  using registry = await open(at, { conf: insecure(front.address), ...(stallMs === undefined ? {} : { stallMs }) });
  const image = await registry.inspect(`${front.address}/lab/seed:1`, { platform });
  const [first] = image.layers;
  assert.ok(first);
  const common = { wanted: digest, size: layer.blob.length };
  const about = (): { asked: Asked[]; sent: number } => ({
    asked: front.asked.filter(({ path }) => path.includes(digest)),
    sent: front.layerBytes(),
  });
  try {
    const hash = await hashOf(registry.openBlob(image, first));
    return { hash, ...common, ...about() };
  } catch (error) {
    assert.ok(error instanceof RegistryFailure, String(error));
    return { failure: error, ...common, ...about() };
  }
}

test('a blob survives cut connections and asks only for the rest', budget, async () => {
  const got = await throughFaults([{ cutAfter: 300_000 }, { cutAfter: 500_000 }, { cutAfter: 0 }]);
  assert.equal(got.hash, got.wanted);
  assert.deepEqual(
    got.asked.map(({ headers }) => headers.range),
    [undefined, 'bytes=300000-', 'bytes=800000-', 'bytes=800000-'],
  );
  assert.equal(got.sent, got.size);
});

test('a blob survives a registry that ignores ranges', budget, async () => {
  const got = await throughFaults([
    { cutAfter: 700_000 },
    { ignoreRange: true, cutAfter: 900_000 },
    { ignoreRange: true },
  ]);
  assert.equal(got.hash, got.wanted);
});

test('a blob survives silence', budget, async () => {
  const got = await throughFaults([{ stallAfter: 400_000 }, { stallAfter: 0 }], 400);
  assert.equal(got.hash, got.wanted);
  assert.equal(got.asked.length, 3);
});

test('a blob survives 429 with Retry-After, 503 and 500', budget, async () => {
  const started = performance.now();
  const got = await throughFaults([
    { answer: 429, headers: { 'retry-after': '1' } },
    { answer: 503 },
    { cutAfter: 100 },
    { answer: 500 },
  ]);
  assert.equal(got.hash, got.wanted);
  assert.ok(performance.now() - started >= 1000);
});

test('a changed byte ends the stream with an error, never with success', budget, async () => {
  const got = await throughFaults([{ corrupt: true }]);
  assert.equal(got.failure?.message, `blob "${got.wanted}" came with other content`);
  assert.equal(got.failure.kind, 'content');
  assert.equal(got.asked.length, 1);
});

test('an expired right to a blob is final at once', budget, async () => {
  const got = await throughFaults([
    { cutAfter: 1000 },
    { answer: 403, body: '{"errors":[{"code":"DENIED","message":"requested access is denied"}]}' },
  ]);
  assert.equal(got.failure?.kind, 'auth');
  assert.equal(got.asked.length, 2);
});

test('a blob that the registry no longer has is final and says where', budget, async () => {
  const got = await throughFaults([
    { answer: 404, body: '{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}' },
  ]);
  assert.match(
    got.failure?.message ?? '',
    /^registry "127\.0\.0\.1:\d+" does not have "127\.0\.0\.1:\d+\/lab\/seed@sha256:/,
  );
  assert.equal(got.failure?.why, 'it answered 404: blob unknown to registry');
});

test('a stopped registry is waited for until it is back', budget, async () => {
  await using at = await surroundings();
  const layer = await makeLayer({ noise: randomBytes(1_000_000) }, 0);
  const folder = join(at.folder, 'peer');
  await using peer = await startPeer({ folder });
  await pushImage(peer, 'lab/seed', '1', [layer]);
  using registry = await open(at, { conf: insecure(peer.address) });
  await peer.stop();
  const inspecting = registry.inspect(`${peer.address}/lab/seed:1`, { platform });
  await sleep(400);
  await using back = await startPeer({ folder, port: peer.port });
  assert.equal((await inspecting).location, `${back.address}/lab/seed`);
  assert.ok(
    at.lines.some((line) =>
      /^test: registry "127\.0\.0\.1:\d+" is not reachable \(the connection was refused\); trying again in 1 s$/m.test(
        line,
      ),
    ),
    at.lines.join(''),
  );
});

test('the second mirror finishes what the first began', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const pushed = await pushImage(peer, 'lab/seed', '1', [await makeLayer({ noise: randomBytes(1_000_000) }, 0)]);
  const digest = pushed.layers[0]?.digest ?? '';
  let cut = false;
  await using dying = await startFront(peer, ({ path }) => {
    if (cut) return { answer: 404 };
    if (!path.includes(digest)) return 'pass';
    cut = true;
    return { cutAfter: 300_000 };
  });
  await using steady = await startFront(peer);
  const conf = `[[registry]]\nlocation = "source.invalid"\n[[registry.mirror]]\nlocation = "${dying.address}"\ninsecure = true\n[[registry.mirror]]\nlocation = "${steady.address}"\ninsecure = true\n`;
  using registry = await open(at, { conf });
  const image = await registry.inspect('source.invalid/lab/seed:1', { platform });
  assert.equal(image.pinned, `source.invalid/lab/seed@${pushed.digest}`);
  assert.equal(image.location, `${dying.address}/lab/seed`);
  const [first] = image.layers;
  assert.ok(first);
  assert.equal(await hashOf(registry.openBlob(image, first)), digest);
  assert.equal(steady.asked.find(({ path }) => path.includes(digest))?.headers.range, 'bytes=300000-');
});

test('a mirror without the image and a source out of reach is a final answer that tells both', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  using registry = await open(at, {
    conf: `[[registry]]\nlocation = "127.0.0.1:1"\n[[registry.mirror]]\nlocation = "${peer.address}"\ninsecure = true\n`,
  });
  const failure = await failureOf(registry.inspect('127.0.0.1:1/lab/seed:1', { platform }));
  assert.equal(failure.message, 'no place gave "127.0.0.1:1/lab/seed:1"');
  assert.match(
    failure.why ?? '',
    /does not have .*manifest unknown\); registry "127\.0\.0\.1:1" is not reachable \(the connection was refused\)$/,
  );
  assert.equal(failure.transient, false);
});

test('tokens are fetched with the account, used for all requests and renewed when they run out', budget, async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  const account = { username: 'u', password: 'canary-token' };
  await using tokens = await startTokenServer(certificates, account);
  await using peer = await startPeer({
    folder: join(at.folder, 'peer'),
    certificates,
    tokens: { realm: tokens.realm, certificates },
  });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  const name = `${peer.address}/lab/seed:1`;
  using registry = await open(at, {
    conf: '',
    certificates,
    auths: { [peer.address]: basic(account.username, account.password) },
  });
  await registry.inspect(name, { platform });
  assert.deepEqual(tokens.asked, ['?account=u&service=test+registry&scope=repository%3Alab%2Fseed%3Apull']);
  tokens.lifeSeconds = 1;
  using short = await open(at, {
    conf: '',
    certificates,
    auths: { [peer.address]: basic(account.username, account.password) },
  });
  await short.inspect(name, { platform });
  await sleep(1_100);
  await short.inspect(name, { platform });
  assert.equal(tokens.asked.length, 3);

  using wrong = await open(at, { conf: '', certificates, auths: { [peer.address]: basic('u', 'canary-no') } });
  const failure = await failureOf(wrong.inspect(name, { platform }));
  assert.equal(failure.message, `registry "${peer.address}" refused the credentials for "${name}"`);
  assert.equal(failure.why, 'it answered 401: incorrect username or password');
  assert.ok(!at.lines.join('').includes('canary'));
});

test('credentials do not follow a redirect to another host', budget, async () => {
  await using at = await surroundings();
  const account = { username: 'u', password: 'p' };
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), account });
  await using storage = await startPeer({ folder: join(at.folder, 'storage') });
  const layer = await makeLayer({ noise: randomBytes(100_000) }, 0);
  const pushed = await pushImage(peer, 'lab/seed', '1', [layer]);
  await pushImage(storage, 'lab/seed', '1', [layer]);
  const digest = pushed.layers[0]?.digest ?? '';
  await using cdn = await startFront(storage);
  await using front = await startFront(peer, ({ path }) =>
    path.includes(digest) ? { redirect: `http://${cdn.address}${path}` } : 'pass',
  );
  using registry = await open(at, { conf: insecure(front.address), auths: { [front.address]: basic('u', 'p') } });
  const image = await registry.inspect(`${front.address}/lab/seed:1`, { platform });
  const [first] = image.layers;
  assert.ok(first);
  assert.equal(await hashOf(registry.openBlob(image, first)), digest);
  assert.ok(front.asked.some(({ headers }) => headers.authorization !== undefined));
  assert.deepEqual(
    cdn.asked.map(({ headers }) => headers.authorization),
    [undefined],
  );
});

test('a proxy is gone through by CONNECT with its credentials, and says so when it refuses them', budget, async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), certificates });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  const name = `registry.test:${peer.port}/lab/seed:1`;
  await using proxy = await startConnectProxy(`Basic ${Buffer.from('pu:canary#pw').toString('base64')}`);
  using registry = await open(at, {
    conf: '',
    certificates,
    env: { HTTPS_PROXY: `http://pu:canary%23pw@127.0.0.1:${proxy.port}` },
  });
  await registry.inspect(name, { platform });
  assert.deepEqual(new Set(proxy.targets), new Set([`registry.test:${peer.port}`]));
  assert.equal(proxy.targets.length, 1, 'one tunnel serves all requests');

  using wrong = await open(at, {
    conf: '',
    certificates,
    env: { https_proxy: `http://pu:canary-no@127.0.0.1:${proxy.port}` },
  });
  const failure = await failureOf(wrong.inspect(name, { platform }));
  assert.equal(failure.message, `proxy "127.0.0.1:${proxy.port}" refused the credentials`);
  assert.equal(failure.transient, false);
  assert.ok(!at.lines.join('').includes('canary'));
});

test('a reader that leaves ends the transfer, and a slow one is no silence', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const pushed = await pushImage(peer, 'lab/seed', '1', [await makeLayer({ noise: randomBytes(30_000_000) }, 0)]);
  using registry = await open(at, { conf: insecure(peer.address), stallMs: 300 });
  const image = await registry.inspect(`${peer.address}/lab/seed:1`, { platform });
  const [first] = image.layers;
  assert.ok(first);
  let received = 0;
  const slow = registry.openBlob(image, first, {
    onProgress: (bytes) => {
      received = bytes;
    },
  });
  let read = 0;
  for await (const piece of slow as AsyncIterable<Buffer>) {
    read += piece.length;
    if (read < 200_000) await sleep(400);
    else break;
  }
  assert.ok(received < 2_000_000, `read ahead ${received} bytes`);
  assert.ok(slow.destroyed);
  assert.equal(await hashOf(registry.openBlob(image, first)), pushed.layers[0]?.digest);
});

test('a stop ends a wait with "interrupted"', budget, async () => {
  const stop = new AbortController();
  await using at = await surroundings(stop.signal);
  using registry = await open(at, { conf: '' });
  const inspecting = registry.inspect('127.0.0.1:1/lab/seed:1', { platform });
  setTimeout(() => {
    stop.abort();
  }, 100);
  await assert.rejects(inspecting, { name: 'Interrupted', exitCode: 75 });
});

test('skopeo copies what may not be streamed into a folder, layer by layer', budget, async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), certificates });
  const pushed = await pushImage(peer, 'lab/seed', '1', [await makeLayer({ a: 'a' }), await makeLayer({ b: 'b' })], {
    config: { Labels: { l: 'v' } },
  });
  const policy = join(at.folder, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }] }));
  const host = at.hostWith({ SSL_CERT_FILE: certificates.caFile });
  const egress = await openEgress(host, { paths: { policy } });
  using registry = openRegistry(host, egress);
  const name = `${peer.address}/lab/seed:1`;
  assert.equal(registry.whyNotStreamed(name), `signature policy "${policy}" asks for "signedBy" (scope "default")`);
  const local = await fetchWithSkopeo(host, egress, name, join(at.folder, 'copy'), { platform, attempts: 1 });
  assert.equal(local.digest, pushed.digest);
  assert.deepEqual(
    local.layers.map(({ digest, size }) => [digest, size]),
    pushed.layers.map(({ digest, size }) => [digest, size]),
  );
  assert.deepEqual(local.config.labels, { l: 'v' });
});

test('credentials of a helper are left to skopeo, which also inspects', budget, async () => {
  await using at = await surroundings();
  const account = { username: 'helped', password: 'canary-helper' };
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), account, certificates });
  const pushed = await pushImage(peer, 'lab/seed', '1', [await makeLayer({ a: 'a' })]);
  writeFileSync(
    join(at.folder, 'docker-credential-lab'),
    `#!/bin/sh\ncat > /dev/null\necho '{"ServerURL":"x","Username":"${account.username}","Secret":"${account.password}"}'\n`,
    { mode: 0o755 },
  );
  const authFile = join(at.folder, 'auth.json');
  writeFileSync(authFile, JSON.stringify({ auths: {}, credHelpers: { [peer.address]: 'lab' } }));
  const host = at.hostWith({ PATH: `${at.folder}:${process.env['PATH'] ?? ''}`, SSL_CERT_FILE: certificates.caFile });
  const egress = await openEgress(host, { authFile });
  using registry = openRegistry(host, egress, { patience: { attempts: 1 } });
  const name = `${peer.address}/lab/seed:1`;
  assert.equal(registry.whyNotStreamed(name), `credentials for "${peer.address}" are kept by the helper "lab"`);
  const said: string[] = [];
  const say = (text: string): void => {
    said.push(text);
  };
  const image = await inspectAgreed(registry, name, { platform, say, warn: say });
  assert.equal(image.digest, pushed.digest);
  assert.deepEqual(said, [
    `skopeo talks to the registry, because credentials for "${peer.address}" are kept by the helper "lab"`,
  ]);
  const local = await fetchWithSkopeo(host, egress, image.pinned, join(at.folder, 'copy'), { platform, attempts: 1 });
  assert.equal(local.layers[0]?.digest, pushed.layers[0]?.digest);
  assert.ok(!at.lines.join('').includes('canary'));
});
