import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test } from 'tap';
import type { ServerCertificate } from '../../test/certificates/server.ts';
import {
  makeCertificates,
  makeLayer,
  pushImage,
  pushManifest,
  startPeer,
  type Account,
} from '../../test/registry-peer.ts';
import { digestOf } from '../../test/registry-peer.ts';
import { openEgress, type Egress } from './egress.ts';
import { openRegistry } from './registry.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';
import { RegistryFailure } from './trouble.ts';

const account: Account = { username: 'puller', password: 'canary-pass:word#1' };
const platform = { os: 'linux', architecture: 'amd64' };
const once = { attempts: 1 };

function writeAuth(at: Surroundings, address: string, who: Account = account): string {
  const path = join(at.folder, 'auth.json');
  writeFileSync(
    path,
    JSON.stringify({
      auths: { [address]: { auth: Buffer.from(`${who.username}:${who.password}`).toString('base64') } },
    }),
  );
  return path;
}

function egressFor(
  at: Surroundings,
  options: {
    authFile?: string;
    certificates?: ServerCertificate;
    registriesConf?: string;
    env?: Record<string, string>;
  },
): Promise<Egress> {
  const conf = join(at.folder, 'registries.conf');
  writeFileSync(conf, options.registriesConf ?? '');
  return openEgress(at.hostWith(options.env ?? {}), {
    ...(options.authFile === undefined ? {} : { authFile: options.authFile }),
    paths: {
      registriesConf: conf,
      registriesFolders: [],
      caFolders: [],
      certFolders: [join(at.folder, 'certs.d')],
      caBundles: options.certificates === undefined ? [] : [options.certificates.caFile],
    },
  });
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

async function failureOf(attempt: () => Promise<unknown>): Promise<RegistryFailure> {
  try {
    await attempt();
  } catch (error) {
    assert.ok(error instanceof RegistryFailure, `expected a RegistryFailure, got ${String(error)}`);
    return error;
  }
  return assert.fail('expected a failure');
}

test('inspect() pins an image of a registry with TLS and Basic auth, and openBlob() gives its layer', async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), account, certificates });
  const layer = await makeLayer({ 'etc/hello': 'hello', 'var/blob': randomBytes(3_000_000) }, 0);
  const pushed = await pushImage(peer, 'lab/seed', '4.17.0', [layer], { config: { Labels: { a: 'b' } } });

  using registry = openRegistry(at.host, await egressFor(at, { authFile: writeAuth(at, peer.address), certificates }));
  const image = await registry.inspect(`${peer.address}/lab/seed:4.17.0`, { platform });
  assert.equal(image.pinned, `${peer.address}/lab/seed@${pushed.digest}`);
  assert.equal(image.location, `${peer.address}/lab/seed`);
  assert.deepEqual(image.config.labels, { a: 'b' });
  assert.deepEqual(image.config.diffIds, [layer.diffId]);
  assert.equal(image.config.created?.toISOString(), '2026-01-02T03:04:05.000Z');
  assert.ok(Math.abs((image.serverDate?.getTime() ?? 0) - Date.now()) < 10_000);
  const [first] = image.layers;
  assert.ok(first);
  const progress: number[] = [];
  const bytes = await bytesOf(registry.openBlob(image, first, { onProgress: (n) => progress.push(n) }));
  assert.ok(bytes.equals(layer.blob));
  assert.equal(progress.at(-1), layer.blob.length);
  assert.ok(!at.lines.join('').includes(account.password));
});

test('inspect() picks the platform of an index and keeps the index digest as pin', async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const pushed = await pushImage(peer, 'a/b', 'one', [await makeLayer({ x: 'x' })]);
  const entry = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: pushed.digest,
    size: pushed.manifest.length,
  };
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ ...entry, platform: { os: 'linux', architecture: 'amd64' } }],
    }),
  );
  const indexDigest = await pushManifest(peer, 'a/b', 'many', index, 'application/vnd.oci.image.index.v1+json');
  const conf = `[[registry]]\nlocation = "${peer.address}"\ninsecure = true\n`;
  using registry = openRegistry(at.host, await egressFor(at, { registriesConf: conf }));
  const image = await registry.inspect(`${peer.address}/a/b:many`, { platform });
  assert.equal(image.digest, indexDigest);
  assert.equal(image.manifestDigest, pushed.digest);
  await assert.rejects(
    registry.inspect(`${peer.address}/a/b:many`, { platform: { os: 'linux', architecture: 's390x' } }),
    {
      message: 'image has no variant for linux/s390x',
      why: 'its index has linux/amd64',
    },
  );
});

test('missing credentials, wrong credentials, unknown image and unknown CA are final and told apart', async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), account, certificates });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  const name = `${peer.address}/lab/seed:1`;
  const inspect = async (egress: Egress, image = name): Promise<RegistryFailure> => {
    using registry = openRegistry(at.host, egress);
    return await failureOf(() => registry.inspect(image, { platform }));
  };

  const empty = join(at.folder, 'empty.json');
  writeFileSync(empty, '{"auths":{}}');
  const missing = await inspect(await egressFor(at, { authFile: empty, certificates }));
  assert.equal(missing.message, `registry "${peer.address}" wants credentials for "${name}"`);
  assert.equal(missing.why, `auth file "${empty}" has no entry for "${peer.address}"`);
  assert.equal(missing.transient, false);

  const wrong = await inspect(
    await egressFor(at, {
      authFile: writeAuth(at, peer.address, { ...account, password: 'canary-wrong' }),
      certificates,
    }),
  );
  assert.equal(wrong.message, `registry "${peer.address}" refused the credentials for "${name}"`);
  assert.match(wrong.why ?? '', /^it answered 401: authentication required$/);
  assert.ok(!`${wrong.message}${wrong.why ?? ''}${wrong.next ?? ''}`.includes('canary'));

  const absent = await inspect(
    await egressFor(at, { authFile: writeAuth(at, peer.address), certificates }),
    `${peer.address}/lab/seed:2`,
  );
  assert.equal(absent.message, `registry "${peer.address}" does not have "${peer.address}/lab/seed:2"`);
  assert.equal(absent.why, 'it answered 404: manifest unknown');
  assert.equal(absent.kind, 'absent');

  const untrusted = await inspect(await egressFor(at, { authFile: writeAuth(at, peer.address) }));
  assert.equal(untrusted.message, `certificate of registry "${peer.address}" is not trusted`);
  assert.match(
    untrusted.why ?? '',
    /^its issuer "CN=test authority" is not among the authorities of this system \(.+\)$/,
  );
  assert.equal(untrusted.transient, false);
});

test('a CA in certs.d of the registry is enough', async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), certificates });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  mkdirSync(join(at.folder, 'certs.d', peer.address), { recursive: true });
  writeFileSync(join(at.folder, 'certs.d', peer.address, 'ca.crt'), certificates.ca);
  using registry = openRegistry(at.host, await egressFor(at, {}));
  const image = await registry.inspect(`${peer.address}/lab/seed:1`, { platform });
  assert.equal(image.digest.length, digestOf(Buffer.from('')).length);
});

test('a certificate that is not yet valid names the clock', async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'), {
    notBefore: new Date('2040-01-01T00:00:00Z'),
    notAfter: new Date('2050-01-01T00:00:00Z'),
  });
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), certificates });
  using registry = openRegistry(at.host, await egressFor(at, { certificates }));
  const failure = await failureOf(() => registry.inspect(`${peer.address}/lab/seed:1`, { platform, ...once }));
  assert.equal(failure.message, `certificate of registry "${peer.address}" is not yet valid by this machine's clock`);
  assert.match(failure.why ?? '', /^the clock says 20\d\d-/);
  assert.equal(
    failure.next,
    'set the clock of this machine if it is wrong, else give the registry another certificate',
  );
});

test('a refused connection is transient', async () => {
  await using at = await surroundings();
  using registry = openRegistry(at.host, await egressFor(at, {}));
  const failure = await failureOf(() => registry.inspect('127.0.0.1:1/lab/seed:1', { platform, ...once }));
  assert.equal(failure.message, 'registry "127.0.0.1:1" is not reachable');
  assert.match(failure.why ?? '', /^the connection was refused$/);
  assert.equal(failure.transient, true);
});
