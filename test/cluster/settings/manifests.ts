import { bracketed, type Identity } from '../identity.ts';
import type { Manifest } from './defaults.ts';
import { sorted } from './hashes.ts';
import { envAfter, proxyEnv, type EnvEntry } from './proxy-env.ts';

/*
 * Two API servers as their operators ask for them, made up here. What is hashed is the JSON of these specs, so members stand in the order of
 * Go's structs (`manifests.test.ts` compares it with the golden Deployment of Kubernetes), and structs that Go writes even when they are empty are there.
 * Some members say what the server would have said by default: whoever rebuilds a manifest from the stored object cannot know which.
 */

export type Api = {
  /** Namespace of the Deployment; its name is `apiserver`. */
  readonly namespace: string;
  /** What its dep annotations name, as `name.kind`. */
  readonly dependencies: readonly string[];
  /** Other annotations that the operator leaves on object and template, on the object only, and labels of the object. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly own: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** The spec under `now`, with the dep annotations given. */
  readonly spec: (seed: Identity, now: Identity, dependencies: Readonly<Record<string, string>>) => Manifest;
};

const image = (digit: string): string => `quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:${digit.repeat(64)}`;
export const operatorImage = image('3');
const [openshiftImage, oauthImage] = [image('4'), image('5')];

const field = (name: string, fieldPath: string): EnvEntry => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const bySort = (env: readonly EnvEntry[]): readonly EnvEntry[] =>
  env.toSorted((one, other) => (one.name < other.name ? -1 : 1));
const masters: readonly Manifest[] = [
  { key: 'node-role.kubernetes.io/master', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 120 },
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 120 },
];
const apart = (labels: Readonly<Record<string, string>>): Manifest => ({
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' },
    ],
  },
});
const https = (path: string): Manifest => ({ httpGet: { path, port: 8443, scheme: 'HTTPS' } });
const workload = { 'target.workload.openshift.io/management': '{"effect": "PreferredDuringScheduling"}' };

/** Installs a bundle that somebody mounted, then becomes the server. */
const script = (server: string): string =>
  `# the mounted bundle counts, if there is one & it is not empty\nif [ -s /run/bundle/tls-ca-bundle.pem ]; then\n  install -m 0444 /run/bundle/tls-ca-bundle.pem /etc/trust/bundle.pem || exit 1\nfi\nexec ${server}\n`;

export const openshiftApi: Api = {
  namespace: 'openshift-apiserver',
  dependencies: [
    'config.configmap',
    'etcd-client.secret',
    'etcd-serving-ca.configmap',
    'image-import-ca.configmap',
    'trusted-ca-bundle.configmap',
  ],
  // Begins like a reference and is none.
  annotations: { 'operator.openshift.io/dep-desired.generation': '3' },
  own: {
    'openshiftapiservers.operator.openshift.io/operator-pull-spec': operatorImage,
    'openshiftapiservers.operator.openshift.io/pull-spec': openshiftImage,
  },
  labels: { apiserver: 'true', app: 'openshift-apiserver', revision: '1' },
  spec: (seed, now, dependencies) => ({
    replicas: 1,
    selector: { matchLabels: { apiserver: 'true', app: 'openshift-apiserver-a' } },
    template: {
      metadata: {
        name: 'openshift-apiserver',
        creationTimestamp: null,
        labels: {
          apiserver: 'true',
          app: 'openshift-apiserver-a',
          'openshift-apiserver-anti-affinity': 'true',
          revision: '1',
        },
        annotations: sorted({ 'openshift.io/required-scc': 'privileged', ...workload, ...dependencies }),
      },
      spec: {
        volumes: [
          { name: 'node-pullsecrets', hostPath: { path: '/var/lib/kubelet/config.json', type: 'File' } },
          { name: 'config', configMap: { name: 'config' } },
          { name: 'audit', configMap: { name: 'audit-1' } },
          { name: 'etcd-client', secret: { secretName: 'etcd-client' } },
          { name: 'etcd-serving-ca', configMap: { name: 'etcd-serving-ca' } },
          { name: 'image-import-ca', configMap: { name: 'image-import-ca', optional: true } },
          {
            name: 'trusted-ca-bundle',
            configMap: {
              name: 'trusted-ca-bundle',
              items: [{ key: 'ca-bundle.crt', path: 'tls-ca-bundle.pem' }],
              optional: true,
            },
          },
          { name: 'serving-cert', secret: { secretName: 'serving-cert' } },
          { name: 'audit-dir', hostPath: { path: '/var/log/openshift-apiserver' } },
        ],
        initContainers: [
          {
            name: 'audit-folder',
            image: openshiftImage,
            command: [
              'sh',
              '-c',
              'chmod 0700 /var/log/openshift-apiserver && touch /var/log/openshift-apiserver/audit.log',
            ],
            resources: { requests: { cpu: '15m', memory: '50Mi' } },
            volumeMounts: [{ name: 'audit-dir', mountPath: '/var/log/openshift-apiserver' }],
            terminationMessagePolicy: 'FallbackToLogsOnError',
            imagePullPolicy: 'IfNotPresent',
            securityContext: { privileged: true, runAsUser: 0 },
          },
        ],
        containers: [
          {
            name: 'openshift-apiserver',
            image: openshiftImage,
            command: ['/bin/bash', '-ec'],
            args: [script('openshift-apiserver start --config=/run/config/config.yaml -v=2')],
            ports: [{ containerPort: 8443 }],
            env: envAfter(seed, now, [
              field('POD_NAME', 'metadata.name'),
              field('POD_NAMESPACE', 'metadata.namespace'),
              ...bySort(proxyEnv(seed, seed)),
            ]),
            resources: { requests: { cpu: '100m', memory: '200Mi' } },
            volumeMounts: [
              { name: 'node-pullsecrets', readOnly: true, mountPath: '/var/lib/kubelet/config.json' },
              { name: 'config', mountPath: '/run/config' },
              { name: 'audit', mountPath: '/run/audit' },
              { name: 'etcd-client', mountPath: '/run/etcd-client' },
              { name: 'etcd-serving-ca', mountPath: '/run/etcd-ca' },
              { name: 'image-import-ca', mountPath: '/run/image-ca' },
              { name: 'trusted-ca-bundle', mountPath: '/run/bundle' },
              { name: 'serving-cert', mountPath: '/run/serving' },
              { name: 'audit-dir', mountPath: '/var/log/openshift-apiserver' },
            ],
            livenessProbe: {
              ...https('livez'),
              timeoutSeconds: 10,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
            readinessProbe: {
              ...https('readyz'),
              timeoutSeconds: 10,
              periodSeconds: 5,
              successThreshold: 1,
              failureThreshold: 3,
            },
            startupProbe: {
              ...https('livez'),
              timeoutSeconds: 10,
              periodSeconds: 5,
              successThreshold: 1,
              failureThreshold: 30,
            },
            terminationMessagePolicy: 'FallbackToLogsOnError',
            imagePullPolicy: 'IfNotPresent',
            securityContext: { privileged: true, runAsUser: 0, readOnlyRootFilesystem: false },
          },
          // Written by somebody else at another time: no policy, and no protocol left out.
          {
            name: 'openshift-apiserver-check-endpoints',
            image: operatorImage,
            command: ['cluster-kube-apiserver-operator', 'check-endpoints'],
            args: ['--listen', '0.0.0.0:17698', '--namespace', '$(POD_NAMESPACE)', '--v', '2'],
            ports: [{ name: 'check-endpoints', containerPort: 17698, protocol: 'TCP' }],
            env: [field('POD_NAME', 'metadata.name'), field('POD_NAMESPACE', 'metadata.namespace')],
            resources: { requests: { cpu: '10m', memory: '50Mi' } },
            terminationMessagePolicy: 'FallbackToLogsOnError',
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 120,
        nodeSelector: { 'node-role.kubernetes.io/master': '' },
        serviceAccountName: 'openshift-apiserver-sa',
        affinity: apart({ 'openshift-apiserver-anti-affinity': 'true' }),
        tolerations: masters,
        priorityClassName: 'system-node-critical',
      },
    },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
  }),
};

/** `/spec/observedConfig/oauthAPIServer/apiServerArguments` of Authentication/cluster (operator), from which its operator makes the flags. */
export const oauthApiServerArguments = (now: Identity): Readonly<Record<string, string | readonly string[]>> => ({
  'api-audiences': ['https://kubernetes.default.svc'],
  'cors-allowed-origins': ['//127\\.0\\.0\\.1(:|$)', '//localhost(:|$)'],
  'etcd-servers': [`https://${bracketed(now.ips[0])}:2379`],
  'tls-cipher-suites': ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'],
  'tls-min-version': 'VersionTLS12',
});

/** Flags for a shell (hash/flags): what is not plain stands in single quotes. */
export function flagsOf(args: Readonly<Record<string, string | readonly string[]>>): string[] {
  const quoted = (text: string): string =>
    /[^\w@%+=:,./-]/.test(text) ? `'${text.replaceAll("'", "'\"'\"'")}'` : text;
  return Object.entries(sorted(args)).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => `--${quoted(name)}=${quoted(one)}`),
  );
}

export const oauthApi: Api = {
  namespace: 'openshift-oauth-apiserver',
  dependencies: ['etcd-client.secret', 'etcd-serving-ca.configmap'],
  annotations: {},
  own: {},
  labels: { apiserver: 'true', app: 'openshift-oauth-apiserver', revision: '1' },
  spec: (_seed, now, dependencies) => ({
    replicas: 1,
    selector: { matchLabels: { apiserver: 'true', app: 'openshift-oauth-apiserver' } },
    template: {
      metadata: {
        name: 'openshift-oauth-apiserver',
        creationTimestamp: null,
        labels: {
          apiserver: 'true',
          app: 'openshift-oauth-apiserver',
          'oauth-apiserver-anti-affinity': 'true',
          revision: '1',
        },
        annotations: sorted({ ...workload, ...dependencies }),
      },
      spec: {
        volumes: [
          { name: 'audit', configMap: { name: 'audit-1' } },
          { name: 'etcd-client', secret: { secretName: 'etcd-client' } },
          { name: 'etcd-serving-ca', configMap: { name: 'etcd-serving-ca' } },
          {
            name: 'trusted-ca-bundle',
            configMap: {
              name: 'trusted-ca-bundle',
              items: [{ key: 'ca-bundle.crt', path: 'tls-ca-bundle.pem' }],
              optional: true,
            },
          },
          { name: 'serving-cert', secret: { secretName: 'serving-cert' } },
          { name: 'encryption-config', secret: { secretName: 'encryption-config-1', optional: true } },
          { name: 'audit-dir', hostPath: { path: '/var/log/oauth-apiserver', type: 'DirectoryOrCreate' } },
          { name: 'scratch', emptyDir: {} },
        ],
        containers: [
          {
            name: 'oauth-apiserver',
            image: oauthImage,
            command: ['/bin/bash', '-ec'],
            args: [
              script(
                `oauth-apiserver osin-server \\\n  --secure-port=8443 \\\n  --audit-log-path=/var/log/oauth-apiserver/audit.log \\\n  ${flagsOf({ ...oauthApiServerArguments(now), v: '2' }).join(' \\\n  ')}`,
              ),
            ],
            ports: [{ name: 'https', containerPort: 8443 }],
            env: [field('POD_NAME', 'metadata.name'), field('POD_NAMESPACE', 'metadata.namespace')],
            resources: { requests: { cpu: '150m', memory: '200Mi' } },
            volumeMounts: [
              { name: 'audit', mountPath: '/run/audit' },
              { name: 'etcd-client', mountPath: '/run/etcd-client' },
              { name: 'etcd-serving-ca', mountPath: '/run/etcd-ca' },
              { name: 'trusted-ca-bundle', mountPath: '/run/bundle' },
              { name: 'serving-cert', mountPath: '/run/serving' },
              { name: 'audit-dir', mountPath: '/var/log/oauth-apiserver' },
              { name: 'scratch', mountPath: '/etc/trust' },
            ],
            // Numbers that the server would add are left to it, but for one period.
            livenessProbe: { ...https('livez'), initialDelaySeconds: 30, timeoutSeconds: 10, periodSeconds: 10 },
            readinessProbe: { ...https('readyz'), timeoutSeconds: 10, periodSeconds: 5 },
            startupProbe: { ...https('livez'), timeoutSeconds: 10, periodSeconds: 5, failureThreshold: 30 },
            terminationMessagePolicy: 'FallbackToLogsOnError',
            imagePullPolicy: 'IfNotPresent',
            securityContext: { privileged: true, runAsUser: 0, readOnlyRootFilesystem: true },
          },
        ],
        terminationGracePeriodSeconds: 120,
        nodeSelector: { 'node-role.kubernetes.io/master': '' },
        serviceAccountName: 'oauth-apiserver-sa',
        affinity: apart({ 'oauth-apiserver-anti-affinity': 'true' }),
        tolerations: masters,
        priorityClassName: 'system-node-critical',
      },
    },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
  }),
};
