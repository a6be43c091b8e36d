import assert from 'node:assert/strict';
import { access, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { knownKinds } from '../../internal/wire/fields.ts';
import { keysAt, openStored } from '../../internal/wire/wire.ts';
import { makeCluster } from './cluster.ts';
import { findingAt, gatherEvidence } from './evidence.ts';
import { labelsIn } from './node-files.ts';

await test('a small cluster is there at once, each with an etcd and files of its own, and goes without a trace', async () => {
  await using warm = await makeCluster({ size: 'small' });
  const started = performance.now();
  await using cluster = await makeCluster({ size: 'small' });
  // 0.3 s on a machine that does nothing else.
  assert.ok(performance.now() - started < 5000, `${performance.now() - started} ms`);
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
  assert.deepEqual(
    outside.map(({ cn }) => cn),
    ['admin-kubeconfig-signer', 'kubelet-bootstrap-kubeconfig-signer', 'olm-selfsigned-74963e46b7f732bc'],
  );
  const withPair = new Set(
    pairs
      .flatMap(({ certificateAt }) => certificateAt.map(({ document }) => document))
      .filter((name) => name.startsWith('etcd:/kubernetes.io/secrets/') && !/-token(?:-\d+)?$/.test(name)),
  );
  // The real one's 138, and what the renaming needs of revisions and copies: etcd-all-certs (4), the webhook authenticator (3), the router (2).
  assert.equal(withPair.size, 138 + 9);
  assert.ok(counts.secrets >= 300 && counts.configMaps >= 450 && counts.files >= 52, JSON.stringify(counts));
  assert.ok(pairs.every(({ certificateAt }) => certificateAt.length > 0));
  assert.equal(
    Math.max(...pairs.map(({ certificateAt }) => new Set(certificateAt.map(({ document }) => document)).size)) >= 78,
    true,
  );
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
  const labels = await labelsIn(cluster.root);
  assert.equal(labels.get(kubeconfig), 'system_u:object_r:kubernetes_file_t:s0');
  assert.ok([...labels.values()].some((label) => label.startsWith('system_u:object_r:container_var_lib_t:')));
  assert.match(
    await readFile(kubeconfig, 'utf8'),
    /^apiVersion: v1\nclusters:\n- cluster:\n {4}certificate-authority-data: LS0t/,
  );
});

await test('an encrypted cluster stores values under the new key, under the old one, and some in clear; all of them open', async () => {
  for (const encryption of ['aescbc', 'aesgcm'] as const) {
    await using cluster = await makeCluster({ size: 'small', encryption });
    await using etcd = await openEtcd(cluster.endpoint);
    const forms = new Set<string>();
    for await (const { value } of etcd.list('/kubernetes.io/secrets/'))
      forms.add(
        Buffer.from(value.subarray(0, 20))
          .toString('latin1')
          .replace(/^k8s\0[^]*/, 'clear'),
      );
    assert.deepEqual([...forms].sort(), ['clear', `k8s:enc:${encryption}:v1:1:`, `k8s:enc:${encryption}:v1:2:`]);
    const tokens = await Array.fromAsync(etcd.list('/openshift.io/oauth/a'));
    assert.equal(tokens.length, 2);
    const evidence = await gatherEvidence(cluster);
    for (const { name, certificateAt } of cluster.inventory.pairs)
      for (const place of certificateAt)
        assert.equal(findingAt(evidence, place)?.kind, 'certificate', `${name} at ${place.document}`);
  }
});

await test('the odd cases are what they are called', async () => {
  await using cluster = await makeCluster({ size: 'small', odd: true });
  await using etcd = await openEtcd(cluster.endpoint);
  const odd = async (kind: string, name: string): Promise<Buffer> =>
    Buffer.from((await etcd.get(`/kubernetes.io/${kind}/odd-cases/${name}`))?.value ?? '');
  const bundles = (await odd('configmaps', 'bundles')).toString('latin1');
  assert.match(bundles, /[A-Za-z0-9+/]{76}\n[A-Za-z0-9+/]{76}\n/, 'wrapped at 76');
  assert.match(bundles, /-----BEGIN CERTIFICATE-----\r\n/, 'CRLF');
  assert.match(bundles, /-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=]{800,}\n-----END/, 'in one line');
  assert.match(bundles, /-----BEGIN TRUSTED CERTIFICATE-----/);
  assert.match((await odd('configmaps', 'public-keys')).toString('latin1'), /-----BEGIN PUBLIC KEY-----/);
  assert.match((await odd('secrets', 'p256-pkcs8')).toString('latin1'), /-----BEGIN PRIVATE KEY-----/);
  assert.match((await odd('secrets', 'p384-leaf')).toString('latin1'), /-----BEGIN EC PRIVATE KEY-----/);
  assert.ok((await odd('secrets', 'commented')).includes('Größe: ☃'));
  assert.ok((await odd('secrets', 'unknown-fields')).includes('of a newer release'));
  assert.equal((await odd('secrets', 'as-json')).subarray(0, 1).toString(), '{');
  const cbor = await etcd.get('/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/odd-as-cbor');
  assert.equal(Buffer.from(cbor?.value.subarray(0, 3) ?? '').toString('hex'), 'd9d9f7');
  const { pairs } = cluster.inventory;
  const byKey = Map.groupBy(pairs, ({ keyId }) => keyId);
  assert.equal(
    [...byKey.values()].filter((same) => same.length === 2).length,
    2,
    'two pairs on one key, and a certificate made anew on its key',
  );
  assert.ok(pairs.some(({ notAfter }) => notAfter.startsWith('2071-')));
});
