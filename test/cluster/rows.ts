import { revisions } from './names.ts';

/**
 * The tables of internal/recert/rename/README.md as far as they are about names and addresses, row by row: what each edits, and which file here
 * writes it. Written from the tables; `rows.test.ts` holds the templates to it, both ways. Settings have their own list beside them.
 */
export type Step = 'ip' | 'rename' | 'hostname' | 'network';
export type Row = {
  /** Ids of the tables; several where one set of documents shows them. */
  readonly row: `${string}/${string}`;
  readonly step: Step;
  readonly by: string;
  /** Documents that must be there. */ readonly mandatory: readonly string[];
  /** Those that a cluster may lack: here 4.14 does. */ readonly optional?: readonly string[];
};

const kube =
  (rest: string) =>
  (...places: readonly string[]): string[] =>
    places.map((place) => `etcd:/kubernetes.io/${rest}/${place}`);
const [cm, secret, operator, config, deployment, daemonSet] = [
  kube('configmaps'),
  kube('secrets'),
  kube('operator.openshift.io'),
  kube('config.openshift.io'),
  kube('deployments'),
  kube('daemonsets'),
];
const route = (...places: readonly string[]): string[] => places.map((place) => `etcd:/openshift.io/routes/${place}`);
/** One without revision, and one for each. */
const each = (place: string): string[] =>
  ['', ...revisions.map((revision) => `-${revision}`)].map((suffix) => `${place}${suffix}`);
const machineConfigs = kube('machineconfiguration.openshift.io/machineconfigs')(
  '00-master',
  'rendered-master-0123456789abcdef0123456789abcdef',
);
const controllerConfig = kube('machineconfiguration.openshift.io/controllerconfigs')('machine-config-controller');
const pods = 'file:/kubernetes/static-pod-resources';
const eachPod = (pod: string, file: string): string[] =>
  revisions.map((revision) => `${pods}/${pod}-pod-${revision}/${file}`);
const machineFiles = ['file:/machine-config-daemon/currentconfig', 'file:/etc/mcs-machine-config-content.json'];
const kinds = ['etcd-peer', 'etcd-serving', 'etcd-serving-metrics'];
/** `{old}` and `{new}`: the host names. A document that moves is both. */
const moved = (shape: string): string[] => ['{old}', '{new}'].map((name) => shape.replace('{name}', name));

export const rows: readonly Row[] = [
  {
    row: 'ip/openshift-apiserver-config',
    step: 'ip',
    by: 'layout-cluster-config.ts',
    mandatory: cm('openshift-apiserver/config'),
  },
  {
    row: 'ip/etcd-endpoints',
    step: 'ip',
    by: 'layout-etcd.ts',
    mandatory: cm(...each('openshift-etcd/etcd-endpoints')),
  },
  {
    row: 'ip/etcd-pod',
    step: 'ip',
    by: 'etcd-pod.ts',
    mandatory: cm(...each('openshift-etcd/etcd-pod'), 'openshift-etcd/restore-etcd-pod'),
  },
  { row: 'ip/etcd-scripts', step: 'ip', by: 'layout-etcd.ts', mandatory: cm('openshift-etcd/etcd-scripts') },
  {
    row: 'ip/certificate-hostnames',
    step: 'ip',
    by: 'layout-pki.ts',
    mandatory: [],
    optional: secret(...kinds.map((kind) => `openshift-etcd/${kind}-{old}`)),
  },
  {
    row: 'ip/kube-apiserver-config',
    step: 'ip',
    by: 'layout-control-plane.ts',
    mandatory: cm(...each('openshift-kube-apiserver/config')),
  },
  {
    row: 'ip/kube-apiserver-operator ip/authentication-operator ip/openshift-apiserver-operator',
    step: 'ip',
    by: 'layout-operators.ts',
    mandatory: operator('kubeapiservers/cluster', 'authentications/cluster', 'openshiftapiservers/cluster'),
  },
  {
    row: 'ip/oauth-apiserver',
    step: 'ip',
    by: 'settings/manifests.ts',
    mandatory: deployment('openshift-oauth-apiserver/apiserver'),
  },
  {
    row: 'ip/files',
    step: 'ip',
    by: 'layout-etcd.ts',
    mandatory: [
      ...eachPod('etcd', 'etcd-pod.yaml'),
      'file:/kubernetes/manifests/etcd-pod.yaml',
      ...eachPod('etcd', 'configmaps/etcd-pod/pod.yaml'),
      ...['restore-etcd-pod/pod.yaml', 'restore-etcd-pod/quorum-restore-pod.yaml', 'etcd-scripts/etcd.env'].map(
        (name) => `${pods}/etcd-certs/configmaps/${name}`,
      ),
      ...revisions.map(
        (revision) =>
          `${pods}/etcd-pod-${revision}/configmaps/etcd-endpoints/${revision === 3 ? '{ip64}' : '8e9e05c52164694d'}`,
      ),
      ...eachPod('kube-apiserver', 'configmaps/config/config.yaml'),
    ],
  },
  {
    row: 'domain/router-certs',
    step: 'rename',
    by: 'layout-ingress.ts',
    mandatory: secret(
      'openshift-authentication/v4-0-config-system-router-certs',
      'openshift-config-managed/router-certs',
    ),
  },
  {
    row: 'domain/ingress-controller domain/apps-subdomain domain/jwks domain/controller-manager-name domain/oauth-server',
    step: 'rename',
    by: 'layout-operators.ts',
    mandatory: operator(
      'ingresscontrollers/openshift-ingress-operator/default',
      'openshiftapiservers/cluster',
      'kubeapiservers/cluster',
      'kubecontrollermanagers/cluster',
      'authentications/cluster',
    ),
  },
  {
    row: 'domain/load-balancer-certs',
    step: 'rename',
    by: 'layout-pki.ts',
    mandatory: secret(
      'openshift-kube-apiserver/external-loadbalancer-serving-certkey',
      'openshift-kube-apiserver/internal-loadbalancer-serving-certkey',
    ),
  },
  { row: 'domain/apiserver-url', step: 'rename', by: 'layout-machine.ts', mandatory: machineConfigs },
  {
    row: 'domain/apps-subdomain domain/oauth-metadata domain/oauth-server',
    step: 'rename',
    by: 'layout-cluster-config.ts',
    mandatory: cm(
      'openshift-apiserver/config',
      'openshift-authentication/v4-0-config-system-metadata',
      'openshift-config-managed/oauth-openshift',
      'openshift-authentication/v4-0-config-system-cliconfig',
    ),
  },
  {
    row: 'domain/console domain/dns domain/infrastructure domain/ingress',
    step: 'rename',
    by: 'layout-cluster-config.ts',
    mandatory: config('dnses/cluster', 'infrastructures/cluster', 'ingresses/cluster'),
    optional: [...cm('openshift-config-managed/console-public'), ...config('consoles/cluster')],
  },
  {
    row: 'domain/cli-downloads domain/monitoring-config domain/console',
    step: 'rename',
    by: 'layout-cluster-config.ts',
    mandatory: cm('openshift-config-managed/monitoring-shared-config'),
    optional: [
      ...kube('console.openshift.io')('consoleclidownloads/oc-cli-downloads'),
      ...cm('openshift-console/console-config'),
    ],
  },
  {
    row: 'domain/jwks domain/oauth-metadata',
    step: 'rename',
    by: 'layout-control-plane.ts',
    mandatory: cm(...each('openshift-kube-apiserver/config'), ...each('openshift-kube-apiserver/oauth-metadata')),
  },
  {
    row: 'domain/controller-manager-name domain/kubeconfig-maps domain/controller-manager-pod',
    step: 'rename',
    by: 'layout-control-plane.ts',
    mandatory: cm(
      ...each('openshift-kube-controller-manager/config'),
      ...each('openshift-kube-controller-manager/controller-manager-kubeconfig'),
      ...each('openshift-kube-scheduler/scheduler-kubeconfig'),
      ...each('openshift-kube-controller-manager/kube-controller-manager-pod'),
    ),
  },
  {
    row: 'domain/ovnkube-config domain/install-config',
    step: 'rename',
    by: 'layout-cluster-config.ts, install-config.ts',
    mandatory: cm(
      'openshift-ovn-kubernetes/ovnkube-config',
      'kube-system/cluster-config-v1',
      'openshift-etcd/cluster-config-v1',
    ),
  },
  {
    row: 'domain/api-variables domain/router domain/machine-config-server',
    step: 'rename',
    by: 'layout-ingress.ts',
    mandatory: [
      ...deployment('openshift-cluster-version/cluster-version-operator', 'openshift-ingress/router-default'),
      ...daemonSet(
        'openshift-multus/multus',
        'openshift-multus/multus-additional-cni-plugins',
        'openshift-machine-config-operator/machine-config-server',
      ),
    ],
  },
  {
    row: 'domain/routes',
    step: 'rename',
    by: 'layout-ingress.ts',
    mandatory: route(
      'openshift-ingress-canary/canary',
      'openshift-monitoring/prometheus-k8s',
      'openshift-monitoring/prometheus-k8s-federate',
      'openshift-monitoring/thanos-querier',
      'openshift-authentication/oauth-openshift',
    ),
    optional: route('openshift-monitoring/alertmanager-main'),
  },
  { row: 'domain/controller-config', step: 'rename', by: 'layout-machine.ts', mandatory: controllerConfig },
  {
    row: 'domain/oauth-clients',
    step: 'rename',
    by: 'layout-ingress.ts',
    mandatory: ['openshift-browser-client', 'openshift-challenging-client'].map(
      (name) => `etcd:/openshift.io/oauth/clients/${name}`,
    ),
  },
  {
    row: 'domain/kubeconfigs',
    step: 'rename',
    by: 'layout-pki.ts, layout-control-plane.ts, tokens.ts',
    mandatory: [
      'file:/kubernetes/kubeconfig',
      'file:/kubernetes/cni/net.d/whereabouts.d/whereabouts.kubeconfig',
      ...['lb-ext', 'lb-int'].map((name) => `${pods}/kube-apiserver-certs/secrets/node-kubeconfigs/${name}.kubeconfig`),
      `${pods}/kube-apiserver-certs/configmaps/control-plane-node-kubeconfig/kubeconfig`,
      ...eachPod('kube-controller-manager', 'configmaps/controller-manager-kubeconfig/kubeconfig'),
      ...eachPod('kube-scheduler', 'configmaps/scheduler-kubeconfig/kubeconfig'),
    ],
  },
  {
    row: 'domain/apiserver-url (files)',
    step: 'rename',
    by: 'layout-machine.ts',
    mandatory: ['file:/kubernetes/apiserver-url.env', 'file:/kubernetes/apiserver-url.env.mcdorig', ...machineFiles],
  },
  {
    row: 'domain/controller-manager-pod domain/controller-manager-name domain/jwks domain/oauth-metadata (files)',
    step: 'rename',
    by: 'layout-control-plane.ts',
    mandatory: [
      'file:/kubernetes/manifests/kube-controller-manager-pod.yaml',
      ...eachPod('kube-controller-manager', 'kube-controller-manager-pod.yaml'),
      ...eachPod('kube-controller-manager', 'configmaps/kube-controller-manager-pod/pod.yaml'),
      ...eachPod('kube-controller-manager', 'configmaps/config/config.yaml'),
      ...eachPod('kube-apiserver', 'configmaps/config/config.yaml'),
      ...eachPod('kube-apiserver', 'configmaps/oauth-metadata/oauthMetadata'),
    ],
  },
  {
    row: 'hostname/all-certs',
    step: 'hostname',
    by: 'layout-etcd.ts',
    mandatory: secret(...each('openshift-etcd/etcd-all-certs')),
  },
  {
    row: 'hostname/member-certs',
    step: 'hostname',
    by: 'layout-pki.ts',
    mandatory: secret(...kinds.flatMap((kind) => moved(`openshift-etcd/${kind}-{name}`))),
  },
  {
    row: 'hostname/etcd-pod',
    step: 'hostname',
    by: 'etcd-pod.ts',
    mandatory: cm(...each('openshift-etcd/etcd-pod'), 'openshift-etcd/restore-etcd-pod'),
  },
  {
    row: 'hostname/etcd-scripts',
    step: 'hostname',
    by: 'layout-etcd.ts',
    mandatory: cm('openshift-etcd/etcd-scripts'),
  },
  {
    row: 'hostname/node-statuses',
    step: 'hostname',
    by: 'layout-operators.ts',
    mandatory: operator(
      'kubeapiservers/cluster',
      'kubeschedulers/cluster',
      'kubecontrollermanagers/cluster',
      'etcds/cluster',
    ),
  },
  {
    row: 'hostname/etcd-manifest hostname/etcd-pod hostname/etcd-scripts hostname/backup-script hostname/startup-monitor hostname/cert-files',
    step: 'hostname',
    by: 'layout-etcd.ts, layout-control-plane.ts',
    mandatory: [
      ...eachPod('etcd', 'etcd-pod.yaml'),
      'file:/kubernetes/manifests/etcd-pod.yaml',
      ...eachPod('etcd', 'configmaps/etcd-pod/pod.yaml'),
      ...['restore-etcd-pod/pod.yaml', 'etcd-scripts/etcd.env', 'etcd-scripts/cluster-backup.sh'].map(
        (name) => `${pods}/etcd-certs/configmaps/${name}`,
      ),
      'file:/kubernetes/manifests/kube-apiserver-startup-monitor-pod.yaml',
      `${pods}/kube-apiserver-pod-10/kube-apiserver-startup-monitor-pod.yaml`,
      ...eachPod('kube-apiserver', 'configmaps/kube-apiserver-pod/kube-apiserver-startup-monitor-pod.yaml'),
      ...[`${pods}/etcd-certs`, ...revisions.map((revision) => `${pods}/etcd-pod-${revision}`)].flatMap((folder) =>
        kinds.flatMap((kind) =>
          ['crt', 'key'].flatMap((ending) => moved(`${folder}/secrets/etcd-all-certs/${kind}-{name}.${ending}`)),
        ),
      ),
    ],
  },
  {
    row: 'install-config/machine-network',
    step: 'network',
    by: 'install-config.ts',
    mandatory: cm('kube-system/cluster-config-v1', 'openshift-etcd/cluster-config-v1'),
  },
];

/** Rows about one object that only one of the releases has, or that every run sees to. */
export const singular = {
  /** ip/network-initiator, where the annotation is (4.14). */
  initiator: operator('networks/cluster'),
  /** Edited where names are, in certificates of others (cert-manager/names). */
  certManager: {
    names: 'etcd:/kubernetes.io/cert-manager.io/certificates/openshift-config/api',
    domain: 'etcd:/kubernetes.io/cert-manager.io/certificates/openshift-ingress/apps',
  },
} as const;
