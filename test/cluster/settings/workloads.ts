import type { StoredObject } from '../content.ts';
import type { Identity } from '../identity.ts';
import type { ObjectMaker } from '../objects.ts';
import type { KubeObject } from '../stored.ts';
import {
  storedCronJobSpec,
  storedDaemonSetSpec,
  storedDeploymentSpec,
  storedJobSpec,
  storedStatefulSetSpec,
  type Manifest,
} from './defaults.ts';
import { goJson, sorted } from './hashes.ts';
import { envAfter, proxyEnv, type EnvEntry } from './proxy-env.ts';

/** `uneven`: with environments that do not come back when the proxy does: names missing, scattered, or with values of their own. */
export type WorkloadOptions = {
  readonly uneven: boolean;
  /** How often all of it is there; the others in namespaces of their own. */ readonly copies: number;
};

/** Name of the hashed ConfigMap of a component of monitoring, in the seed: who mounts it is not edited (trust/hashed-copies). */
export type HashedNames = (component: 'alertmanager' | 'prometheus') => string;

const plain = (name: string, value = ''): EnvEntry => ({ name, value });
const podName: EnvEntry = { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
const fromSecret: EnvEntry = {
  name: 'LICENCE',
  valueFrom: { secretKeyRef: { name: 'licence', key: 'text', optional: true } },
};

type Env = (seed: Identity) => readonly EnvEntry[];

/** Environments of the seed as operators make them: all the values of the cluster that are not empty, side by side. */
const even = {
  between: (seed) => [plain('SOME', '1'), ...proxyEnv(seed, seed), podName, plain('OTHER', 'http://HTTP_PROXY')],
  first: (seed) => [...proxyEnv(seed, seed), plain('RELEASE_VERSION', '4.18.2')],
  last: (seed) => [podName, fromSecret, ...proxyEnv(seed, seed)],
  // As library-go sorts them: S comes before the underscore.
  sorted: (seed) => [
    plain('APP', 'x'),
    ...proxyEnv(seed, seed).toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  ],
  lower: (seed) => [podName, ...proxyEnv(seed, seed, 'lower'), plain('OTHER', '2')],
  both: (seed) => [
    plain('SOME', '1'),
    ...proxyEnv(seed, seed),
    plain('MIDDLE'),
    ...proxyEnv(seed, seed, 'lower'),
    fromSecret,
  ],
  // No name of theirs is one of the three.
  without: () => [
    plain('SOME', '1'),
    plain('MY_HTTP_PROXY', 'http://own.example.com:3128'),
    plain('Https_Proxy', 'mixed'),
    podName,
  ],
} as const satisfies Record<string, Env>;

/** Environments as people make them (proxy/workloads). */
const uneven = {
  oneOfThree: () => [plain('SOME', '1'), plain('HTTPS_PROXY', 'http://own.example.com:3128'), plain('OTHER', '2')],
  oneLower: () => [plain('SOME', '1'), plain('https_proxy', 'http://own.example.com:3128'), plain('OTHER', '2')],
  scattered: () => [
    plain('NO_PROXY', 'own.example.com'),
    plain('SOME', '1'),
    podName,
    plain('HTTP_PROXY', 'http://own.example.com:3128'),
    plain('OTHER', '2'),
  ],
  empty: () => [plain('HTTP_PROXY'), plain('http_proxy'), plain('OTHER', '2')],
  referred: () => [
    fromSecret,
    { name: 'HTTPS_PROXY', valueFrom: { configMapKeyRef: { name: 'egress', key: 'https', optional: true } } },
    podName,
  ],
} as const satisfies Record<string, Env>;

/** The objects of which proxy/workloads edits the containers, whoever made them. */
export function layOutWorkloads(
  seed: Identity,
  now: Identity,
  objects: ObjectMaker,
  hashed: HashedNames,
  options: WorkloadOptions,
): StoredObject[] {
  const container = (name: string, env?: Env, more: Manifest = {}): Manifest => ({
    name,
    image: `quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:${'1'.repeat(64)}`,
    command: ['/bin/sh', '-c', 'test -d /data && echo "a < b" > /dev/null; exec serve'],
    ...(env === undefined ? {} : { env: envAfter(seed, now, env(seed)) }),
    resources: { requests: { cpu: '10m', memory: '50Mi' } },
    ...more,
  });
  const template = (app: string, containers: readonly Manifest[], more: Manifest = {}): Manifest => ({
    metadata: { creationTimestamp: null, labels: { app } },
    spec: { containers, serviceAccountName: app, ...more },
  });
  const all = Array.from({ length: options.copies }, (_, copy) => {
    const namespace = (name: string): string => (copy === 0 ? name : `${name}-x${copy}`);
    const make = (
      kind: string,
      apiVersion: string,
      place: readonly [string, string],
      content: Manifest,
    ): { readonly object: KubeObject } => ({
      object: objects.make(kind, apiVersion, `${namespace(place[0])}/${place[1]}`, content, {
        labels: { app: place[1] },
        manager: 'cluster-version-operator',
      }),
    });
    const selector = (app: string): Manifest => ({ matchLabels: { app } });
    const deployment = (
      place: readonly [string, string],
      containers: readonly Manifest[],
      more?: Manifest,
    ): { readonly object: KubeObject } =>
      make('Deployment', 'apps/v1', place, {
        spec: storedDeploymentSpec({
          selector: selector(place[1]),
          template: template(place[1], containers, more),
          strategy: {},
        }),
        status: {},
      });

    const trust = (component: 'alertmanager' | 'prometheus'): Manifest => ({
      volumes: [
        {
          name: 'trusted-ca',
          configMap: { name: hashed(component), items: [{ key: 'ca-bundle.crt', path: 'tls-ca-bundle.pem' }] },
        },
      ],
    });
    const alertmanager = template(
      'alertmanager',
      [
        container('alertmanager', even.without),
        container('config-reloader', even.between),
        container('kube-rbac-proxy'),
      ],
      trust('alertmanager'),
    );
    const dns = template('dns-default', [
      container('dns', even.both, { args: ['-conf', '/etc/coredns/Corefile', '--filter=<all> & none'] }),
      container('kube-rbac-proxy'),
    ]);
    return [
      deployment(['openshift-marketplace', 'marketplace-operator'], [container('marketplace-operator', even.between)]),
      deployment(
        ['openshift-image-registry', 'cluster-image-registry-operator'],
        [container('cluster-image-registry-operator', even.first), container('watch', even.without)],
      ),
      deployment(['openshift-insights', 'insights-operator'], [container('insights-operator', even.sorted)], {
        initContainers: [container('prepare', even.last), container('permissions')],
      }),
      deployment(
        ['openshift-machine-api', 'cluster-baremetal-operator'],
        [container('cluster-baremetal-operator', even.lower), container('kube-rbac-proxy', even.both)],
      ),
      deployment(
        ['openshift-dns-operator', 'dns-operator'],
        [container('dns-operator'), container('kube-rbac-proxy', even.without)],
      ),
      make('StatefulSet', 'apps/v1', ['openshift-monitoring', 'alertmanager-main'], {
        spec: storedStatefulSetSpec({
          selector: selector('alertmanager'),
          template: alertmanager,
          serviceName: 'alertmanager-operated',
        }),
        status: {},
      }),
      make('DaemonSet', 'apps/v1', ['openshift-dns', 'dns-default'], {
        spec: storedDaemonSetSpec({ selector: selector('dns-default'), template: dns }),
        status: {},
      }),
      make('Job', 'batch/v1', ['openshift-operator-lifecycle-manager', 'collect-profiles-29384756'], {
        spec: storedJobSpec({
          selector: selector('collect-profiles'),
          template: template('collect-profiles', [container('collect-profiles', even.between)], {
            restartPolicy: 'Never',
          }),
        }),
        status: { succeeded: 1 },
      }),
      make('CronJob', 'batch/v1', ['openshift-operator-lifecycle-manager', 'collect-profiles'], {
        spec: storedCronJobSpec({
          schedule: '*/15 * * * *',
          jobTemplate: {
            spec: {
              template: template('collect-profiles', [container('collect-profiles', even.between)], {
                restartPolicy: 'Never',
                initContainers: [container('prepare', even.lower)],
              }),
            },
          },
        }),
        status: {},
      }),
      make('Alertmanager', 'monitoring.coreos.com/v1', ['openshift-monitoring', 'main'], {
        spec: {
          containers: [container('alertmanager', even.first), container('kube-rbac-proxy')],
          image: 'quay.io/lab/alertmanager:v1',
          replicas: 1,
          version: '0.27.0',
          ...trust('alertmanager'),
        },
      }),
      make('Prometheus', 'monitoring.coreos.com/v1', ['openshift-monitoring', 'k8s'], {
        spec: {
          containers: [container('prometheus', even.without), container('thanos-sidecar', even.both)],
          initContainers: [container('init-config-reloader', even.between)],
          replicas: 1,
          version: '2.55.1',
          ...trust('prometheus'),
        },
      }),
      revision(make, ['openshift-dns', 'dns-default-5d8c7b9f64'], dns, 1),
      revision(make, ['openshift-monitoring', 'alertmanager-main-7b6d4c8f95'], alertmanager, 3),
      ...(options.uneven
        ? [
            deployment(
              ['customer-workload', 'shop'],
              [
                container('one', uneven.oneOfThree),
                container('two', uneven.oneLower),
                container('three', uneven.scattered),
              ],
              { initContainers: [container('four', uneven.empty), container('five', uneven.referred)] },
            ),
            make('CronJob', 'batch/v1', ['customer-workload', 'nightly'], {
              spec: storedCronJobSpec({
                schedule: '0 3 * * *',
                jobTemplate: {
                  spec: {
                    template: template('nightly', [container('nightly', uneven.scattered)], {
                      restartPolicy: 'OnFailure',
                    }),
                  },
                },
              }),
              status: {},
            }),
            // As a server stores custom resources once it is told to, and as an old one stored a Deployment.
            {
              ...make('Prometheus', 'monitoring.coreos.com/v1', ['customer-workload', 'own'], {
                spec: {
                  containers: [container('prometheus', uneven.referred), container('sidecar', uneven.empty)],
                  initContainers: [container('prepare', uneven.oneOfThree)],
                },
              }),
              encoding: 'cbor' as const,
            },
            {
              ...deployment(
                ['customer-workload', 'as-json'],
                [container('one', uneven.oneLower), container('two', even.both)],
                { initContainers: [container('three', uneven.scattered)] },
              ),
              encoding: 'json' as const,
            },
            revision(
              make,
              ['customer-workload', 'agent-6f9d8c7b54'],
              template('agent', [container('agent', uneven.scattered), container('second', uneven.oneLower)]),
              2,
            ),
          ]
        : []),
    ];
  });
  return all.flat();
}

/** A revision holds the template as bytes: JSON as Go writes a map, without a newline. */
function revision(
  make: (kind: string, apiVersion: string, place: readonly [string, string], content: Manifest) => StoredObject,
  place: readonly [string, string],
  template: Manifest,
  number: number,
): StoredObject {
  return make('ControllerRevision', 'apps/v1', place, {
    data: Buffer.from(goJson(inOrder({ spec: { template: { $patch: 'replace', ...template } } }))),
    revision: number,
  });
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  return typeof value === 'object' && value !== null
    ? sorted(Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inOrder(member)])))
    : value;
}
