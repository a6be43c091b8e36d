import type { Content, FileContent, StoredObject } from './content.ts';
import { bracketed } from './identity.ts';
import { namesOf, newestRevision, podFolder, revisions, type Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import { goJson } from './settings/hashes.ts';
import { proxyEnv } from './settings/proxy-env.ts';

/** Static pods of the API server, controller manager and scheduler, revision by revision. */
export function layOutControlPlane(names: Names, objects: ObjectMaker): Content {
  const stored: StoredObject[] = [];
  const files: FileContent[] = [];
  /** A ConfigMap for each revision and one without; of each revision a file for every key. */
  const everywhere = (
    pod: string,
    name: string,
    data: (revision: '' | number) => Readonly<Record<string, string>>,
    onDisk: (revision: number) => Readonly<Record<string, string>> = data,
  ): void => {
    for (const revision of ['', ...revisions] as const)
      stored.push({
        object: objects.configMap(`openshift-${pod}/${name}${revision === '' ? '' : `-${revision}`}`, data(revision), {
          annotations: { 'openshift.io/owning-component': pod },
        }),
      });
    for (const revision of revisions)
      for (const [key, text] of Object.entries(onDisk(revision)))
        files.push({ path: `${podFolder(pod, revision)}/configmaps/${name}/${key}`, text, mode: 0o600 });
  };
  const pod = (
    name: string,
    file: string,
    body: (revision: string) => object,
    monitor: (revision: number | '') => Readonly<Record<string, string>> = () => ({}),
    monitorOnDisk = monitor,
  ): void => {
    const data = (revision: '' | number): Record<string, string> => ({
      forceRedeploymentReason: '',
      ...monitor(revision),
      'pod.yaml': `${goJson(body(revision === '' ? 'REVISION' : String(revision)))}\n`,
      version: names.release,
    });
    everywhere(name, `${name}-pod`, data, (revision) => ({ ...data(revision), ...monitorOnDisk(revision) }));
    for (const revision of revisions)
      files.push({ path: `${podFolder(name, revision)}/${file}`, text: goJson(body(String(revision))), mode: 0o600 });
    files.push({ path: `/etc/kubernetes/manifests/${file}`, text: goJson(body(String(newestRevision))), mode: 0o600 });
  };
  const { domain } = namesOf(names.now);

  everywhere('kube-apiserver', 'config', () => ({ 'config.yaml': apiServerConfig(names) }));
  everywhere('kube-apiserver', 'oauth-metadata', () => ({ oauthMetadata: oauthMetadata(domain) }));
  everywhere('kube-apiserver', 'kube-apiserver-cert-syncer-kubeconfig', () => ({
    kubeconfig: inPod('https://localhost:6443', 'loopback'),
  }));
  pod(
    'kube-apiserver',
    'kube-apiserver-pod.yaml',
    (revision) => apiServerPod(names, revision),
    // In etcd a blank stands for the node, which the installer fills in.
    () => ({
      'kube-apiserver-startup-monitor-pod.yaml': `${JSON.stringify(startupMonitor('NODE_NAME', 'REVISION'), null, 2)}\n`,
    }),
    (revision) => ({
      'kube-apiserver-startup-monitor-pod.yaml': `${JSON.stringify(startupMonitor(names.now.hostname, String(revision)), null, 2)}\n`,
    }),
  );
  for (const folder of ['/etc/kubernetes/manifests', podFolder('kube-apiserver', newestRevision)])
    files.push({
      path: `${folder}/kube-apiserver-startup-monitor-pod.yaml`,
      text: JSON.stringify(startupMonitor(names.now.hostname, String(newestRevision))),
      mode: 0o600,
    });

  everywhere('kube-controller-manager', 'config', () => ({ 'config.yaml': controllerManagerConfig(names) }));
  everywhere('kube-controller-manager', 'controller-manager-kubeconfig', () => ({
    kubeconfig: inPod(`https://api-int.${domain}:6443`, 'lb-int'),
  }));
  everywhere('kube-controller-manager', 'kube-controller-cert-syncer-kubeconfig', () => ({
    kubeconfig: inPod('https://localhost:6443', 'loopback'),
  }));
  pod('kube-controller-manager', 'kube-controller-manager-pod.yaml', (revision) =>
    controllerManagerPod(names, revision),
  );

  everywhere('kube-scheduler', 'scheduler-kubeconfig', () => ({
    kubeconfig: inPod(`https://api-int.${domain}:6443`, 'lb-int'),
  }));
  pod('kube-scheduler', 'kube-scheduler-pod.yaml', (revision) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'openshift-kube-scheduler',
      namespace: 'openshift-kube-scheduler',
      labels: { app: 'openshift-kube-scheduler', revision },
    },
    spec: {
      containers: [
        {
          name: 'kube-scheduler',
          image: 'quay.io/lab/hyperkube@sha256:02',
          command: ['hyperkube', 'kube-scheduler'],
          args: ['--config=/etc/kubernetes/static-pod-resources/configmaps/config/config.yaml'],
        },
      ],
      hostNetwork: true,
    },
  }));
  files.push({
    path: `${podFolder('kube-apiserver', 'certs')}/configmaps/control-plane-node-kubeconfig/kubeconfig`,
    text: `# kept as it is\n${inPod(`https://api-int.${domain}:6443`, 'control-plane')}`,
    mode: 0o600,
  });
  return { objects: stored, files };
}

/** domain/oauth-metadata: indented, as the operator's template has it. Written by a server, it is read by every login. */
export function oauthMetadata(domain: string): string {
  const issuer = `https://oauth-openshift.apps.${domain}`;
  return JSON.stringify(
    {
      issuer,
      authorization_endpoint: `${issuer}/oauth/authorize`,
      token_endpoint: `${issuer}/oauth/token`,
      scopes_supported: [
        'user:check-access',
        'user:full',
        'user:info',
        'user:list-projects',
        'user:list-scoped-projects',
      ],
      response_types_supported: ['code', 'token'],
      grant_types_supported: ['authorization_code', 'implicit'],
      code_challenge_methods_supported: ['plain', 'S256'],
    },
    null,
    2,
  );
}

/** domain/jwks: who asks was told an address that every node reaches, until 4.15 brought the one that everybody does. */
export const jwksUri = ({ now, release }: Names): string =>
  `https://${release === '4.14' ? 'api-int' : 'api'}.${namesOf(now).domain}:6443/openid/v1/jwks`;

/** Arguments that the operator observes: they stand in its `observedConfig` and in every revision of the configuration. */
export const observedApiServer = (names: Names): Readonly<Record<string, unknown>> => ({
  'api-audiences': ['https://kubernetes.default.svc'],
  'etcd-servers': [`https://${bracketed(names.now.ips[0])}:2379`, 'https://localhost:2379'],
  'feature-gates': ['CSIDriverSharedResource=true', 'NodeDisruptionExclusion=true'],
  'goaway-chance': ['0'],
  'service-account-issuer': ['https://kubernetes.default.svc', 'https://prefix.seed.example.com.other'],
  'service-account-jwks-uri': [jwksUri(names)],
  'shutdown-delay-duration': ['0s'],
});

function apiServerConfig(names: Names): string {
  return goJson({
    admission: {
      pluginConfig: {
        'network.openshift.io/RestrictedEndpointsAdmission': {
          configuration: {
            apiVersion: 'network.openshift.io/v1',
            kind: 'RestrictedEndpointsAdmissionConfig',
            restrictedCIDRs: ['10.128.0.0/14', '172.30.0.0/16'],
          },
        },
      },
    },
    apiServerArguments: {
      'allow-privileged': ['true'],
      ...observedApiServer(names),
      'storage-backend': ['etcd3'],
      'tls-cert-file': ['/etc/kubernetes/static-pod-certs/secrets/service-network-serving-certkey/tls.crt'],
    },
    apiVersion: 'kubecontrolplane.config.openshift.io/v1',
    corsAllowedOrigins: ['//127\\.0\\.0\\.1(:|$)', '//localhost(:|$)', '<any> & more'],
    kind: 'KubeAPIServerConfig',
    servicesSubnet: '172.30.0.0/16',
    servingInfo: {
      bindAddress: '0.0.0.0:6443',
      bindNetwork: 'tcp',
      namedCertificates: [
        {
          certFile: '/etc/kubernetes/static-pod-certs/secrets/localhost-serving-cert-certkey/tls.crt',
          keyFile: '/etc/kubernetes/static-pod-certs/secrets/localhost-serving-cert-certkey/tls.key',
        },
      ],
    },
  });
}

/** A kubeconfig that reads its certificates from files, as it stands in ConfigMaps. */
const inPod = (server: string, name: string): string =>
  [
    'apiVersion: v1',
    'clusters:',
    '  - cluster:',
    '      certificate-authority: /etc/kubernetes/static-pod-resources/configmaps/serviceaccount-ca/ca-bundle.crt',
    `      server: ${server}`,
    `    name: ${name}`,
    'contexts:',
    '  - context:',
    `      cluster: ${name}`,
    '      user: this',
    `    name: ${name}`,
    `current-context: ${name}`,
    'kind: Config',
    'preferences: {}',
    'users:',
    '  - name: this',
    '    user:',
    '      client-certificate: /etc/kubernetes/static-pod-certs/secrets/client-cert-key/tls.crt',
    '      client-key: /etc/kubernetes/static-pod-certs/secrets/client-cert-key/tls.key',
    '',
  ].join('\n');

function apiServerPod({ seed, now }: Names, revision: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'kube-apiserver',
      namespace: 'openshift-kube-apiserver',
      labels: { apiserver: 'true', app: 'openshift-kube-apiserver', revision },
      annotations: { 'kubectl.kubernetes.io/default-container': 'kube-apiserver' },
    },
    spec: {
      initContainers: [
        {
          name: 'setup',
          image: 'quay.io/lab/hyperkube@sha256:02',
          command: ['/usr/bin/timeout', '100', '/bin/bash', '-ec'],
          args: [
            'echo "Fixing audit permissions ..." && chmod 0700 /var/log/kube-apiserver && touch /var/log/kube-apiserver/audit.log 2>&1 >/dev/null',
          ],
        },
      ],
      containers: [
        {
          name: 'kube-apiserver',
          image: 'quay.io/lab/hyperkube@sha256:02',
          command: ['/bin/bash', '-ec'],
          args: [
            'LOCK=/var/log/kube-apiserver/.lock\nexec watch-termination --lock="${LOCK}" -- hyperkube kube-apiserver --openshift-config=/etc/kubernetes/static-pod-resources/configmaps/config/config.yaml --advertise-address=${HOST_IP} -v=2',
          ],
          env: [
            { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'STATIC_POD_VERSION', value: revision },
            ...proxyEnv(seed, now),
            { name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
          ],
          ports: [{ containerPort: 6443 }],
        },
        {
          name: 'kube-apiserver-check-endpoints',
          image: 'quay.io/lab/operator@sha256:03',
          command: ['cluster-kube-apiserver-operator', 'check-endpoints'],
          args: ['--kubeconfig', '/etc/kubernetes/static-pod-certs/configmaps/check-endpoints-kubeconfig/kubeconfig'],
        },
      ],
      hostNetwork: true,
      terminationGracePeriodSeconds: 15,
    },
  };
}

const startupMonitor = (node: string, revision: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'kube-apiserver-startup-monitor', namespace: 'openshift-kube-apiserver', labels: { revision } },
  spec: {
    containers: [
      {
        name: 'startup-monitor',
        image: 'quay.io/lab/operator@sha256:03',
        command: ['cluster-kube-apiserver-operator', 'startup-monitor'],
        args: [
          '-v=2',
          '--fallback-timeout-duration=300s',
          '--target-name=kube-apiserver',
          '--manifests-dir=/etc/kubernetes/manifests',
          `--node-name=${node}`,
          '--kubeconfig=/etc/kubernetes/static-pod-certs/secrets/node-kubeconfigs/localhost.kubeconfig',
        ],
      },
    ],
    hostNetwork: true,
  },
});

/** Arguments of the controller manager that its operator observes. The name of the cluster is a list of one. */
export const observedControllerManager = ({ now }: Names): Readonly<Record<string, unknown>> => ({
  'cluster-cidr': ['10.128.0.0/14'],
  'cluster-name': [now.infraId],
  'feature-gates': ['RotateKubeletServerCertificate=true'],
  'service-cluster-ip-range': ['172.30.0.0/16'],
});

const controllerManagerConfig = (names: Names): string =>
  goJson({
    apiVersion: 'kubecontrolplane.config.openshift.io/v1',
    extendedArguments: {
      'allocate-node-cidrs': ['false'],
      ...observedControllerManager(names),
      'use-service-account-credentials': ['true'],
    },
    kind: 'KubeControllerManagerConfig',
    serviceServingCert: { certFile: '/etc/kubernetes/static-pod-resources/configmaps/service-ca/ca-bundle.crt' },
  });

function controllerManagerPod({ seed, now }: Names, revision: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'kube-controller-manager',
      namespace: 'openshift-kube-controller-manager',
      labels: { app: 'kube-controller-manager', 'kube-controller-manager': 'true', revision },
    },
    spec: {
      containers: [
        {
          name: 'kube-controller-manager',
          image: 'quay.io/lab/hyperkube@sha256:02',
          command: ['/bin/bash', '-euxo', 'pipefail', '-c'],
          args: [
            'timeout 3m /bin/bash -exuo pipefail -c \'while [ -n "$(ss -Htanop \\( sport = 10257 \\))" ]; do sleep 1; done\'',
            `exec hyperkube kube-controller-manager --openshift-config=/etc/kubernetes/static-pod-resources/configmaps/config/config.yaml --cluster-name=${now.infraId} --kubeconfig=/etc/kubernetes/static-pod-resources/configmaps/controller-manager-kubeconfig/kubeconfig --old-name=${seed.infraId}9 -v=2`,
          ],
          env: [{ name: 'POD_NAMESPACE', value: 'openshift-kube-controller-manager' }, ...proxyEnv(seed, now)],
        },
        {
          name: 'cluster-policy-controller',
          image: 'quay.io/lab/policy@sha256:04',
          command: ['/bin/bash', '-euxo', 'pipefail', '-c'],
          args: [
            'exec cluster-policy-controller start --config=/etc/kubernetes/static-pod-resources/configmaps/cluster-policy-controller-config/config.yaml --namespace=${POD_NAMESPACE}',
          ],
          env: [...proxyEnv(seed, now)],
        },
      ],
      hostNetwork: true,
    },
  };
}
