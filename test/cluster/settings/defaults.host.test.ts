import assert from 'node:assert/strict';
import { test } from 'tap';
import { openEtcd } from '../../../internal/etcd/etcd.ts';
import { startApiServer } from '../api-server.ts';
import { judgeMissing } from '../apiserver/build.ts';
import { makeCluster } from '../cluster.ts';
import { seedIdentity, targetIdentity } from '../identities.ts';
import { identitiesOf } from '../judge.ts';
import { objectMaker } from '../objects.ts';
import { seeded } from '../seeded.ts';
import { etcdKeyOf, storedValue, type KubeObject } from '../stored.ts';
import {
  storedCronJobSpec,
  storedDaemonSetSpec,
  storedDeploymentSpec,
  storedStatefulSetSpec,
  type Manifest,
} from './defaults.ts';
import { oauthApi, openshiftApi } from './manifests.ts';
import { layOutRollouts } from './rollouts.ts';
import { layOutSettings } from './settings.ts';
import { bytesAt, objectBytes } from './stored-fields.ts';

const skip = await judgeMissing();

const template = (app: string, more: Manifest = {}): Manifest => ({
  metadata: { creationTimestamp: null, labels: { app } },
  spec: { containers: [{ name: 'one', image: 'quay.io/lab/one:v1', resources: {} }], ...more },
});
const selector = (app: string): Manifest => ({ matchLabels: { app } });
const everything = template('all', {
  initContainers: [
    { name: 'zero', image: 'quay.io/lab/zero', resources: { limits: { cpu: '1' } } },
    { name: 'latest', image: 'quay.io/lab/latest:latest', resources: {} },
  ],
  containers: [
    {
      name: 'one',
      image: `quay.io/lab/one@sha256:${'a'.repeat(64)}`,
      resources: {},
      ports: [
        { containerPort: 80, name: 'web' },
        { containerPort: 53, protocol: 'UDP' },
      ],
      env: [
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'KEY', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } },
        { name: 'EMPTY' },
      ],
      livenessProbe: { tcpSocket: { port: 'web' } },
      readinessProbe: { httpGet: { port: 80 } },
      startupProbe: { exec: { command: ['true'] }, initialDelaySeconds: 2 },
      lifecycle: { preStop: { httpGet: { port: 80 } } },
    },
  ],
  volumes: [
    {
      name: 'a',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token' } },
          { configMap: { name: 'ca', items: [{ key: 'a', path: 'b' }] } },
          { downwardAPI: { items: [{ path: 'ns', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
        ],
      },
    },
    { name: 'b', downwardAPI: { items: [{ path: 'ns', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    { name: 'c', hostPath: { path: '/' } },
    { name: 'd', emptyDir: { sizeLimit: '1Gi' } },
    { name: 'e', secret: { secretName: 's', defaultMode: 256 } },
    { name: 'f', emptyDir: {} },
  ],
});

/** What is asked for, and how it is stored: kind and name, plural, manifest, and our form of it. */
const cases: readonly (readonly [kind: string, name: string, path: string, manifest: Manifest, stored: Manifest])[] = [
  ...[openshiftApi, oauthApi].map((api) => {
    const manifest = api.spec(seedIdentity(), seedIdentity(), { 'operator.openshift.io/dep-x.y.secret': 'AAAAAA==' });
    return ['Deployment', api.namespace, 'apps/v1', manifest, storedDeploymentSpec(manifest)] as const;
  }),
  ...(
    [
      ['bare', template('bare'), {}],
      ['all', everything, {}],
      ['recreated', template('recreated'), { type: 'Recreate' }],
    ] as const
  ).map(([name, pod, strategy]) => {
    const manifest = { selector: selector(name), template: pod, strategy };
    return ['Deployment', name, 'apps/v1', manifest, storedDeploymentSpec(manifest)] as const;
  }),
  (() => {
    const manifest = { selector: selector('set'), template: template('set') };
    return ['DaemonSet', 'set', 'apps/v1', manifest, storedDaemonSetSpec(manifest)] as const;
  })(),
  (() => {
    const manifest = { selector: selector('all'), template: everything, serviceName: 's' };
    return ['StatefulSet', 'all', 'apps/v1', manifest, storedStatefulSetSpec(manifest)] as const;
  })(),
  (() => {
    const manifest = {
      schedule: '0 0 * * *',
      jobTemplate: {
        spec: { template: { ...everything, spec: { ...(everything['spec'] as object), restartPolicy: 'Never' } } },
      },
    };
    return ['CronJob', 'all', 'batch/v1', manifest, storedCronJobSpec(manifest)] as const;
  })(),
];

await test('workloads are stored by the real API server to the byte as we write them', { skip }, async (t) => {
  await using cluster = await makeCluster({ size: 'small' });
  const [admin] = (await identitiesOf(cluster)).clients;
  assert.ok(admin);
  await using server = await startApiServer(cluster);
  await using etcd = await openEtcd(cluster.endpoint);
  assert.equal(
    (await server.ask({ path: '/api/v1/namespaces', body: { metadata: { name: 'lab' } }, client: admin })).status,
    201,
  );
  const maker = objectMaker(seeded(1), new Date(0));
  for (const [kind, name, apiVersion, manifest, stored] of cases) {
    await t.test(`${kind} ${name}`, async () => {
      const plural = `${kind.toLowerCase()}s`;
      const answer = await server.ask({
        path: `/apis/${apiVersion}/namespaces/lab/${plural}`,
        body: { apiVersion, kind, metadata: { name }, spec: manifest },
        client: admin,
      });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      const value = (await etcd.get(`/kubernetes.io/${plural}/lab/${name}`))?.value ?? Buffer.alloc(0);
      const ours: KubeObject = { ...maker.make(kind, apiVersion, `lab/${name}`, {}), spec: stored };
      const specOf = (bytes: Uint8Array): Buffer =>
        Buffer.from(bytesAt(objectBytes(bytes) ?? Buffer.alloc(0), [2])[0] ?? []);
      // Bytes say all; the JSON form says it to people.
      assert.deepEqual(withoutEmptyTimes((answer.body as { spec: unknown }).spec), withoutEmptyTimes(stored));
      assert.equal(specOf(value).toString('latin1'), specOf(storedValue(ours, 'protobuf')).toString('latin1'));
      assert.ok(specOf(value).length > 100);
    });
  }
});

await test('the real API server serves all workloads of the settings as they were made', { skip }, async () => {
  await using cluster = await makeCluster({ size: 'small' });
  await using etcd = await openEtcd(cluster.endpoint);
  const maker = objectMaker(seeded(2), new Date(0));
  const settings = layOutSettings(seedIdentity(), targetIdentity(), maker, {
    publicCas: '',
    bundles: { configMaps: [], files: [] },
    uneven: true,
    copies: 1,
  });
  const all = [
    ...settings.objects,
    ...layOutRollouts(seedIdentity(), targetIdentity(), maker, settings.objects).objects,
  ];
  const builtIn = all.flatMap((stored) =>
    'object' in stored && /^(?:apps|batch)\/v1$|^v1$/.test(stored.object.apiVersion)
      ? [{ ...stored, encoding: stored.encoding ?? ('protobuf' as const) }]
      : [],
  );
  assert.equal(builtIn.length, all.length - 8, 'the rest are custom resources');
  for (const { object, encoding } of builtIn) {
    const key = etcdKeyOf(object);
    await etcd.commit([
      { kind: 'put', key, value: storedValue(object, encoding), was: (await etcd.get(key))?.modRevision ?? '0' },
    ]);
  }
  const [admin] = (await identitiesOf(cluster)).clients;
  assert.ok(admin);
  await using server = await startApiServer(cluster);
  for (const { object } of builtIn) {
    const {
      apiVersion,
      kind,
      metadata: { namespace = '', name },
      spec,
      data,
      revision,
    } = object;
    const { status, body } = await server.ask({
      path: `/${apiVersion === 'v1' ? 'api' : 'apis'}/${apiVersion}/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`,
      client: admin,
    });
    assert.equal(status, 200, `${kind} ${namespace}/${name}: ${JSON.stringify(body)}`);
    const served = body as { spec?: unknown; data?: unknown; revision?: unknown };
    const expected = Buffer.isBuffer(data)
      ? (JSON.parse(data.toString()) as unknown)
      : kind === 'Secret'
        ? Object.fromEntries(
            Object.entries(data as Record<string, Buffer>).map(([entry, bytes]) => [entry, bytes.toString('base64')]),
          )
        : data;
    // An empty value is left out of JSON, and "null" of a time.
    assert.deepEqual(
      withoutEmpty({ spec: served.spec, data: served.data, revision: served.revision }),
      withoutEmpty({ spec, data: expected, revision }),
      `${kind} ${namespace}/${name}`,
    );
  }
});

/** Servers since 1.34 leave the empty time of a template out of JSON. */
function withoutEmptyTimes(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (name, member: unknown) =>
    name === 'creationTimestamp' && member === null ? undefined : member,
  ) as unknown;
}

function withoutEmpty(value: unknown): unknown {
  return JSON.parse(JSON.stringify(withoutEmptyTimes(value)), (name, member: unknown) =>
    member === '' && name === 'value' ? undefined : member,
  ) as unknown;
}
