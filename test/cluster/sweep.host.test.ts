import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { gzipSync } from 'node:zlib';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { makeCluster, peerUrlsOf } from './cluster.ts';
import { seedIdentity, targetIdentity } from './identities.ts';
import { sweep, type Leftover } from './sweep.ts';
import { allowances } from './sweep-allowed.ts';

const kinds = [
  'address',
  'chrony',
  'cluster name',
  'domain',
  'host name',
  'infra id',
  'kubeadmin hash',
  'machine network',
  'proxy',
  'proxy bundle',
  'pull secret',
  'safe host name',
  'user bundle',
];

await test('a cluster that was not renamed is full of what is old: every kind of name, and in every wrapping', async () => {
  for (const stack of ['v4', 'v6', 'dual'] as const) {
    await using cluster = await makeCluster({ size: 'small', stack });
    const found = await sweep(cluster, cluster.seed, targetIdentity(stack));
    const wrong = found.filter(({ allowed }) => allowed === undefined);
    assert.deepEqual([...new Set(wrong.map(({ what }) => what))].sort(), kinds, stack);
    const at = (where: string, what: string): Leftover[] =>
      wrong.filter((one) => one.where === where && one.what === what);
    // In a data URL of a JSON file, in a certificate's DER, in a file's name, in JSON in protobuf bytes, in the name of a variable.
    assert.ok(at('file:/machine-config-daemon/currentconfig', 'domain').length > 0);
    assert.ok(
      at(
        'file:/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/internal-loadbalancer-serving-certkey/tls.crt',
        'domain',
      ).length > 0,
    );
    assert.ok(
      at(
        `file:/kubernetes/static-pod-resources/etcd-pod-9/secrets/etcd-all-certs/etcd-peer-${cluster.seed.hostname}.key`,
        'host name',
      ).length > 0,
    );
    assert.ok(at('etcd:/openshift.io/oauth/clients/openshift-browser-client', 'domain').length > 1);
    assert.ok(
      at('file:/kubernetes/static-pod-resources/etcd-certs/configmaps/etcd-scripts/etcd.env', 'safe host name').length >
        1,
    );
  }
});

await test('one forgotten name is found: in base64 of base64, percent-encoded, at the end of a sentence', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const now = targetIdentity();
  const before = await sweep(cluster, cluster.seed, now);
  const nested = Buffer.from(
    Buffer.from('kind: Config\nserver: https://api-int.seed.example.com:6443\n').toString('base64'),
  ).toString('base64');
  for (const [name, text] of Object.entries({
    nested: `data: ${nested}\n`,
    url: 'x=%22https%3A%2F%2F192.0.2.10%3A2379%22',
    sentence: 'It runs on seed-node.rack-1. Nothing else.',
  }))
    await writeFile(join(cluster.root, `etc/${name}`), text);
  // What is packed is not looked into: neither does the reference.
  await writeFile(join(cluster.root, 'etc/packed.gz'), gzipSync('seed.example.com'));
  const fresh = (await sweep(cluster, cluster.seed, now)).filter(
    (one) => !before.some(({ where }) => where === one.where),
  );
  assert.deepEqual(fresh.map(({ where, what }) => `${where} ${what}`).sort(), [
    'file:/etc/nested domain',
    'file:/etc/sentence host name',
    'file:/etc/url address',
  ]);
});

await test('names that only look old are left in peace, and what did not change is no leftover', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  assert.deepEqual(await sweep(cluster, cluster.seed, cluster.seed), []);
  const found = await sweep(cluster, cluster.seed, targetIdentity());
  const lookAlikes = found.filter(({ where }) => where.includes('look-alikes'));
  assert.deepEqual(
    [...new Set(lookAlikes.map(({ what, allowed }) => `${what}: ${allowed ?? 'a fault'}`))],
    ["host name: another machine, whose name ends like this one's"],
  );
  assert.ok(
    found.every(({ where }) => !where.includes('etcd-peer-seed-bootstrap')),
    "an address that begins like the node's",
  );
  for (const { reason } of allowances) assert.ok(reason.length > 20);
});

await test('the etcd member of a generated cluster goes by the address of its node', async () => {
  for (const stack of ['v4', 'dual-v6-first'] as const) {
    await using cluster = await makeCluster({ size: 'small', stack });
    await using etcd = await openEtcd(cluster.endpoint);
    assert.deepEqual(
      (await etcd.members()).map(({ peerUrls }) => peerUrls),
      [peerUrlsOf(seedIdentity(stack))],
    );
  }
});
