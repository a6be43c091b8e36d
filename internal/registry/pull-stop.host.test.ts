import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFront } from '../../test/registry-front.ts';
import { makeLayer, pushImage, startPeer, type Peer } from '../../test/registry-peer.ts';
import type { Host } from '../host/host.ts';
import { openEgress } from './egress.ts';
import { pullImages, threadsFrom, type PullReport } from './pull.ts';
import { openRegistry } from './registry.ts';
import { openStore, repairStore } from './store.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';

const budget = { timeout: 120_000 };

function hostFor(at: Surroundings, address: string, env: Record<string, string> = {}): Host {
  const path = join(at.folder, 'registries.conf');
  writeFileSync(path, `[[registry]]\nlocation = "${address}"\ninsecure = true\n`);
  return at.hostWith({ CONTAINERS_REGISTRIES_CONF: path, ...env });
}

async function pull(at: Surroundings, host: Host, list: readonly string[], threads = 10): Promise<PullReport> {
  using registry = openRegistry(host, await openEgress(host));
  return await pullImages(host, list, {
    registry,
    threads,
    store: { root: join(at.folder, 'c/storage'), runRoot: join(at.folder, 'run') },
  });
}

async function pushSome(peer: Peer, address: string, count: number): Promise<{ names: string[]; unique: number }> {
  const base = await makeLayer({ base: randomBytes(3_000_000) }, 0);
  const names: string[] = [];
  let unique = base.blob.length;
  for (let index = 0; index < count; index += 1) {
    const own = await makeLayer({ [`f${index}`]: randomBytes(1_000_000) }, 0);
    await pushImage(peer, `lab/i${index}`, '1', [base, own]);
    unique += own.blob.length;
    names.push(`${address}/lab/i${index}:1`);
  }
  return { names, unique };
}

test('told to stop, running pulls end, no new one starts, and a later run fetches only the rest', budget, async () => {
  const stop = new AbortController();
  await using at = await surroundings(stop.signal);
  await using after = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  let blobs = 0;
  await using front = await startFront(peer, ({ path }) => {
    if (path.includes('/blobs/') && ++blobs === 3) stop.abort();
    return 'pass';
  });
  const { names, unique } = await pushSome(peer, front.address, 5);
  await assert.rejects(pull(at, hostFor(at, front.address), names, 1), {
    name: 'Interrupted',
    message: 'stopped while images were pulled',
    exitCode: 75,
  });
  const host = hostFor(after, front.address);
  const store = openStore(host, { root: join(at.folder, 'c/storage'), runRoot: join(at.folder, 'run') });
  const there = (await store.images()).length;
  assert.ok(there >= 1 && there < 5, `${there} images`);
  const report = await pull({ ...after, folder: at.folder }, host, names);
  assert.deepEqual([report.alreadyPresent, report.pulled], [there, 5]);
  assert.equal(front.layerBytes(), unique);
});

test('killed without mercy at six moments and started again, the store ends whole', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const { names } = await pushSome(peer, peer.address, 8);
  const host = hostFor(at, peer.address);
  const storage = join(at.folder, 'c/storage');
  const script = join(at.folder, 'pull.ts');
  const from = (name: string): string => JSON.stringify(join(import.meta.dirname, '..', name));
  writeFileSync(
    script,
    `
import { openHost } from ${from('host/host.ts')};
import { openLog } from ${from('log/log.ts')};
import { openEgress } from ${from('registry/egress.ts')};
import { pullImages } from ${from('registry/pull.ts')};
import { openRegistry } from ${from('registry/registry.ts')};
const host = openHost({ log: openLog({ program: 't', write: () => undefined }), env: process.env });
using registry = openRegistry(host, await openEgress(host));
await pullImages(host, ${JSON.stringify(names)}, { registry, threads: 3, store: { root: ${JSON.stringify(storage)}, runRoot: ${JSON.stringify(join(at.folder, 'run'))} } });
`,
  );
  for (const delayMs of [350, 500, 650, 800, 450, 600]) {
    const child = spawn(process.execPath, [script], { stdio: 'ignore', env: { ...host.env } });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await sleep(delayMs);
    child.kill('SIGKILL');
    await ended;
  }
  const store = openStore(host, { root: storage, runRoot: join(at.folder, 'run') });
  const report = await pull(at, host, names);
  assert.deepEqual(report.failed, []);
  assert.deepEqual((await repairStore(host, store)).dropped, []);
  assert.ok(!existsSync(join(at.folder, 'c/.pulls')));
});

test('a broken layer that an unclean run left behind is found and fetched again', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const own = await makeLayer({ own: randomBytes(2_000_000) }, 0);
  const pushed = await pushImage(peer, 'lab/app', '1', [await makeLayer({ base: 'whole base' }), own]);
  let stalled = false;
  await using front = await startFront(peer, ({ path }) => {
    if (stalled || !path.includes(pushed.layers[1]?.digest ?? '')) return 'pass';
    stalled = true;
    return { stallAfter: 1_000_000 };
  });
  const name = `${front.address}/lab/app:1`;
  const host = hostFor(at, front.address);
  const storage = { root: join(at.folder, 'c/storage'), runRoot: join(at.folder, 'run') };
  const egress = await openEgress(host);
  using registry = openRegistry(host, egress);
  await pullImages(host, [name], { registry, store: storage, stallMs: 1_000, patience: { attempts: 1 } });
  const store = openStore(host, storage);
  const loose = await store.looseLayerDigests();
  assert.deepEqual([...loose], [pushed.layers[0]?.digest]);
  for (const layer of readdirSync(join(storage.root, 'overlay'))) {
    const file = join(storage.root, 'overlay', layer, 'diff/base');
    if (existsSync(file)) writeFileSync(file, '');
  }
  const { suspects } = await repairStore(host, store);
  assert.deepEqual(suspects, loose);
  const said: string[] = [];
  const report = await pullImages(host, [name], { registry, store: storage, suspects, say: (text) => said.push(text) });
  assert.deepEqual(report.failed, []);
  assert.ok(
    said.includes(`image "${name}" took up a broken layer of an earlier run; it is pulled again`),
    said.join('\n'),
  );
  assert.ok(await store.isWhole(name));
});

test('manifests that cannot be read are said once, and the pulls are done all the same', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const { names } = await pushSome(peer, peer.address, 3);
  const policy = join(at.folder, 'policy.json');
  writeFileSync(policy, '{"default":[{"type":"reject"}]}');
  writeFileSync(join(at.folder, 'skopeo'), '#!/bin/sh\necho "out of order" >&2\nexit 1\n', { mode: 0o755 });
  const host = hostFor(at, peer.address, { PATH: `${at.folder}:${process.env['PATH'] ?? ''}` });
  using registry = openRegistry(host, await openEgress(host, { paths: { policy } })); // only we are told of this policy
  const said: string[] = [];
  const report = await pullImages(host, [...names, names[0] ?? ''], {
    registry,
    say: (text) => said.push(text),
    store: { root: join(at.folder, 'c/storage'), runRoot: join(at.folder, 'run') },
  });
  assert.deepEqual([report.total, report.pulled, report.failed.length], [4, 4, 0]);
  assert.equal(
    said[0],
    `manifests of 3 of 3 images could not be read, which are pulled one at a time within a repository: skopeo cannot read "${names[0] ?? ''}" (out of order)`,
  );
});

test('where podman has "system check" it does the repair', budget, async () => {
  await using at = await surroundings();
  const calls = join(at.folder, 'calls');
  writeFileSync(
    join(at.folder, 'podman'),
    `#!/bin/sh
echo "$*" >> ${calls}
case "$*" in
  "system --help") printf 'Available Commands:\\n  check       Check storage consistency\\n  df          Show\\n' ;;
  images*) if grep -q repair ${calls}; then echo '[]'; else echo '[{"Id":"a1","Names":["q.io/x:1"]}]'; fi ;;
esac
`,
    { mode: 0o755 },
  );
  const host = at.hostWith({ PATH: `${at.folder}:${process.env['PATH'] ?? ''}` });
  assert.deepEqual(await repairStore(host, openStore(host)), {
    how: 'podman system check',
    dropped: ['q.io/x:1'],
    suspects: new Set(),
  });
  assert.ok(readFileSync(calls, 'utf8').includes('system check --repair --force'));
});

test('a MAX_PULL_THREADS that is no number from 1 is a warning and the default', async () => {
  const warnings: string[] = [];
  const threads = (value: string | undefined): number => threadsFrom(value, (text) => warnings.push(text));
  assert.deepEqual(
    [undefined, '', '1', '3', '+4', '5000'].map((value) => threads(value)),
    [10, 10, 1, 3, 4, 5000],
  );
  assert.deepEqual(warnings, []);
  for (const value of ['0', '-1', 'ten', '1.5', ' 3', '1e3', '10000000000', 'NaN']) {
    assert.equal(threads(value), 10, value);
    assert.equal(
      warnings.pop(),
      `MAX_PULL_THREADS is "${value}"; continuing with 10 pulls at once, because it is no whole number from 1`,
    );
  }
});

test('a unit that sets MAX_PULL_THREADS to something else does not stop the pulls', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const { names } = await pushSome(peer, peer.address, 1);
  const host = hostFor(at, peer.address, { MAX_PULL_THREADS: 'many' });
  using registry = openRegistry(host, await openEgress(host));
  const store = { root: join(at.folder, 'c/storage'), runRoot: join(at.folder, 'run') };
  const report = await pullImages(host, names, { registry, store });
  assert.equal(report.pulled, 1);
  assert.ok(
    at.lines.includes(
      'test: warning: MAX_PULL_THREADS is "many"; continuing with 10 pulls at once, because it is no whole number from 1\n',
    ),
    at.lines.join(''),
  );
});
