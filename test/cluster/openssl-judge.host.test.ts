import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { makeCluster } from './cluster.ts';
import { gatherEvidence } from './evidence.ts';
import { verifyWithOpenssl } from './openssl-judge.ts';

await test('openssl verifies every pair, chain, key and token of the full cluster', async () => {
  await using cluster = await makeCluster({ size: 'full' });
  const verdict = await verifyWithOpenssl(cluster);
  assert.deepEqual(verdict.faults, []);
  assert.deepEqual([verdict.certificates, verdict.keys, verdict.tokens], [134, 136, 6]);
});

await test('the rotated cluster and one of another seed verify, too', async () => {
  await using rotated = await makeCluster({ size: 'small', age: 'rotated', seed: 2 });
  assert.deepEqual((await verifyWithOpenssl(rotated)).faults, []);
  assert.ok(
    rotated.inventory.pairs.some(({ cn }) =>
      cn.startsWith('openshift-kube-apiserver-operator_aggregator-client-signer@'),
    ),
  );
});

await test('openssl finds a foreign key, a foreign certificate and a foreign token, each with its place', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const certs = join(cluster.root, 'kubernetes/static-pod-resources/kube-apiserver-certs/secrets');
  const [admin, serving] = [
    join(certs, 'control-plane-node-admin-client-cert-key/tls.key'),
    join(certs, 'localhost-serving-cert-certkey/tls.key'),
  ];
  await writeFile(admin, await readFile(serving));
  await writeFile(
    join(cluster.root, 'kubernetes/kubelet-ca.crt'),
    (await readFile(join(cluster.root, 'kubernetes/kubelet-ca.crt'), 'utf8')).replace(
      /-----BEGIN[^]*?-----END CERTIFICATE-----/,
      await readFile(join(certs, 'localhost-serving-cert-certkey/tls.crt'), 'utf8'),
    ),
  );
  const tokenFile = join(
    cluster.root,
    'kubernetes/static-pod-resources/kube-apiserver-pod-10/secrets/localhost-recovery-client-token/token',
  );
  await writeFile(tokenFile, (await readFile(tokenFile, 'utf8')).replace(/.{20}$/, 'A'.repeat(20)));
  const { faults } = await verifyWithOpenssl(cluster);
  assert.equal(faults.length, 3, faults.join('\n'));
  assert.match(
    faults[0] ?? '',
    /^certificate admin-kubeconfig-signer: 2 different values, in .*file:\/kubernetes\/kubelet-ca\.crt/,
  );
  assert.match(faults.join('\n'), /key of system:control-plane-node-admin: 2 different values/);
  assert.ok(faults.includes('a token of key legacy does not verify'));
});

await test('openssl finds a key that belongs to another certificate, and a certificate that its signer has not signed', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const { pairs } = cluster.inventory;
  const other = pairs.find(({ cn }) => cn === 'system:openshift-aggregator');
  assert.ok(other !== undefined);
  // What the inventory expects is made wrong instead of the cluster: every place is asked all the same.
  const inventory = {
    ...cluster.inventory,
    pairs: pairs.map((pair) =>
      pair.cn === 'system:control-plane-node-admin'
        ? { ...pair, keyAt: other.keyAt, signer: 'aggregator-signer' }
        : pair,
    ),
  };
  const { faults } = await verifyWithOpenssl({ ...cluster, inventory });
  assert.equal(faults.length, 2, faults.join('\n'));
  assert.equal(faults[0], 'pair system:control-plane-node-admin: the key does not belong to the certificate');
  assert.match(faults[1] ?? '', /^certificate system:control-plane-node-admin: error /);
});

await test('a cluster that was not renewed is found out: every pair, key and token is the old one', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const { faults } = await verifyWithOpenssl(cluster, { before: await gatherEvidence(cluster) });
  for (const { name, certificateAt } of cluster.inventory.pairs) {
    if (certificateAt.some(({ document }) => !/^file:\/(?:etc|ovn-ic)/.test(document)))
      assert.ok(faults.includes(`certificate ${name} has its old key`), name);
  }
  assert.ok(faults.some((fault) => fault.startsWith('the old token of legacy is left at file:/kubernetes/')));
  assert.ok(
    faults.some((fault) => fault.startsWith('the old private-key of bound is left at etcd:/kubernetes.io/secrets/')),
  );
});
