import type { Content, StoredObject } from './content.ts';
import { bracketed } from './identity.ts';
import { observedApiServer, observedControllerManager } from './layout-control-plane.ts';
import { namesOf, newestRevision, type Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import { oauthApiServerArguments } from './settings/manifests.ts';
import { observedProxy } from './settings/proxy-env.ts';

const group = 'operator.openshift.io/v1';

/** What the operators have observed: if it differs from what they would observe now, they roll out. */
export function layOutOperators(names: Names, objects: ObjectMaker): Content {
  const { seed, now } = names;
  const { domain } = namesOf(now);
  const proxy = observedProxy(seed, now);
  const proxied = (where: string): object => (proxy === undefined ? {} : { [where]: { proxy } });
  const nodeStatuses = [{ currentRevision: newestRevision, nodeName: now.hostname, targetRevision: 0 }];
  const make = (
    kind: string,
    name: string,
    content: Readonly<Record<string, unknown>>,
    annotations?: Readonly<Record<string, string>>,
  ): StoredObject => ({
    object: objects.make(kind, group, name, content, {
      manager: `cluster-${kind.toLowerCase()}-operator`,
      ...(annotations === undefined ? {} : { annotations }),
    }),
  });
  const spec = (observedConfig: object): object => ({
    logLevel: 'Normal',
    managementState: 'Managed',
    observedConfig,
    operatorLogLevel: 'Normal',
    unsupportedConfigOverrides: null,
  });
  const status = (more: object = {}): object => ({
    conditions: [{ lastTransitionTime: '2026-11-01T10:20:30Z', status: 'False', type: 'InstallerControllerDegraded' }],
    latestAvailableRevision: newestRevision,
    ...more,
    readyReplicas: 0,
  });

  return {
    files: [],
    objects: [
      make('KubeAPIServer', 'cluster', {
        spec: spec({
          admission: {
            pluginConfig: {
              PodSecurity: {
                configuration: {
                  apiVersion: 'pod-security.admission.config.k8s.io/v1',
                  defaults: { enforce: 'privileged' },
                  kind: 'PodSecurityConfiguration',
                },
              },
            },
          },
          apiServerArguments: observedApiServer(names),
          corsAllowedOrigins: ['//127\\.0\\.0\\.1(:|$)', '//localhost(:|$)'],
          servicesSubnet: '172.30.0.0/16',
          servingInfo: { cipherSuites: ['TLS_AES_128_GCM_SHA256'], minTLSVersion: 'VersionTLS12' },
          ...proxied('targetconfigcontroller'),
        }),
        status: status({ nodeStatuses }),
      }),
      make('KubeControllerManager', 'cluster', {
        spec: {
          ...spec({
            extendedArguments: observedControllerManager(names),
            featureGates: ['RotateKubeletServerCertificate=true'],
            ...proxied('targetconfigcontroller'),
          }),
          useMoreSecureServiceCA: true,
        },
        status: status({ nodeStatuses }),
      }),
      make('KubeScheduler', 'cluster', { spec: spec({}), status: status({ nodeStatuses }) }),
      make('Etcd', 'cluster', { spec: spec({ controlPlane: { replicas: 1 } }), status: status({ nodeStatuses }) }),
      make('OpenShiftAPIServer', 'cluster', {
        spec: spec({
          apiServerArguments: { 'shutdown-delay-duration': ['15s'] },
          projectConfig: { projectRequestMessage: '' },
          routingConfig: { subdomain: `apps.${domain}` },
          storageConfig: { urls: [`https://${bracketed(now.ips[0])}:2379`] },
          ...proxied('workloadcontroller'),
        }),
        status: {
          generations: [
            {
              group: 'apps',
              hash: '',
              lastGeneration: 7,
              name: 'apiserver',
              namespace: 'openshift-apiserver',
              resource: 'deployments',
            },
          ],
          readyReplicas: 1,
        },
      }),
      make('Authentication', 'cluster', {
        spec: spec({
          oauthAPIServer: { apiServerArguments: oauthApiServerArguments(now) },
          oauthServer: { ...oauthServer(names), volumesToMount: { identityProviders: '{}' } },
        }),
        status: { oauthAPIServer: { latestAvailableRevision: 1 }, readyReplicas: 0 },
      }),
      // Releases that begin the control plane of the network on one node remember which.
      make(
        'Network',
        'cluster',
        {
          spec: {
            clusterNetwork: [{ cidr: '10.128.0.0/14', hostPrefix: 23 }],
            defaultNetwork: { ovnKubernetesConfig: { genevePort: 6081, mtu: 1400 }, type: 'OVNKubernetes' },
            serviceNetwork: ['172.30.0.0/16'],
          },
          status: { conditions: [] },
        },
        names.release === '4.14' ? { 'networkoperator.openshift.io/ovn-cluster-initiator': now.ips[0] } : undefined,
      ),
      {
        object: objects.make(
          'IngressController',
          group,
          'openshift-ingress-operator/default',
          {
            spec: { replicas: 1, tuningOptions: { reloadInterval: '0s' } },
            status: {
              availableReplicas: 1,
              domain: `apps.${domain}`,
              endpointPublishingStrategy: { hostNetwork: { httpPort: 80 }, type: 'HostNetwork' },
              selector: 'ingresscontroller.operator.openshift.io/deployment-ingresscontroller=default',
            },
          },
          { manager: 'ingress-operator' },
        ),
      },
    ],
  };
}

/** domain/oauth-server. Without a console there is no address of it. */
export const oauthServer = ({ seed, now, release }: Names): Readonly<Record<string, unknown>> => {
  const { domain } = namesOf(now);
  return {
    corsAllowedOrigins: ['//127\\.0\\.0\\.1(:|$)', '//localhost(:|$)'],
    oauthConfig: {
      ...(release === '4.14' ? {} : { assetPublicURL: `https://console-openshift-console.apps.${domain}` }),
      loginURL: `https://api.${domain}:6443`,
      ...(release === '4.14' ? { masterPublicURL: `https://oauth-openshift.apps.${domain}` } : {}),
      templates: { error: '/var/config/system/secrets/v4-0-config-system-ocp-branding-template/errors.html' },
      tokenConfig: { accessTokenMaxAgeSeconds: 86400, authorizeTokenMaxAgeSeconds: 300 },
    },
    serverArguments: {
      'audit-log-format': ['json'],
      'audit-log-path': [`/var/log/oauth-server/${seed.clusterName}s.log`],
    },
    servingInfo: {
      cipherSuites: ['TLS_AES_128_GCM_SHA256'],
      minTLSVersion: 'VersionTLS12',
      namedCertificates: [
        {
          certFile: `/var/config/system/secrets/v4-0-config-system-router-certs/apps.${domain}`,
          keyFile: `/var/config/system/secrets/v4-0-config-system-router-certs/apps.${domain}`,
          names: [`*.apps.${domain}`],
        },
      ],
    },
  };
};
