import type { EtcdReader } from '../document.ts';
import assert from 'node:assert/strict';
import { test } from 'tap';
import { storedValue, etcdKeyOf, usualEncoding, type KubeObject } from '../../../test/cluster/stored.ts';
import type { ClusterChanges } from '../../config/recert-config-cluster.ts';
import { Failure } from '../../errors/errors.ts';
import { Secret } from '../../log/secret.ts';
import { replacedName } from '../document.ts';
import { etcdHolding } from '../test-etcd.ts';
import { prepareRename, rehearse, rename, type Renamed } from './rename.ts';

const metadata = (name: string, namespace?: string) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  uid: 'u',
  creationTimestamp: '2026-01-01T00:00:00Z',
});
const object = (kind: string, apiVersion: string, place: string, content: object): KubeObject => {
  const [namespace, name] = place.includes('/') ? place.split('/') : [undefined, place];
  return { apiVersion, kind, metadata: metadata(name, namespace), ...content };
};

function etcdOf(objects: readonly KubeObject[], more: Readonly<Record<string, string>> = {}): EtcdReader {
  return etcdHolding([
    ...objects.map((one) => [etcdKeyOf(one), storedValue(one, usualEncoding(one))] as const),
    ...Object.entries(more).map(([key, text]) => [key, Buffer.from(text)] as const),
  ]);
}

const run = (
  etcd: EtcdReader,
  changes: Partial<ClusterChanges>,
  nameRules: readonly { old: string; new: string }[] = [],
): Promise<Renamed> =>
  prepareRename({
    etcd,
    folders: [],
    files: [],
    changes: { addresses: [], machineNetworks: [], ...changes },
    nameRules,
  }).then((prepared) => rename(prepared, []));

const version = object('ClusterVersion', 'config.openshift.io/v1', 'version', {
  status: {
    conditions: [
      { type: 'Available', status: 'True', message: 'Done applying' },
      { type: 'Failing', status: 'False' },
    ],
  },
});

await test('without any wish, what is not there is told and everything else is done', async () => {
  const { replacements, facts, faults } = await run(etcdOf([version], { '/kubernetes.io/leases/a/b': 'x' }), {});
  assert.deepEqual(
    replacements.map((one) => [one.kind, replacedName(one)]),
    [
      ['removed', 'etcd:/kubernetes.io/leases/a/b'],
      ['changed', 'etcd:/kubernetes.io/config.openshift.io/clusterversions/version'],
    ],
  );
  assert.deepEqual(faults, []);
  assert.ok(
    facts.includes(
      'there is no "etcd:/kubernetes.io/apiregistration.k8s.io/apiservices/v1.packages.operators.coreos.com"; it is left as it is',
    ),
  );
});

await test('with a wish, a mandatory object that is missing is one error with object and option', async () => {
  await assert.rejects(
    run(etcdOf([version]), { kubeadminPasswordHash: new Secret('$2a$10$x') }),
    (error) =>
      error instanceof Failure &&
      error.message ===
        'there is no "etcd:/kubernetes.io/apiregistration.k8s.io/apiservices/v1.packages.operators.coreos.com"' &&
      error.next !== undefined,
  );
});

await test('a node without address, two nodes, and families that do not fit are named', async () => {
  const node = (name: string, ...ips: string[]) =>
    object('Node', 'v1', name, {
      status: {
        addresses: [...ips.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: name }],
      },
    });
  const stored = (...nodes: KubeObject[]): EtcdReader =>
    etcdOf(
      [],
      Object.fromEntries(nodes.map((one) => [`/kubernetes.io/minions/${one.metadata.name}`, JSON.stringify(one)])),
    );
  await assert.rejects(run(stored(), { addresses: ['192.0.2.2'] }), {
    message: 'there is no node below "/kubernetes.io/minions/" in etcd, whose address "ip" replaces',
  });
  await assert.rejects(run(stored(node('a', '192.0.2.1'), node('b', '192.0.2.3')), { addresses: ['192.0.2.2'] }), {
    message: 'there are 2 nodes below "/kubernetes.io/minions/" in etcd; "ip" is for a cluster of one',
  });
  await assert.rejects(run(stored(node('a', '192.0.2.1', 'fd00::1')), { addresses: ['192.0.2.2'] }), {
    message: 'Expected single-stack (1 IP) but found 2 IPs',
  });
  await assert.rejects(run(stored(node('a', '192.0.2.1')), { addresses: ['192.0.2.2', 'fd00::2'] }), {
    message: 'Expected dual-stack (2 IPs) but found 1 IPs',
  });
  await assert.rejects(run(stored(node('a', '192.0.2.1')), { addresses: ['fd00::2'] }), {
    message: 'ip "fd00::2" is not of the family of "192.0.2.1", which it replaces',
  });
  await assert.rejects(run(stored(node('a', 'fd00::1', '192.0.2.1')), { addresses: ['192.0.2.2', 'fd00::2'] }), {
    message: 'ip "192.0.2.2" is not of the family of "fd00::1", which it replaces',
  });
});

await test('a seed whose name is none, two, or a word of pod.yaml is refused', async () => {
  const certs = (name: string, ...nodes: string[]) =>
    object('Secret', 'v1', `openshift-etcd/${name}`, {
      data: Object.fromEntries(nodes.map((node) => [`etcd-peer-${node}.crt`, Buffer.from('x')])),
    });
  await assert.rejects(
    run(etcdOf([certs('etcd-all-certs-3')]), { hostname: 'b' }),
    /has a data key etcd-peer-<node>\.crt/,
  );
  await assert.rejects(
    run(etcdOf([certs('etcd-all-certs-3', 'a'), certs('etcd-all-certs-4', 'c')]), { hostname: 'b' }),
    /are of several nodes: a, c/,
  );
  for (const word of ['existing', 'REVISION', 'true'])
    await assert.rejects(run(etcdOf([certs('etcd-all-certs', word)]), { hostname: 'b' }), {
      message: `the seed's node is called "${word}", which is a value in etcd's pod.yaml, too`,
    });
});

await test('cert-manager follows the rules: whole names, the last rule counts, requests go (cert-manager/names)', async () => {
  const certificate = object('Certificate', 'cert-manager.io/v1', 'a/b', {
    spec: {
      commonName: 'seed.example.com',
      dnsNames: ['prefix.seed.example.com', 'seed.example.com', 'seed.example.com.suffix'],
      ipAddresses: ['192.0.2.1'],
    },
  });
  const key = '/kubernetes.io/cert-manager.io/certificates/a/b';
  const etcd = etcdOf([], {
    [key]: JSON.stringify(certificate),
    '/kubernetes.io/cert-manager.io/certificaterequests/a/r': '{}',
  });
  const { replacements } = await run(etcd, {}, [
    { old: 'seed.example.com', new: 'x' },
    { old: 'seed.example.com', new: 'target.example.com' },
    { old: '192.0.2.1', new: '192.0.2.2' },
  ]);
  const changed = replacements.find((one) => replacedName(one) === `etcd:${key}`);
  assert.ok(changed?.kind === 'changed');
  assert.equal(
    Buffer.from(changed.after).toString(),
    JSON.stringify(certificate).replaceAll('"seed.example.com"', '"target.example.com"'),
  );
  assert.deepEqual(replacements.map((one) => one.kind).sort(), ['changed', 'removed']);
});

await test('what was rehearsed counts for contents that stayed; what the renewal changed is edited in its new content', async () => {
  const name = 'etcd:/kubernetes.io/config.openshift.io/clusterversions/version';
  const prepared = await prepareRename({
    etcd: etcdOf([version]),
    folders: [],
    files: [],
    changes: { addresses: [], machineNetworks: [] },
    nameRules: [],
  });
  await rehearse(prepared);
  const afterOf = (...renewed: Parameters<typeof rename>[1][number][]): Uint8Array | undefined =>
    rename(prepared, renewed).replacements.flatMap((one) =>
      one.kind === 'changed' && replacedName(one) === name ? [one.after] : [],
    )[0];
  const document = prepared.opened.found.get(name);
  assert.ok(document !== undefined);
  const plain = afterOf();
  assert.equal(afterOf(), plain);
  const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
  assert.equal(
    text(
      afterOf({ kind: 'changed', document, after: Buffer.from(text(document.bytes).replace('Failing', 'Renewed')) }),
    ),
    text(plain).replace('Failing', 'Renewed'),
  );
});
