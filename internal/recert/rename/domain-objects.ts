import {
  apiServerUrl,
  controllerManagerName,
  controllerManagerPod,
  dns,
  infrastructure,
  jwksUris,
  oauthMetadata,
  oauthServer,
  redirectUri,
  routerCertsKey,
  withHost,
  type NewName,
} from './domain-edits.ts';
import { ignitionFile, machineConfigSteps } from './ignition-files.ts';
import {
  config,
  configMap,
  configMaps,
  controllerConfig,
  daemonSet,
  deployment,
  oauthClient,
  operator,
  prefix,
  route,
  secret,
} from './keys.ts';
import { object, removals, revisions, type Step } from './step.ts';
import { containersNamed, setEnvironment, stringsOf } from './workload.ts';

/** Name, domain and infrastructure id of the cluster in etcd, in the order of the reference: what comes later sees what came before. */
export function domainObjectSteps(to: NewName): Step[] {
  const { domain } = to;
  const apps = `apps.${domain}`;
  const [kubeApiServer, controllerManager] = ['openshift-kube-apiserver', 'openshift-kube-controller-manager'];
  const hostnames = ['metadata', 'annotations', 'auth.openshift.io/certificate-hostnames'];
  const console = `https://console-openshift-console.${apps}`;
  return [
    removals('domain/removals', goneWithTheName.map(prefix)),
    object('domain/router-certs', secret('openshift-authentication', 'v4-0-config-system-router-certs'), (one) => {
      routerCertsKey(one, to);
    }),
    object('domain/router-certs', secret('openshift-config-managed', 'router-certs'), (one) => {
      routerCertsKey(one, to);
    }),
    object(
      'domain/ingress-controller',
      prefix('operator.openshift.io/ingresscontrollers/openshift-ingress-operator/default'),
      (cr) => {
        if (cr.at(['status']) === undefined) cr.fail(['status']);
        cr.set(['status', 'domain'], apps);
      },
    ),
    object('domain/load-balancer-certs', secret(kubeApiServer, 'external-loadbalancer-serving-certkey'), (one) => {
      one.replace(hostnames, `api.${domain}`);
    }),
    object('domain/load-balancer-certs', secret(kubeApiServer, 'internal-loadbalancer-serving-certkey'), (one) => {
      one.replace(hostnames, `api-int.${domain}`);
    }),
    ...machineConfigSteps('domain/apiserver-url', (machine) => {
      ignitionFile(machine, '/etc/kubernetes/apiserver-url.env', (text, fail) => apiServerUrl(text, to, fail));
    }),
    object('domain/apps-subdomain', configMap('openshift-apiserver', 'config'), (map) => {
      map.within(['data', 'config.yaml'], (text) => {
        text.replace(['routingConfig', 'subdomain'], apps);
      });
    }),
    object('domain/apps-subdomain', operator('openshiftapiservers'), (cr) => {
      cr.replace(['spec', 'observedConfig', 'routingConfig', 'subdomain'], apps);
    }),
    object('domain/jwks', operator('kubeapiservers'), (cr) => {
      jwksUris(cr, to, ['spec', 'observedConfig']);
    }),
    object('domain/controller-manager-name', operator('kubecontrollermanagers'), (cr) => {
      controllerManagerName(cr, to, ['spec', 'observedConfig']);
    }),
    object('domain/oauth-server', operator('authentications'), (cr) => {
      oauthServer(cr, to, ['spec', 'observedConfig', 'oauthServer']);
    }),
    object('domain/oauth-metadata', configMap('openshift-authentication', 'v4-0-config-system-metadata'), (map) => {
      map.within(['data', 'oauthMetadata'], (text) => {
        oauthMetadata(text, to);
      });
    }),
    object('domain/oauth-metadata', configMap('openshift-config-managed', 'oauth-openshift'), (map) => {
      map.within(['data', 'oauthMetadata'], (text) => {
        oauthMetadata(text, to);
      });
    }),
    object('domain/oauth-server', configMap('openshift-authentication', 'v4-0-config-system-cliconfig'), (map) => {
      map.within(['data', 'v4-0-config-system-cliconfig'], (text) => {
        oauthServer(text, to);
      });
    }),
    object(
      'domain/console',
      configMap('openshift-config-managed', 'console-public'),
      (map) => {
        if (map.at(['data', 'consoleURL']) !== undefined) map.replace(['data', 'consoleURL'], console);
      },
      { optional: true },
    ),
    object('domain/console', config('consoles'), (cr) => {
      if (cr.at(['status']) !== undefined) cr.replace(['status', 'consoleURL'], console);
    }),
    object('domain/dns', config('dnses'), (cr) => {
      dns(cr, to);
    }),
    object('domain/infrastructure', config('infrastructures'), (cr) => {
      infrastructure(cr, to);
    }),
    object('domain/ingress', config('ingresses'), (cr) => {
      cr.replace(['spec', 'domain'], apps);
      const routes = ['status', 'componentRoutes'];
      const index = cr.keysAt(routes).find((one) => cr.textAt([...routes, one, 'name']) === 'oauth-openshift');
      if (index === undefined) return cr.fail(routes, 'has no entry "oauth-openshift"');
      cr.replace([...routes, index, 'currentHostnames'], [`oauth-openshift.${apps}`]);
      cr.replace([...routes, index, 'defaultHostname'], `oauth-openshift.${apps}`);
    }),
    object(
      'domain/cli-downloads',
      prefix('console.openshift.io/consoleclidownloads/oc-cli-downloads'),
      (cr) => {
        for (const index of cr.keysAt(['spec', 'links']))
          cr.rewrite(['spec', 'links', index, 'href'], (href) => withHost(href, `downloads-openshift-console.${apps}`));
      },
      { optional: true },
    ),
    object('domain/monitoring-config', configMap('openshift-config-managed', 'monitoring-shared-config'), (map) => {
      if (map.at(['data', 'alertmanagerPublicURL']) !== undefined)
        map.replace(['data', 'alertmanagerPublicURL'], `https://alertmanager-main-openshift-monitoring.${apps}`);
      map.replace(['data', 'alertmanagerTenancyHost'], 'alertmanager-main.openshift-monitoring.svc:9092');
      map.replace(['data', 'alertmanagerUserWorkloadHost'], 'alertmanager-main.openshift-monitoring.svc:9094');
      map.replace(['data', 'prometheusPublicURL'], `https://prometheus-k8s-openshift-monitoring.${apps}`);
      map.replace(['data', 'thanosPublicURL'], `https://thanos-querier-openshift-monitoring.${apps}`);
    }),
    object(
      'domain/console',
      configMap('openshift-console', 'console-config'),
      (map) => {
        map.within(['data', 'console-config.yaml'], (text) => {
          text.replace(['clusterInfo', 'consoleBaseAddress'], console);
          text.replace(['clusterInfo', 'masterPublicURL'], `https://api.${domain}:6443`);
        });
      },
      { optional: true },
    ),
    revisions('domain/jwks', configMaps(kubeApiServer), 'config', (map) => {
      map.within(['data', 'config.yaml'], (text) => {
        jwksUris(text, to);
      });
    }),
    revisions('domain/oauth-metadata', configMaps(kubeApiServer), 'oauth-metadata', (map) => {
      map.within(['data', 'oauthMetadata'], (text) => {
        oauthMetadata(text, to);
      });
    }),
    revisions('domain/controller-manager-name', configMaps(controllerManager), 'config', (map) => {
      map.within(['data', 'config.yaml'], (text) => {
        controllerManagerName(text, to);
      });
    }),
    ...(
      [
        [controllerManager, 'controller-manager-kubeconfig'],
        ['openshift-kube-scheduler', 'scheduler-kubeconfig'],
      ] as const
    ).map(([namespace, name]) =>
      revisions('domain/kubeconfig-maps', configMaps(namespace), name, (map) => {
        map.rewrite(['data', 'kubeconfig'], (text) =>
          text.replace(
            /(server: https:\/\/api-int)\..+:(\d+)/g,
            (_whole, head: string, port: string) => `${head}.${domain}:${port}`,
          ),
        );
      }),
    ),
    object('domain/ovnkube-config', configMap('openshift-ovn-kubernetes', 'ovnkube-config'), (map) => {
      const server = /^apiserver="https:\/\/api-int\..*$/gm;
      map.rewrite(['data', 'ovnkube.conf'], (text) => {
        if (text.search(server) < 0)
          map.fail(['data', 'ovnkube.conf'], 'has no line that begins with apiserver="https://api-int.');
        return text.replace(server, () => `apiserver="https://api-int.${domain}:6443"`);
      });
    }),
    ...['kube-system', 'openshift-etcd'].map((namespace) =>
      object('domain/install-config', configMap(namespace, 'cluster-config-v1'), (map) => {
        map.within(['data', 'install-config'], (text) => {
          text.replace(['baseDomain'], to.baseDomain);
          text.replace(['metadata', 'name'], to.name);
        });
      }),
    ),
    revisions('domain/controller-manager-pod', configMaps(controllerManager), 'kube-controller-manager-pod', (map) => {
      map.within(['data', 'pod.yaml'], (pod) => {
        controllerManagerPod(pod, to);
      });
    }),
    object('domain/api-variables', deployment('openshift-cluster-version', 'cluster-version-operator'), (workload) => {
      setEnvironment(workload, 'cluster-version-operator', 'KUBERNETES_SERVICE_HOST', `api-int.${domain}`);
    }),
    object('domain/api-variables', daemonSet('openshift-multus', 'multus'), (workload) => {
      setEnvironment(workload, 'kube-multus', 'KUBERNETES_SERVICE_HOST', `api-int.${domain}`);
    }),
    object('domain/api-variables', daemonSet('openshift-multus', 'multus-additional-cni-plugins'), (workload) => {
      setEnvironment(workload, 'whereabouts-cni', 'KUBERNETES_SERVICE_HOST', `api-int.${domain}`, {
        list: 'initContainers',
      });
    }),
    object('domain/router', deployment('openshift-ingress', 'router-default'), (workload) => {
      setEnvironment(workload, 'router', 'ROUTER_CANONICAL_HOSTNAME', `router-default.${apps}`);
      setEnvironment(workload, 'router', 'ROUTER_DOMAIN', apps);
    }),
    ...routes.map(([namespace, name, host, optional]) =>
      object(
        'domain/routes',
        route(namespace, name),
        (one) => {
          one.replace(['spec', 'host'], `${host}.${apps}`);
          if (one.at(['status']) !== undefined) one.remove(['status']);
        },
        { optional },
      ),
    ),
    object('domain/controller-config', controllerConfig, (cr) => {
      dns(cr, to, ['spec', 'dns']);
      infrastructure(cr, to, ['spec', 'infra']);
    }),
    removals('domain/late-removals', [prefix('controllerrevisions/')], (key) =>
      revisionsOfTheName.some((part) => key.includes(part)),
    ),
    removals(
      'domain/late-removals',
      [
        'controlplane.operator.openshift.io/podnetworkconnectivitychecks/',
        'configmaps/openshift-kube-controller-manager/cluster-policy-controller-lock',
        'apiserver.openshift.io/apirequestcounts/',
      ].map(prefix),
    ),
    object('domain/oauth-clients', oauthClient('openshift-browser-client'), (client) => {
      redirectUri(client, to);
    }),
    object('domain/oauth-clients', oauthClient('openshift-challenging-client'), (client) => {
      redirectUri(client, to);
    }),
    object(
      'domain/machine-config-server',
      daemonSet('openshift-machine-config-operator', 'machine-config-server'),
      (workload) => {
        const arg = stringsOf(workload, containersNamed(workload, 'machine-config-server'), 'args').find(
          (path) => workload.textAt(path)?.startsWith('--apiserver-url=') === true,
        );
        if (arg === undefined)
          return workload.fail(
            ['spec', 'template', 'spec', 'containers'],
            'has no argument --apiserver-url in a container "machine-config-server"',
          );
        workload.replace(arg, `--apiserver-url=https://api-int.${domain}:6443`);
      },
    ),
  ];
}

/** What names the old cluster or its node and is made anew by itself. */
const goneWithTheName = [
  'certificatesigningrequests/',
  'tuned.openshift.io/profiles',
  'csinodes/',
  'ptp.openshift.io/nodeptpdevices/',
  'minions/',
  'sriovnetwork.openshift.io/sriovnetworknodestates/',
  'events/',
  'services/endpoints/',
  'endpointslices/',
  'configmaps/openshift-ptp/ptp-configmap',
  'pods/',
  'replicasets/',
  'daemonsets/openshift-ovn-kubernetes/ovnkube-node',
];

const revisionsOfTheName = [
  'openshift-machine-config-operator/machine-config-server-',
  'openshift-monitoring/alertmanager-main-',
  'openshift-monitoring/prometheus-k8s-',
  'openshift-multus/multus-additional-cni-plugins-',
  'openshift-multus/multus-',
  'openshift-ovn-kubernetes/ovnkube-node-',
];

/** Routes by namespace and name, the first label of their host, and whether they may be missing. Those of the console are made anew by its operator. */
const routes: readonly (readonly [namespace: string, name: string, host: string, optional: boolean])[] = [
  ['openshift-ingress-canary', 'canary', 'canary-openshift-ingress-canary', false],
  ['openshift-monitoring', 'alertmanager-main', 'alertmanager-main-openshift-monitoring', true],
  ['openshift-monitoring', 'prometheus-k8s', 'prometheus-k8s-openshift-monitoring', false],
  ['openshift-monitoring', 'prometheus-k8s-federate', 'prometheus-k8s-federate-openshift-monitoring', false],
  ['openshift-monitoring', 'thanos-querier', 'thanos-querier-openshift-monitoring', false],
  ['openshift-authentication', 'oauth-openshift', 'oauth-openshift', false],
];
