import type { Content, StoredObject } from './content.ts';
import { bracketed } from './identity.ts';
import { installConfigText } from './install-config.ts';
import { oauthMetadata } from './layout-control-plane.ts';
import { oauthServer } from './layout-operators.ts';
import { namesOf, type Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import { goJson } from './settings/hashes.ts';

/** The cluster's own description of itself, and what components keep of it. */
export function layOutClusterConfig(names: Names, objects: ObjectMaker): Content {
  const { seed, now, release } = names;
  const { domain } = namesOf(now);
  const stale = namesOf(seed).domain;
  const config = (kind: string, content: Readonly<Record<string, unknown>>, name = 'cluster'): StoredObject => ({
    object: objects.make(kind, 'config.openshift.io/v1', name, content, { manager: 'cluster-config-operator' }),
  });
  const configMap = (place: string, data: Readonly<Record<string, string>>): StoredObject => ({
    object: objects.configMap(place, data),
  });
  const metadata = oauthMetadata(domain);

  const stored: StoredObject[] = [
    config('DNS', dns(names)),
    config('Infrastructure', infrastructure(names)),
    config('Ingress', {
      spec: { domain: `apps.${domain}`, loadBalancer: { platform: { type: '' } } },
      status: {
        componentRoutes: [
          // The tables rewrite the one of the login; the console's operator sees to its own two.
          {
            conditions: [],
            currentHostnames: [`console-openshift-console.apps.${stale}`],
            defaultHostname: `console-openshift-console.apps.${stale}`,
            name: 'console',
            namespace: 'openshift-console',
          },
          {
            conditions: [{ lastTransitionTime: '2026-11-01T10:20:30Z', status: 'False', type: 'Degraded' }],
            currentHostnames: [`oauth-openshift.apps.${domain}`],
            defaultHostname: `oauth-openshift.apps.${domain}`,
            name: 'oauth-openshift',
            namespace: 'openshift-authentication',
            relatedObjects: [
              {
                group: 'route.openshift.io',
                name: 'oauth-openshift',
                namespace: 'openshift-authentication',
                resource: 'routes',
              },
            ],
          },
        ],
      },
    }),
    config('Console', {
      spec: { authentication: {} },
      ...(release === '4.14' ? {} : { status: { consoleURL: `https://console-openshift-console.apps.${domain}` } }),
    }),
    config(
      'ClusterVersion',
      {
        spec: { channel: 'stable-4.20', clusterID: '01234567-89ab-4cde-8f01-23456789abcd' },
        status: {
          availableUpdates: null,
          conditions: [
            { lastTransitionTime: '2026-11-01T09:00:00Z', status: 'True', type: 'RetrievedUpdates' },
            {
              lastTransitionTime: '2026-11-01T10:00:00Z',
              message: 'Done applying 4.20.1',
              status: 'True',
              type: 'Available',
            },
            { lastTransitionTime: '2026-11-01T10:00:00Z', status: 'False', type: 'Failing' },
            {
              lastTransitionTime: '2026-11-01T10:00:00Z',
              message: 'Cluster version is 4.20.1',
              status: 'False',
              type: 'Progressing',
            },
          ],
          desired: { image: 'quay.io/lab/release@sha256:05', version: '4.20.1' },
          observedGeneration: 2,
          versionHash: 'x7k2p',
        },
      },
      'version',
    ),

    configMap('openshift-apiserver/config', { 'config.yaml': openshiftApiServerConfig(names) }),
    configMap('openshift-authentication/v4-0-config-system-metadata', { oauthMetadata: metadata }),
    configMap('openshift-config-managed/oauth-openshift', { oauthMetadata: `${metadata}\n` }),
    configMap('openshift-authentication/v4-0-config-system-cliconfig', {
      'v4-0-config-system-cliconfig': goJson({
        apiVersion: 'osin.config.openshift.io/v1',
        kind: 'OsinServerConfig',
        ...oauthServer(names),
      }),
    }),
    configMap('openshift-config-managed/monitoring-shared-config', {
      ...(release === '4.14'
        ? {}
        : { alertmanagerPublicURL: `https://alertmanager-main-openshift-monitoring.apps.${domain}` }),
      alertmanagerTenancyHost: 'alertmanager-main.openshift-monitoring.svc:9092',
      alertmanagerUserWorkloadHost: 'alertmanager-main.openshift-monitoring.svc:9094',
      prometheusPublicURL: `https://prometheus-k8s-openshift-monitoring.apps.${domain}`,
      thanosPublicURL: `https://thanos-querier-openshift-monitoring.apps.${domain}`,
    }),
    configMap('openshift-ovn-kubernetes/ovnkube-config', {
      'ovnkube.conf': `[default]\nmtu="1400"\ncluster-subnets="10.128.0.0/14/23"\n\n[kubernetes]\nservice-cidrs="172.30.0.0/16"\novn-config-namespace="openshift-ovn-kubernetes"\napiserver="https://api-int.${domain}:6443"\nhost-network-namespace="openshift-host-network"\n# apiserver of old: https://api-int.prefix.seed.example.com.other:6443\n\n[ovnkubernetesfeature]\nenable-egress-ip=true\n`,
    }),
    configMap('kube-system/cluster-config-v1', { 'install-config': installConfigText(seed, now) }),
    configMap('openshift-etcd/cluster-config-v1', { 'install-config': installConfigText(seed, now) }),
  ];
  // A cluster may be installed without a console.
  if (release !== '4.14')
    stored.push(
      configMap('openshift-config-managed/console-public', {
        consoleURL: `https://console-openshift-console.apps.${domain}`,
      }),
      configMap('openshift-console/console-config', { 'console-config.yaml': consoleConfig(domain, stale) }),
      {
        object: objects.make(
          'ConsoleCLIDownload',
          'console.openshift.io/v1',
          'oc-cli-downloads',
          {
            spec: {
              description: 'With the OpenShift command line interface, you can create applications & manage projects.',
              displayName: 'oc - OpenShift Command Line Interface (CLI)',
              links: ['amd64/linux/oc.tar', 'arm64/mac/oc.zip', 'oc-license'].map((path) => ({
                href: `https://downloads-openshift-console.apps.${domain}/${path}`,
                text: `Download ${path}`,
              })),
            },
          },
          { manager: 'console' },
        ),
      },
    );
  return { objects: stored, files: [] };
}

/** DNS/cluster, which ControllerConfig embeds (domain/dns, domain/controller-config). */
export const dns = ({ now }: Names): Readonly<Record<string, unknown>> => ({
  spec: { baseDomain: namesOf(now).domain, platformSpec: { aws: null, type: '' } },
  status: {},
});

/** Infrastructure/cluster, which ControllerConfig embeds (domain/infrastructure, domain/controller-config). */
export function infrastructure({ now }: Names): Readonly<Record<string, unknown>> {
  const { domain, infraId } = namesOf(now);
  return {
    spec: { cloudConfig: { name: '' }, platformSpec: { type: 'None' } },
    status: {
      apiServerInternalURI: `https://api-int.${domain}:6443`,
      apiServerURL: `https://api.${domain}:6443`,
      controlPlaneTopology: 'SingleReplica',
      cpuPartitioning: 'None',
      etcdDiscoveryDomain: '',
      infrastructureName: infraId,
      infrastructureTopology: 'SingleReplica',
      platform: 'None',
      platformStatus: { type: 'None' },
    },
  };
}

/** The configuration of the openshift-apiserver: its Deployment bears a hash of it. */
export const openshiftApiServerConfig = ({ now }: Names): string =>
  goJson({
    aggregatorConfig: { allowedNames: ['kube-apiserver-proxy', 'system:openshift-aggregator'] },
    apiServerArguments: { 'shutdown-delay-duration': ['15s'], 'shutdown-send-retry-after': ['true'] },
    apiVersion: 'openshiftcontrolplane.config.openshift.io/v1',
    imagePolicyConfig: { internalRegistryHostname: 'image-registry.openshift-image-registry.svc:5000' },
    kind: 'OpenShiftAPIServerConfig',
    projectConfig: { projectRequestMessage: '<ask> the team & wait' },
    routingConfig: { subdomain: `apps.${namesOf(now).domain}` },
    servingInfo: { bindNetwork: 'tcp' },
    storageConfig: { urls: [`https://${bracketed(now.ips[0])}:2379`] },
  });

/** YAML of the console's operator. The address of the documentation and the logout stay. */
const consoleConfig = (domain: string, stale: string): string =>
  [
    'apiVersion: console.openshift.io/v1',
    'auth:',
    '  authType: openshift',
    '  clientID: console',
    'clusterInfo:',
    `  consoleBaseAddress: https://console-openshift-console.apps.${domain}`,
    '  controlPlaneTopology: SingleReplica',
    `  masterPublicURL: https://api.${domain}:6443`,
    '  nodeArchitectures:',
    '  - amd64',
    'customization:',
    '  branding: ocp',
    '  documentationBaseURL: https://docs.example.net/container-platform/4.20/',
    `  customProductName: "lab ${stale}.other # 1"`,
    'kind: ConsoleConfig',
    'providers: {}',
    'servingInfo:',
    '  bindAddress: https://[::]:8443',
    '  certFile: /var/serving-cert/tls.crt',
    '',
  ].join('\n');
