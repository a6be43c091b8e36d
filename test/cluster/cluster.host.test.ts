import assert from 'node:assert/strict';
import { access, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { knownKinds } from '../../internal/wire/fields.ts';
import { keysAt, openStored } from '../../internal/wire/wire.ts';
import { makeCluster } from './cluster.ts';

await test('a small cluster is there in two seconds, each with an etcd and files of its own, and goes without a trace', async () => {
  await using warm = await makeCluster({ size: 'small' });
  const started = performance.now();
  await using cluster = await makeCluster({ size: 'small' });
  assert.ok(performance.now() - started < 2000, `${performance.now() - started} ms`);
  assert.notEqual(cluster.endpoint, warm.endpoint);
  const { folder, etcd } = cluster;
  await cluster[Symbol.asyncDispose]();
  await assert.rejects(access(folder));
  assert.throws(() => process.kill(etcd.pid, 0), { code: 'ESRCH' });
});

await test('the full cluster has the pairs, secrets, bundles and files of the real one', async () => {
  await using cluster = await makeCluster({ size: 'full' });
  const { pairs, counts } = cluster.inventory;
  const outside = pairs.filter(({ keyAt }) => keyAt.length === 0);
  assert.equal(pairs.length - outside.length, 131);
  assert.deepEqual(outside.map(({ cn }) => cn), ['admin-kubeconfig-signer', 'kubelet-bootstrap-kubeconfig-signer', 'olm-selfsigned-74963e46b7f732bc']);
  const withPair = new Set(pairs.flatMap(({ certificateAt }) => certificateAt.map(({ document }) => document)).filter((name) => name.startsWith('etcd:/kubernetes.io/secrets/') && !/-token(?:-\d+)?$/.test(name)));
  assert.equal(withPair.size, 138);
  assert.ok(counts.secrets >= 300 && counts.configMaps >= 450 && counts.files >= 52, JSON.stringify(counts));
  assert.ok(pairs.every(({ certificateAt }) => certificateAt.length > 0));
  assert.equal(Math.max(...pairs.map(({ certificateAt }) => new Set(certificateAt.map(({ document }) => document)).size)) >= 78, true);
});

await test('every value decodes in the form that a server stores, and the files have their modes', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  await using etcd = await openEtcd(cluster.endpoint);
  const forms = new Map<string, number>();
  for await (const { key, value } of etcd.list('/')) {
    const stored = openStored(value);
    assert.ok(stored !== undefined && stored.kind !== '', key);
    if (knownKinds.includes(stored.kind)) assert.ok(keysAt(stored, ['metadata']).includes('name'), key);
    forms.set(stored.form, (forms.get(stored.form) ?? 0) + 1);
  }
  assert.deepEqual([...forms.keys()].sort(), ['json', 'protobuf']);
  const kubeconfig = join(cluster.root, 'kubernetes/kubeconfig');
  assert.equal((await stat(kubeconfig)).mode & 0o777, 0o600);
  assert.match(await readFile(kubeconfig, 'utf8'), /^apiVersion: v1\nclusters:\n- cluster:\n {4}certificate-authority-data: LS0t/);
});
