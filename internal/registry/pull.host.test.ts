import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { ServerCertificate } from '../../test/certificates/server.ts';
import { makeCertificates, makeLayer, pushImage, startPeer } from '../../test/registry-peer.ts';
import { startFront, type Fault } from '../../test/registry-front.ts';
import type { Host } from '../host/host.ts';
import { openEgress } from './egress.ts';
import { pullImages, type PullOptions, type PullReport } from './pull.ts';
import { openRegistry } from './registry.ts';
import { openStore, repairStore } from './store.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';

const budget = { timeout: 90_000 };
const quick = { attempts: 3, firstDelayMs: 50, longestDelayMs: 100 };

/** A store of its own, reached by podman and by us through the same settings. */
function storeAt(at: Surroundings): { root: string; runRoot: string } {
  return { root: join(at.folder, 'containers/storage'), runRoot: join(at.folder, 'run') };
}

function hostFor(at: Surroundings, conf: string, certificates?: ServerCertificate): Host {
  const path = join(at.folder, 'registries.conf');
  writeFileSync(path, conf);
  return at.hostWith({
    CONTAINERS_REGISTRIES_CONF: path,
    ...(certificates === undefined ? {} : { SSL_CERT_FILE: certificates.caFile }),
  });
}

async function pull(
  at: Surroundings,
  host: Host,
  list: readonly string[],
  options: Partial<PullOptions> = {},
): Promise<PullReport> {
  const egress = await openEgress(host, {
    ...(options.authFile === undefined ? {} : { authFile: options.authFile }),
    paths: { certFolders: [] },
  });
  using registry = openRegistry(host, egress, { patience: quick });
  return await pullImages(host, list, {
    registry,
    store: storeAt(at),
    patience: quick,
    statusFile: join(at.folder, 'status/precache_status.json'),
    ...options,
  });
}

const insecure = (address: string): string => `[[registry]]\nlocation = "${address}"\ninsecure = true\n`;

test(
  'images that share layers arrive with each layer sent once, by tag and by digest, with TLS and auth',
  budget,
  async () => {
    await using at = await surroundings();
    const account = { username: 'puller', password: 'canary-pull' };
    const certificates = await makeCertificates(join(at.folder, 'tls'));
    await using peer = await startPeer({ folder: join(at.folder, 'peer'), account });
    await using front = await startFront(peer, () => 'pass', { certificates });
    const base = await makeLayer({ base: randomBytes(2_000_000) }, 0);
    const list: string[] = [];
    let unique = base.blob.length;
    for (let index = 0; index < 6; index += 1) {
      const own = await makeLayer({ [`own${index}`]: randomBytes(100_000) }, 0);
      const pushed = await pushImage(peer, `lab/image${index}`, 'v1', [base, own]);
      unique += own.blob.length;
      list.push(`${front.address}/lab/image${index}:v1`, `${front.address}/lab/image${index}@${pushed.digest}`);
    }
    const authFile = join(at.folder, 'auth.json');
    writeFileSync(
      authFile,
      JSON.stringify({
        auths: { [front.address]: { auth: Buffer.from(`${account.username}:${account.password}`).toString('base64') } },
      }),
    );
    const host = hostFor(at, '', certificates);
    const bytes: number[] = [];
    const report = await pull(at, host, list, { authFile, onProgress: (progress) => bytes.push(progress.bytes) });

    assert.deepEqual(report.failed, []);
    assert.equal(report.pulled, 12);
    assert.equal(report.bytes, unique);
    assert.equal(front.layerBytes(), unique);
    assert.equal(bytes.at(-1), unique);
    assert.equal(
      readFileSync(join(at.folder, 'status/precache_status.json'), 'utf8'),
      '{"total":12,"pulled":12,"failed":0,"failed_pulls":null}',
    );
    const store = openStore(host, storeAt(at));
    for (const name of list) assert.ok(await store.has(name), name);
    assert.ok(!readdirSync(join(at.folder, 'containers')).includes('.pulls'));
    assert.ok(!at.lines.join('').includes('canary'));

    const before = front.asked.length;
    const again = await pull(at, host, list, { authFile });
    assert.equal(again.alreadyPresent, 12);
    assert.ok(!front.asked.slice(before).some(({ path }) => path.includes('/blobs/')), 'nothing is fetched again');
  },
);

test('a moved tag is pulled again, and only its new layer', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await using front = await startFront(peer);
  const base = await makeLayer({ base: randomBytes(500_000) }, 0);
  await pushImage(peer, 'lab/app', 'latest', [base, await makeLayer({ v: '1' })]);
  const host = hostFor(at, insecure(front.address));
  const name = `${front.address}/lab/app:latest`;
  await pull(at, host, [name]);
  const first = front.layerBytes();
  const fresh = await makeLayer({ v: '2' });
  await pushImage(peer, 'lab/app', 'latest', [base, fresh]);
  const report = await pull(at, host, [name]);
  assert.equal(report.alreadyPresent, 0);
  assert.equal(front.layerBytes() - first, fresh.blob.length);
});

test('an image that does not exist is named at once and the others are pulled', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await using front = await startFront(peer);
  await pushImage(peer, 'lab/app', 'v1', [await makeLayer({ v: '1' })]);
  const host = hostFor(at, insecure(front.address));
  const missing = `${front.address}/lab/none:v1`;
  const said: string[] = [];
  const report = await pull(at, host, [missing, `${front.address}/lab/app:v1`], { say: (text) => said.push(text) });
  assert.equal(report.pulled, 1);
  assert.deepEqual(
    report.failed.map(({ image }) => image),
    [missing],
  );
  assert.match(report.failed[0]?.why ?? '', /manifest unknown|name unknown/);
  assert.equal(
    readFileSync(join(at.folder, 'status/precache_status.json'), 'utf8'),
    `{"total":2,"pulled":1,"failed":1,"failed_pulls":["${missing}"]}`,
  );
  assert.ok(
    said.some((line) => line.startsWith('manifests of 1 of 2 images could not be read')),
    said.join('\n'),
  );
  assert.ok(!said.some((line) => line.includes('trying again')), said.join('\n'));
});

test('503 and dropped connections are waited out', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const layer = await makeLayer({ big: randomBytes(3_000_000) }, 0);
  await pushImage(peer, 'lab/app', 'v1', [layer]);
  let faults = 0;
  const decide = (asked: { path: string }): Fault => {
    if (!asked.path.includes('/blobs/') || faults >= 4) return 'pass';
    faults += 1;
    return faults % 2 === 0 ? { answer: 503 } : { cutAfter: 700_000 };
  };
  await using front = await startFront(peer, decide);
  const report = await pull(at, hostFor(at, insecure(front.address)), [`${front.address}/lab/app:v1`]);
  assert.deepEqual(report.failed, []);
  assert.ok(faults >= 2);
});

test('a pull that hangs is ended by the stall budget and named', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/app', 'v1', [await makeLayer({ big: randomBytes(3_000_000) }, 0)]);
  await using front = await startFront(peer, ({ path }) =>
    path.includes('/blobs/') ? { stallAfter: 100_000 } : 'pass',
  );
  const started = performance.now();
  const report = await pull(at, hostFor(at, insecure(front.address)), [`${front.address}/lab/app:v1`], {
    stallMs: 1_500,
    patience: { ...quick, attempts: 2 },
  });
  assert.equal(report.failed.length, 1);
  assert.match(
    report.failed[0]?.why ?? '',
    /^podman gave no sign of progress for too long and was ended; given up after 2 attempts/,
  );
  assert.ok(performance.now() - started < 40_000);
});

test('repairStore() drops an image whose files were lost, and only that one', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await using front = await startFront(peer);
  await pushImage(peer, 'lab/good', 'v1', [await makeLayer({ content: 'good content' })]);
  await pushImage(peer, 'lab/bad', 'v1', [await makeLayer({ content: 'bad content' })]);
  const host = hostFor(at, insecure(front.address));
  const names = [`${front.address}/lab/good:v1`, `${front.address}/lab/bad:v1`];
  await pull(at, host, names);
  const { root } = storeAt(at);
  // What a power cut leaves: a file without content.
  for (const layer of readdirSync(join(root, 'overlay'))) {
    const file = join(root, 'overlay', layer, 'diff/content');
    try {
      if (readFileSync(file, 'utf8') === 'bad content') writeFileSync(file, '');
    } catch {
      // a folder that is no layer
    }
  }
  const check = await repairStore(host, openStore(host, storeAt(at)));
  assert.deepEqual(check.dropped, [names[1]]);
  const again = await pull(at, host, names);
  assert.deepEqual([again.alreadyPresent, again.pulled], [1, 2]);
});
