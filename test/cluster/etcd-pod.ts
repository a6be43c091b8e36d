import { bootstrapOf } from './identities.ts';
import { bracketed } from './identity.ts';
import { namesOf, type Names } from './names.ts';

const certs = '/etc/kubernetes/static-pod-certs';
const all = `${certs}/secrets/etcd-all-certs`;

type EnvVar = { readonly name: string; readonly value: string };

/** Variables that the operator gives every container of the pod: those of each member bear its safe name (hostname/etcd-pod, hostname/etcd-manifest). */
function variables({ seed, now }: Names): EnvVar[] {
  const [{ hostname, safe }, ip, other] = [namesOf(now), bracketed(now.ips[0]), bracketed(bootstrapOf(seed).ip)];
  return [
    { name: 'ALL_ETCD_ENDPOINTS', value: `https://${ip}:2379` },
    { name: 'ETCDCTL_API', value: '3' },
    { name: 'ETCDCTL_CACERT', value: `${certs}/configmaps/etcd-all-bundles/server-ca-bundle.crt` },
    { name: 'ETCDCTL_CERT', value: `${all}/etcd-peer-${hostname}.crt` },
    { name: 'ETCDCTL_ENDPOINTS', value: `https://${ip}:2379` },
    { name: 'ETCDCTL_KEY', value: `${all}/etcd-peer-${hostname}.key` },
    { name: 'ETCDCTL_KEY_FILE', value: `${all}/etcd-peer-${hostname}.key` },
    { name: 'ETCD_CIPHER_SUITES', value: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256' },
    { name: 'ETCD_ELECTION_TIMEOUT', value: '1000' },
    { name: 'ETCD_INITIAL_CLUSTER_STATE', value: 'existing' },
    { name: 'ETCD_ENABLE_PPROF', value: 'true' },
    // Another machine's, whose names begin like ours: they stay.
    { name: 'ETCD_BOOTSTRAP_ENDPOINT', value: `https://${other}:2379` },
    { name: `NODE_${namesOf(seed).safe}0_IP`, value: other },
    { name: 'ETCD_FORMER_MEMBER', value: `${seed.hostname}0` },
    { name: `NODE_${safe}_ETCD_NAME`, value: hostname },
    { name: `NODE_${safe}_ETCD_URL_HOST`, value: ip },
    { name: `NODE_${safe}_IP`, value: ip },
  ];
}

const mounts = [
  { mountPath: '/etc/kubernetes/static-pod-resources', name: 'resource-dir' },
  { mountPath: certs, name: 'cert-dir' },
  { mountPath: '/var/lib/etcd/', name: 'data-dir' },
];

/** The static pod of the etcd member. What starts it was a shell script and became a program. */
export function etcdPod(names: Names, revision: string): object {
  const { hostname, safe } = namesOf(names.now);
  const env = variables(names);
  const init =
    names.release === '4.14'
      ? {
          command: [
            '/bin/sh',
            '-c',
            `#!/bin/sh\nset -euo pipefail\n\n: "\${NODE_${safe}_ETCD_URL_HOST?not set}"\n: "\${NODE_${safe}_ETCD_NAME?not set}"\n: "\${NODE_${safe}_IP?not set}"\n\nif [ "\${NODE_${safe}_IP}" != "\${NODE_IP}" ]; then\n  echo "\${NODE_${safe}_ETCD_NAME}: the address has changed" >&2\n  exit 1\nfi\n`,
          ],
        }
      : {
          command: ['cluster-etcd-operator', 'ensure-env-vars'],
          args: [`--target-name=${hostname}`, `--url-host=$(NODE_${safe}_ETCD_URL_HOST)`, '--former=NODE_existing_IP'],
        };
  const flags = [
    '--logger=zap',
    '--log-level=info',
    '--experimental-initial-corrupt-check=true',
    `--initial-advertise-peer-urls=https://\${NODE_${safe}_IP}:2380`,
    `--cert-file=${all}/etcd-serving-${hostname}.crt`,
    `--key-file=${all}/etcd-serving-${hostname}.key`,
    `--peer-cert-file=${all}/etcd-peer-${hostname}.crt`,
    `--peer-key-file=${all}/etcd-peer-${hostname}.key`,
    `--trusted-ca-file=${certs}/configmaps/etcd-all-bundles/server-ca-bundle.crt`,
    `--advertise-client-urls=https://\${NODE_${safe}_IP}:2379`,
    '--listen-client-urls=https://0.0.0.0:2379',
    '--metrics=extensive',
  ];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'etcd',
      namespace: 'openshift-etcd',
      labels: { app: 'etcd', 'k8s-app': 'etcd', etcd: 'true', revision },
      annotations: { 'target.workload.openshift.io/management': '{"effect": "PreferredDuringScheduling"}' },
    },
    spec: {
      initContainers: [
        {
          name: 'setup',
          image: 'quay.io/lab/etcd@sha256:00',
          command: [
            '/bin/sh',
            '-c',
            '#!/bin/sh\necho -n "Fixing etcd log permissions."\nmkdir -p /var/log/etcd && chmod 0600 /var/log/etcd\n',
          ],
          volumeMounts: mounts.slice(2),
        },
        {
          name: 'etcd-ensure-env-vars',
          image: 'quay.io/lab/etcd-operator@sha256:01',
          ...init,
          env: [...env, { name: 'NODE_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        },
        {
          name: 'etcd-resources-copy',
          image: 'quay.io/lab/etcd@sha256:00',
          command: [
            '/bin/sh',
            '-c',
            "#!/bin/sh\nset -euo pipefail\nrm -f $(grep -l '^### Created by' -r /usr/local/bin)\ncp -p /etc/kubernetes/static-pod-certs/configmaps/etcd-scripts/*.sh /usr/local/bin\n",
          ],
          volumeMounts: mounts,
        },
      ],
      containers: [
        {
          name: 'etcdctl',
          image: 'quay.io/lab/etcd@sha256:00',
          command: ['/bin/bash', '-c', 'trap TERM INT; sleep infinity & wait'],
          env,
          volumeMounts: mounts,
        },
        {
          name: 'etcd',
          image: 'quay.io/lab/etcd@sha256:00',
          command: [
            '/bin/sh',
            '-c',
            `#!/bin/sh\nset -euo pipefail\n\nETCD_NAME="\${NODE_${safe}_ETCD_NAME}"\nexport ETCD_NAME\n\nexec etcd ${flags.join(' \\\n  ')} || mv /etc/kubernetes/etcd-backup-dir/etcd-member.yaml /etc/kubernetes/manifests\n`,
          ],
          env,
          ports: [
            { containerPort: 2379, name: 'etcd', protocol: 'TCP' },
            { containerPort: 2380, name: 'etcd-peer', protocol: 'TCP' },
          ],
          volumeMounts: mounts,
        },
        {
          name: 'etcd-metrics',
          image: 'quay.io/lab/etcd@sha256:00',
          command: [
            '/bin/sh',
            '-c',
            `#!/bin/sh\nset -euo pipefail\n\nexec etcd grpc-proxy start --endpoints https://\${NODE_${safe}_ETCD_URL_HOST}:9978 --cert ${all}/etcd-peer-${hostname}.crt --key ${all}/etcd-peer-${hostname}.key --cert-file ${all}/etcd-serving-metrics-${hostname}.crt --key-file ${all}/etcd-serving-metrics-${hostname}.key\n`,
          ],
          env,
        },
        {
          name: 'etcd-readyz',
          image: 'quay.io/lab/etcd-operator@sha256:01',
          command: [
            '/bin/sh',
            '-c',
            `#!/bin/sh\nset -euo pipefail\n\nexec cluster-etcd-operator readyz --target=https://localhost:2379 --target-name=${hostname} --serving-cert-file=${all}/etcd-serving-${hostname}.crt\n`,
          ],
          env: [{ name: 'REVISION', value: revision }],
        },
        {
          name: 'etcd-rev',
          image: 'quay.io/lab/etcd-operator@sha256:01',
          command: ['cluster-etcd-operator', 'rev'],
          args: [
            `--endpoints=https://${bracketed(names.now.ips[0])}:2379`,
            `--client-cert-file=$(NODE_${safe}_ETCD_NAME)`,
          ],
        },
      ],
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
      volumes: [
        { hostPath: { path: `/etc/kubernetes/static-pod-resources/etcd-pod-${revision}` }, name: 'resource-dir' },
        { hostPath: { path: '/etc/kubernetes/static-pod-resources/etcd-certs' }, name: 'cert-dir' },
        { hostPath: { path: '/var/lib/etcd', type: '' }, name: 'data-dir' },
      ],
    },
  };
}

/** The pod that a restore starts in the member's place. */
export function restorePod(names: Names): object {
  const { hostname, safe } = namesOf(names.now);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'etcd', namespace: 'openshift-etcd', labels: { app: 'etcd', revision: 'REVISION' } },
    spec: {
      containers: [
        {
          name: 'etcd',
          image: 'quay.io/lab/etcd@sha256:00',
          command: [
            '/bin/sh',
            '-c',
            `#!/bin/sh\nset -euo pipefail\n\nexport ETCD_NAME=\${NODE_${safe}_ETCD_NAME}\nexport ETCD_INITIAL_CLUSTER="\${ETCD_NAME}=https://\${NODE_${safe}_ETCD_URL_HOST}:2380"\nenv | grep ETCD | grep -v NODE\nexec etcd --cert-file=${all}/etcd-serving-${hostname}.crt --key-file=${all}/etcd-serving-${hostname}.key --target-name=${names.seed.hostname}0\n`,
          ],
          env: [...variables(names), { name: 'ETCD_STATIC_POD_REV', value: 'REVISION' }],
        },
      ],
      hostNetwork: true,
    },
  };
}
