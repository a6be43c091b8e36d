import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { makeLayer, pushImage, startPeer } from '../../test/registry-peer.ts';
import { CommandError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { openEgress } from './egress.ts';
import { pullImages, type PullReport } from './pull.ts';
import { openRegistry } from './registry.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';

/*
 * `localhost/NAME` in a list: so podman names what was built on the seed cluster and never pushed.
 */

const budget = { timeout: 90_000 };
const local = 'localhost/lab/tool:1';
const storeOf = (at: Surroundings): { root: string; runRoot: string } => ({
  root: join(at.folder, 'c/storage'),
  runRoot: join(at.folder, 'run'),
});

function hostFor(at: Surroundings, conf: string): Host {
  writeFileSync(join(at.folder, 'registries.conf'), conf);
  return at.hostWith({ CONTAINERS_REGISTRIES_CONF: join(at.folder, 'registries.conf') });
}

async function pull(at: Surroundings, host: Host, list: readonly string[], bestEffort: boolean): Promise<PullReport> {
  using registry = openRegistry(host, await openEgress(host));
  const statusFile = join(at.folder, 'status.json');
  return await pullImages(host, list, { registry, store: storeOf(at), bestEffort, statusFile, say: () => undefined });
}

const insecure = (address: string): string => `[[registry]]\nlocation = "${address}"\ninsecure = true\n`;
const missing = {
  image: local,
  why: 'it was built on the seed cluster and cannot be pulled from anywhere (registry "localhost" is not reachable: the connection was refused)',
  next: `at the seed cluster, push "${local}" to a registry and use it from there, or remove it; then make the seed again`,
};

test(
  'an image that is in no registry is final at once, before any other is pulled, as podman cannot pull it',
  budget,
  async () => {
    await using at = await surroundings();
    await using peer = await startPeer({ folder: join(at.folder, 'peer') });
    await pushImage(peer, 'lab/app', '1', [await makeLayer({ x: 'x' })]);
    const host = hostFor(at, insecure(peer.address));
    const report = await pull(at, host, [`${peer.address}/lab/app:1`, local], false);
    assert.deepEqual(report.failed, [missing]);
    assert.deepEqual([report.total, report.pulled, report.bytes], [2, 0, 0]);
    assert.deepEqual(JSON.parse(readFileSync(join(at.folder, 'status.json'), 'utf8')), {
      total: 2,
      pulled: 0,
      failed: 1,
      failed_pulls: [local],
    });
    assert.ok(!at.lines.join('').includes('trying again'));
    const { root, runRoot } = storeOf(at);
    const podman = await host
      .run('podman', ['--root', root, '--runroot', runRoot, 'pull', local])
      .catch((error: unknown) => error);
    assert.match(
      podman instanceof CommandError ? podman.stderrTail : '',
      /dial tcp .*:443: connect: connection refused/,
    );
  },
);

test('by best effort all others are pulled', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/app', '1', [await makeLayer({ x: 'x' })]);
  const report = await pull(at, hostFor(at, insecure(peer.address)), [local, `${peer.address}/lab/app:1`], true);
  assert.deepEqual([report.pulled, report.failed], [1, [missing]]);
});

test('one that somebody has put into the store is there, and one that a mirror has is pulled', budget, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/tool', '1', [await makeLayer({ x: 'x' })]);
  const mirrored = `[[registry]]\nlocation = "localhost"\n[[registry.mirror]]\nlocation = "${peer.address}"\ninsecure = true\n`;
  const first = await pull(at, hostFor(at, mirrored), [local], false);
  assert.deepEqual([first.pulled, first.alreadyPresent, first.failed], [1, 0, []]);
  const second = await pull(at, hostFor(at, ''), [local], false);
  assert.deepEqual([second.pulled, second.alreadyPresent, second.failed], [1, 1, []]);
});
