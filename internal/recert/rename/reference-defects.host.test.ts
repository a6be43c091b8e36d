import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'tap';
import { customBundles } from '../../../test/cluster/settings/authorities.ts';
import { etcdKeyOf, storedValue, usualEncoding, type KubeObject } from '../../../test/cluster/stored.ts';
import { fnv64Text } from '../rollout/fnv.ts';
import { etcdHolding } from '../test-etcd.ts';
import { clusterOf, laid } from './cluster.ts';
import type { Change } from './change.ts';
import { domainObjectSteps } from './domain-objects.ts';
import { hostNameSteps } from './host-name.ts';
import { newInfraId } from './infra-id.ts';
import { openContents } from './open.ts';
import { proxySteps, readProxy } from './proxy.ts';
import type { Step } from './step.ts';
import { proxyBundleSteps, userBundleSteps } from './trust-bundles.ts';

/** Defects of the reference that are about renames, each by its id in the table of internal/recert/README.md. */

const folder = await mkdtemp(join(tmpdir(), 'defects-'));
after(() => rm(folder, { recursive: true }));

const object = (
  kind: string,
  apiVersion: string,
  namespace: string | undefined,
  name: string,
  content: object,
  labels?: Record<string, string>,
): KubeObject => ({
  apiVersion,
  kind,
  metadata: {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: 'u',
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...(labels === undefined ? {} : { labels }),
  },
  ...content,
});
const configMap = (
  namespace: string,
  name: string,
  data: Record<string, string>,
  labels?: Record<string, string>,
): KubeObject => object('ConfigMap', 'v1', namespace, name, { data }, labels);
const keyOf = etcdKeyOf;

/** Runs one row over a few objects and gives back what they became, by key. */
function outcomeOf(
  steps: readonly Step[],
  row: string,
  objects: readonly KubeObject[],
): { changes: Change[]; text: (key: string, ...path: (string | number)[]) => string | undefined } {
  let cluster = clusterOf({
    objects: new Map(objects.map((one) => [keyOf(one), storedValue(one, usualEncoding(one))])),
    files: [],
  });
  const changes: Change[] = [];
  for (const step of steps.filter((one) => one.row === row)) {
    const some = step.changes(cluster, () => undefined);
    cluster = laid(cluster, some);
    changes.push(...some);
  }
  return { changes, text: (key, ...path) => cluster.object(key)?.textAt(path) };
}

const bundle = (text: string): Record<string, string> => ({ 'ca-bundle.crt': text });
const system = '# system\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n';

test('defect/shared-bundle: the bundle of the site may be that of the proxy: the old one is read before the new one is written', async () => {
  const [own, merged] = [
    configMap('openshift-config', 'user-ca-bundle', bundle(customBundles.user.one)),
    configMap('openshift-config-managed', 'trusted-ca-bundle', bundle(customBundles.user.one + system)),
  ];
  const objects = [
    own,
    merged,
    configMap('openshift-controller-manager', 'openshift-user-ca', bundle(customBundles.user.one)),
    object('Proxy', 'config.openshift.io/v1', undefined, 'cluster', {
      spec: { trustedCA: { name: 'user-ca-bundle' } },
    }),
  ];
  const both = [
    ...proxyBundleSteps('user-ca-bundle', customBundles.user.two),
    ...userBundleSteps(customBundles.user.two)
      .filter(({ row }) => row === 'trust/user-object')
      .map((step): Step => ({ ...step, row: 'trust/proxy' })),
  ];
  const { text } = outcomeOf(both, 'trust/proxy', objects);
  assert.equal(text(keyOf(own), 'data', 'ca-bundle.crt'), customBundles.user.two);
  assert.equal(text(keyOf(merged), 'data', 'ca-bundle.crt'), customBundles.user.two + system);
});

test("defect/hashed-copies: monitoring's hashed copies move to the name of their new hash, in the encoding they had", async () => {
  const old = customBundles.proxy.one + system;
  const copy = configMap('openshift-monitoring', `prometheus-trusted-ca-bundle-${fnv64Text(old)}`, bundle(old), {
    'monitoring.openshift.io/hash': fnv64Text(old),
  });
  const objects = [
    copy,
    configMap('openshift-config', 'site-ca', bundle(customBundles.proxy.one)),
    configMap('openshift-config-managed', 'trusted-ca-bundle', bundle(old)),
    configMap('openshift-controller-manager', 'openshift-user-ca', bundle('')),
    object('Proxy', 'config.openshift.io/v1', undefined, 'cluster', { spec: { trustedCA: { name: 'site-ca' } } }),
  ];
  const { changes, text } = outcomeOf(proxyBundleSteps('site-ca', customBundles.proxy.two), 'trust/proxy', objects);
  const hash = fnv64Text(customBundles.proxy.two + system);
  const moved = changes.find(({ kind }) => kind === 'moved');
  assert.ok(moved?.kind === 'moved');
  assert.deepEqual(
    [moved.name, moved.to],
    [keyOf(copy), `/kubernetes.io/configmaps/openshift-monitoring/prometheus-trusted-ca-bundle-${hash}`],
  );
  assert.equal(Buffer.from(moved.after.subarray(0, 4)).toString('latin1'), 'k8s\0');
  assert.deepEqual(
    [
      text(moved.to, 'metadata', 'labels', 'monitoring.openshift.io/hash'),
      text(moved.to, 'metadata', 'name'),
      text(keyOf(copy), 'metadata', 'name'),
    ],
    [hash, `prometheus-trusted-ca-bundle-${hash}`, undefined],
  );
});

test('defect/folder-like-node: a certificate file is renamed, a folder that is called like the node is not', async () => {
  const [path, stranger] = [
    'node-a/etcd-all-certs/etcd-peer-node-a.crt',
    'node-a/etcd-all-certs/etcd-peer-node-ab.crt',
  ];
  for (const one of [path, stranger]) {
    await mkdir(dirname(join(folder, one)), { recursive: true });
    await writeFile(join(folder, one), 'x');
  }
  const steps = hostNameSteps('node-a', 'edge').filter(({ row }) => row === 'hostname/cert-files');
  const [step] = steps;
  assert.ok(step !== undefined);
  const { contents } = await openContents({ etcd: etcdHolding([]), folders: [folder], files: [] }, step.reads);
  const changes = step.changes(clusterOf(contents), () => undefined);
  assert.deepEqual(
    changes.map((change) => [change.name, change.kind === 'moved' ? change.to : change.kind]),
    [[join(folder, path), join(folder, 'node-a/etcd-all-certs/etcd-peer-edge.crt')]],
  );
});

test('defect/cronjobs: the proxy of a CronJob changes, too', async () => {
  const job = object('CronJob', 'batch/v1', 'openshift-x', 'prune', {
    spec: {
      schedule: '@daily',
      jobTemplate: {
        spec: {
          template: {
            spec: { containers: [{ name: 'a', image: 'i', env: [{ name: 'HTTP_PROXY', value: 'http://old' }] }] },
          },
        },
      },
    },
  });
  const { text } = outcomeOf(proxySteps(readProxy('||||http://new|')), 'proxy/workloads', [job]);
  assert.deepEqual(
    ['name', 'value'].map((member) =>
      text(keyOf(job), 'spec', 'jobTemplate', 'spec', 'template', 'spec', 'containers', 0, 'env', 0, member),
    ),
    ['HTTPS_PROXY', 'http://new'],
  );
});

test('defect/upper-case-id: a new infrastructure id is made of the name, cut to 21 characters, and five lower-case letters and digits', async () => {
  assert.match(newInfraId('My_Cluster.with-a--very...long name'), /^My-Cluster-with-a-ver-[a-z0-9]{5}$/);
  assert.match(newInfraId('abcdefghijklmnopqrst---u'), /^abcdefghijklmnopqrst-[a-z0-9]{5}$/);
  assert.equal(new Set(Array.from({ length: 50 }, () => newInfraId('a'))).size, 50);
});

test('defect/last-newline: ovnkube.conf keeps its last line end, or its want of one', async () => {
  const to = { name: 'edge', baseDomain: 'x.org', domain: 'edge.x.org', infraId: 'edge-abcde' };
  for (const end of ['\n', '', '\n\n']) {
    const map = configMap('openshift-ovn-kubernetes', 'ovnkube-config', {
      'ovnkube.conf': `[kubernetes]\napiserver="https://api-int.seed.example.com:6443"\nhost-network-namespace="x"${end}`,
    });
    assert.equal(
      outcomeOf(domainObjectSteps(to), 'domain/ovnkube-config', [map]).text(keyOf(map), 'data', 'ovnkube.conf'),
      `[kubernetes]\napiserver="https://api-int.edge.x.org:6443"\nhost-network-namespace="x"${end}`,
    );
  }
});
