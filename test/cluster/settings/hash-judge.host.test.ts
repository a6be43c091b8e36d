import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'tap';
import { openEtcd } from '../../../internal/etcd/etcd.ts';
import { mountedPath, type StoredObject } from '../content.ts';
import { startEtcd } from '../etcd-server.ts';
import type { Identity } from '../identity.ts';
import { objectMaker } from '../objects.ts';
import { seeded } from '../seeded.ts';
import { etcdKeyOf, storedValue, usualEncoding, type KubeObject } from '../stored.ts';
import { customBundles } from './authorities.ts';
import { bundleFaults, hashFaults } from './hash-judge.ts';
import { olmCaHash } from './hashes.ts';
import { layOutRollouts } from './rollouts.ts';
import { layOutSettings } from './settings.ts';

const seed: Identity = {
  clusterName: 'seed',
  baseDomain: 'example.com',
  infraId: 'seed-abcde',
  hostname: 'seed-node',
  ips: ['192.0.2.10'],
  machineNetworks: ['192.0.2.0/24'],
  pullSecret: '{}',
  chrony: '',
  userCaBundle: customBundles.user.one,
  proxyTrustedCa: { configMap: 'own-ca', bundle: customBundles.proxy.one },
};
const now: Identity = {
  ...seed,
  ips: ['198.51.100.7'],
  userCaBundle: customBundles.user.two,
  proxyTrustedCa: { configMap: 'own-ca', bundle: customBundles.proxy.two },
};
const publicCas = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const places = { configMaps: ['openshift-apiserver/trusted-ca-bundle'], files: [] };

/** An etcd and files with the settings of an identity alone. */
async function running(identity: Identity): Promise<
  AsyncDisposable & {
    readonly endpoint: string;
    readonly root: string;
    put(object: KubeObject): Promise<void>;
    readonly objects: readonly StoredObject[];
  }
> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'hash-judge-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const server = stack.use(await startEtcd(join(folder, 'etcd')));
  const etcd = stack.use(await openEtcd(server.endpoint));
  const maker = objectMaker(seeded(1), new Date(0));
  const settings = layOutSettings(seed, identity, maker, { publicCas, bundles: places, uneven: false, copies: 1 });
  const packages: StoredObject[] = [
    {
      object: maker.make('APIService', 'apiregistration.k8s.io/v1', 'v1.packages.operators.coreos.com', {
        spec: { caBundle: Buffer.from('a bundle') },
      }),
    },
    {
      object: maker.secret(
        'openshift-operator-lifecycle-manager/packageserver-service-cert',
        {},
        { annotations: { olmcahash: olmCaHash(Buffer.from('a bundle')) } },
      ),
    },
  ];
  const objects = [...settings.objects, ...packages];
  objects.push(...layOutRollouts(seed, identity, maker, objects).objects);
  const put = async (object: KubeObject): Promise<void> => {
    const key = etcdKeyOf(object);
    const was = await etcd.get(key);
    await etcd.commit([
      { kind: 'put', key, value: storedValue(object, usualEncoding(object)), was: was?.modRevision ?? '0' },
    ]);
  };
  for (const stored of objects) if ('object' in stored) await put(stored.object);
  const root = join(folder, 'root');
  for (const file of settings.files) {
    const path = join(root, mountedPath(file.path));
    await mkdir(dirname(path), { recursive: true });
    if ('text' in file) await writeFile(path, file.text);
  }
  const moved = stack.move();
  return { endpoint: server.endpoint, root, put, objects, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

await test('the judges find nothing where everything is as it should be, before and after', async () => {
  for (const identity of [seed, now]) {
    await using cluster = await running(identity);
    assert.deepEqual(await hashFaults(cluster, seed, identity), []);
    assert.deepEqual(await bundleFaults(cluster, seed, identity, publicCas, places), []);
  }
});

await test('each judge finds what is stale, and what is left behind', async () => {
  await using cluster = await running(seed);
  const hashes = await hashFaults(cluster, seed, now);
  assert.deepEqual(
    hashes.map((line) => line.replace(/ is ".*/, '')),
    ['/kubernetes.io/deployments/openshift-oauth-apiserver/apiserver: operator.openshift.io/spec-hash'],
    'its address is in the spec',
  );
  const bundles = await bundleFaults(cluster, seed, now, publicCas, places);
  assert.equal(bundles.filter((line) => line.endsWith('should be gone')).length, 3);
  assert.ok(
    bundles.includes(
      '/kubernetes.io/configmaps/openshift-apiserver/trusted-ca-bundle: "ca-bundle.crt" in its data is not what it should be',
    ),
    bundles.join('\n'),
  );
  assert.ok(
    bundles.includes('/etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt is not what it should be'),
  );
});

await test('a hash that does not fit its content is found, wherever it stands', async () => {
  await using cluster = await running(seed);
  const spoil = async (name: string, change: (object: KubeObject) => KubeObject): Promise<string[]> => {
    const found = cluster.objects.flatMap((stored) =>
      'object' in stored && `${stored.object.kind} ${stored.object.metadata.name}`.startsWith(name)
        ? [stored.object]
        : [],
    )[0];
    assert.ok(found, name);
    await cluster.put(change(found));
    const faults = await hashFaults(cluster, seed, seed);
    await cluster.put(found);
    return faults.map((line) => line.replace('/kubernetes.io/', '').replace(/ is .*/, ''));
  };
  const api = 'deployments/openshift-apiserver/apiserver';
  assert.deepEqual(await spoil('ConfigMap image-import-ca', (object) => ({ ...object, data: { other: '<' } })), [
    `${api}: operator.openshift.io/dep-openshift-apiserver.image-import-ca.configmap`,
    `${api}: operator.openshift.io/dep-openshift-apiserver.image-import-ca.configmap of the template`,
    `${api}: operator.openshift.io/spec-hash`,
  ]);
  assert.deepEqual(
    await spoil('Deployment apiserver', (object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        annotations: { ...object.metadata.annotations, 'operator.openshift.io/spec-hash': 'a' },
      },
    })),
    [`${api}: operator.openshift.io/spec-hash`],
  );
  assert.deepEqual(await spoil('APIService', (object) => ({ ...object, spec: { caBundle: Buffer.from('b') } })), [
    'secrets/openshift-operator-lifecycle-manager/packageserver-service-cert: olmcahash',
  ]);
  assert.equal(
    (await spoil('ConfigMap prometheus-trusted', (object) => ({ ...object, data: { 'ca-bundle.crt': 'another' } })))
      .length,
    2,
    'label and name',
  );
  assert.deepEqual(await hashFaults(cluster, seed, seed), []);
});
