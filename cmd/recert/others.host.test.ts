import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'tap';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { makeCluster, type Cluster } from '../../test/cluster/cluster.ts';
import { verifyWithOpenssl } from '../../test/cluster/openssl-judge.ts';
import { gatherEvidence } from '../../test/cluster/evidence.ts';
import { etcdKeyOf, storedValue, type KubeObject } from '../../test/cluster/stored.ts';
import { configOf, runProgram } from './test-recert.ts';

/* A whole cluster in which people have put what is theirs, made by openssl: recert renews the cluster around it and touches none of it. */

const folder = mkdtempSync(join(tmpdir(), 'others-'));
const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const read = (name: string): Buffer => readFileSync(join(folder, name));

/** A self-signed authority, or a certificate signed by one: `NAME.crt` and `NAME.key`. */
function issue(name: string, subject: string, by?: string): void {
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
  writeFileSync(
    join(folder, 'ext'),
    by === undefined
      ? 'basicConstraints=critical,CA:TRUE\n'
      : 'basicConstraints=CA:FALSE\nsubjectAltName=DNS:*.apps.seed.example.com\n',
  );
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-days',
    '400',
    '-extfile',
    'ext',
    '-out',
    `${name}.crt`,
    ...(by === undefined
      ? ['-signkey', `${name}.key`]
      : ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial']),
  );
}

const object = (
  kind: 'Secret' | 'ConfigMap',
  place: string,
  data: Readonly<Record<string, Buffer | string>>,
): KubeObject => {
  const [namespace = '', name = ''] = place.split('/');
  return {
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace, uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' },
    data,
  };
};

/** The PEM text of the service CA as the cluster holds it. */
async function serviceCa({ endpoint }: Cluster): Promise<string> {
  await using etcd = await openEtcd(endpoint);
  for await (const { value } of etcd.list('/kubernetes.io/configmaps/openshift-service-ca/')) {
    const found = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----\n/.exec(
      Buffer.from(value).toString('latin1'),
    );
    if (found !== null) return found[0];
  }
  throw new Error('the cluster has no bundle of the service CA');
}

await test("everything of others on a cluster keeps its bytes and is named, and the cluster's own is renewed as ever", async () => {
  issue('ldap', '/CN=LDAP CA/O=Company');
  issue('root', '/CN=Company Root');
  issue('ingress', '/CN=*.apps.seed.example.com', 'root');
  issue('hub', '/OU=openshift/CN=kube-apiserver-lb-signer');
  openssl('pkcs8', '-topk8', '-in', 'ingress.key', '-out', 'locked.key', '-v2', 'aes-256-cbc', '-passout', 'pass:x');
  openssl(
    'pkcs12',
    '-export',
    '-in',
    'ingress.crt',
    '-inkey',
    'ingress.key',
    '-passout',
    'pass:x',
    '-out',
    'store.p12',
  );
  const [ldap, root, leaf, key, hub, locked] = [
    'ldap.crt',
    'root.crt',
    'ingress.crt',
    'ingress.key',
    'hub.crt',
    'locked.key',
  ].map(read) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
  const theirs = [
    object('ConfigMap', 'openshift-config/ldap-ca', { 'ca.crt': ldap.toString() }),
    object('ConfigMap', 'openshift-config/hub-ca', { 'ca-bundle.crt': hub.toString() }),
    object('Secret', 'openshift-logging/receiver', { 'ca-bundle.crt': root, 'tls.crt': leaf, 'tls.key': key }),
    object('Secret', 'openshift-ingress/custom-leaf', { 'tls.crt': leaf, 'tls.key': key }),
    object('Secret', 'openshift-ingress/custom-chain', { 'tls.crt': Buffer.concat([leaf, root]), 'tls.key': key }),
    object('ConfigMap', 'openshift-config-managed/default-ingress-cert-of-others', {
      'ca-bundle.crt': leaf.toString() + root.toString(),
    }),
    object('Secret', 'a/locked', { 'tls.crt': leaf, 'tls.key': locked, 'keystore.p12': read('store.p12') }),
  ];
  await using cluster = await makeCluster({ size: 'small' });
  await using etcd = await openEtcd(cluster.endpoint);
  await etcd.commit(theirs.map((one) => ({ kind: 'put', key: etcdKeyOf(one), value: storedValue(one, 'protobuf') })));
  // The cluster's own authority, pasted into a custom resource.
  const pasted = '/kubernetes.io/example.com/brokers/a/broker';
  const service = await serviceCa(cluster);
  await etcd.commit([{ kind: 'put', key: pasted, value: Buffer.from(JSON.stringify({ spec: { ca: service } })) }]);
  const anchor = join(cluster.root, 'kubernetes/corp-root.crt');
  await mkdir(dirname(anchor), { recursive: true });
  await writeFile(anchor, root);

  const before = await gatherEvidence(cluster);
  const done = await runProgram(cluster, ['run'], configOf(cluster));
  assert.equal(done.status, 0, done.stderr);
  for (const one of theirs) {
    const found = await etcd.get(etcdKeyOf(one));
    assert.ok(found !== undefined && Buffer.from(found.value).equals(storedValue(one, 'protobuf')), etcdKeyOf(one));
  }
  assert.ok(readFileSync(anchor).equals(root));
  for (const [subject, why] of [
    ['CN=LDAP CA, O=Company', 'has no private key on the cluster'],
    ['CN=kube-apiserver-lb-signer, OU=openshift', 'has no private key on the cluster'],
    ['CN=Company Root', 'has no private key on the cluster'],
    ['CN=*.apps.seed.example.com', 'is signed by "CN=Company Root", which nobody here can sign again,'],
  ] as const)
    assert.match(
      done.stderr,
      new RegExp(
        `warning: .*the certificate "${subject.replaceAll(/[.*]/g, '\\$&')}" \\(.*\\) ${why} and stays as it is`,
      ),
      subject,
    );
  assert.match(
    done.stderr,
    /warning: .*etcd:\/kubernetes\.io\/example\.com\/brokers\/a\/broker still holds the old certificate "CN=openshift-service-serving-signer@\d+", where it is not renewed/,
  );
  assert.deepEqual((await verifyWithOpenssl(cluster, { before })).faults, []);
});

rmSync(folder, { recursive: true });
