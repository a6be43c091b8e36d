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

/** Section 6.5.2: name, domain and infrastructure id of the cluster in etcd, in the order of its table. */
export function domainObjectSteps(to: NewName): Step[] {
  const { domain } = to;
  const apps = `apps.${domain}`;
  const [kubeApiServer, controllerManager] = ['openshift-kube-apiserver', 'openshift-kube-controller-manager'];
  const hostnames = ['metadata', 'annotations', 'auth.openshift.io/certificate-hostnames'];
  const console = `https://console-openshift-console.${apps}`;
  return [
    removals('6.5 head', goneWithTheName.map(prefix)),
    object('6.5.2 row 1', secret('openshift-authentication', 'v4-0-config-system-router-certs'), (one) => {
      routerCertsKey(one, to);
    }),
    object('6.5.2 row 2', secret('openshift-config-managed', 'router-certs'), (one) => {
      routerCertsKey(one, to);
    }),
    object(
      '6.5.2 row 3',
      prefix('operator.openshift.io/ingresscontrollers/openshift-ingress-operator/default'),
      (cr) => {
        if (cr.at(['status']) === undefined) cr.fail(['status']);
        cr.set(['status', 'domain'], apps);
      },
    ),
    object('6.5.2 row 4', secret(kubeApiServer, 'external-loadbalancer-serving-certkey'), (one) => {
      one.replace(hostnames, `api.${domain}`);
    }),
    object('6.5.2 row 5', secret(kubeApiServer, 'internal-loadbalancer-serving-certkey'), (one) => {
      one.replace(hostnames, `api-int.${domain}`);
    }),
    ...machineConfigSteps('6.5.2 row 6', (machine) => {
      ignitionFile(machine, '/etc/kubernetes/apiserver-url.env', (text, fail) => apiServerUrl(text, to, fail));
    }),
    object('6.5.2 row 7', configMap('openshift-apiserver', 'config'), (map) => {
      map.within(['data', 'config.yaml'], (text) => {
        text.replace(['routingConfig', 'subdomain'], apps);
      });
    }),
    object('6.5.2 row 8', operator('openshiftapiservers'), (cr) => {
      cr.replace(['spec', 'observedConfig', 'routingConfig', 'subdomain'], apps);
    }),
    object('6.5.2 row 9', operator('kubeapiservers'), (cr) => {
      jwksUris(cr, to, ['spec', 'observedConfig']);
    }),
    object('6.5.2 row 10', operator('kubecontrollermanagers'), (cr) => {
      controllerManagerName(cr, to, ['spec', 'observedConfig']);
    }),
    object('6.5.2 row 11', operator('authentications'), (cr) => {
      oauthServer(cr, to, ['spec', 'observedConfig', 'oauthServer']);
    }),
    object('6.5.2 row 12', configMap('openshift-authentication', 'v4-0-config-system-metadata'), (map) => {
      map.within(['data', 'oauthMetadata'], (text) => {
        oauthMetadata(text, to);
      });
    }),
    object('6.5.2 row 13', configMap('openshift-config-managed', 'oauth-openshift'), (map) => {
      map.within(['data', 'oauthMetadata'], (text) => {
        oauthMetadata(text, to);
      });
    }),
    object('6.5.2 row 14', configMap('openshift-authentication', 'v4-0-config-system-cliconfig'), (map) => {
      map.within(['data', 'v4-0-config-system-cliconfig'], (text) => {
        oauthServer(text, to);
      });
    }),
    object(
      '6.5.2 row 15',
      configMap('openshift-config-managed', 'console-public'),
      (map) => {
        if (map.at(['data', 'consoleURL']) !== undefined) map.replace(['data', 'consoleURL'], console);
      },
      { optional: true },
    ),
    object('6.5.2 row 16', config('consoles'), (cr) => {
      if (cr.at(['status']) !== undefined) cr.replace(['status', 'consoleURL'], console);
    }),
    object('6.5.2 row 17', config('dnses'), (cr) => {
      dns(cr, to);
    }),
    object('6.5.2 row 18', config('infrastructures'), (cr) => {
      infrastructure(cr, to);
    }),
    object('6.5.2 row 19', config('ingresses'), (cr) => {
      cr.replace(['spec', 'domain'], apps);
      const routes = ['status', 'componentRoutes'];
      const index = cr.keysAt(routes).find((one) => cr.textAt([...routes, one, 'name']) === 'oauth-openshift');
      if (index === undefined) return cr.fail(routes, 'has no entry "oauth-openshift"');
      cr.replace([...routes, index, 'currentHostnames'], [`oauth-openshift.${apps}`]);
      cr.replace([...routes, index, 'defaultHostname'], `oauth-openshift.${apps}`);
    }),
    object(
      '6.5.2 row 20',
      prefix('console.openshift.io/consoleclidownloads/oc-cli-downloads'),
      (cr) => {
        for (const index of cr.keysAt(['spec', 'links']))
          cr.rewrite(['spec', 'links', index, 'href'], (href) => withHost(href, `downloads-openshift-console.${apps}`));
      },
      { optional: true },
    ),
    object('6.5.2 row 21', configMap('openshift-config-managed', 'monitoring-shared-config'), (map) => {
      if (map.at(['data', 'alertmanagerPublicURL']) !== undefined)
        map.replace(['data', 'alertmanagerPublicURL'], `https://alertmanager-main-openshift-monitoring.${apps}`);
      map.replace(['data', 'alertmanagerTenancyHost'], 'alertmanager-main.openshift-monitoring.svc:9092');
      map.replace(['data', 'alertmanagerUserWorkloadHost'], 'alertmanager-main.openshift-monitoring.svc:9094');
      map.replace(['data', 'prometheusPublicURL'], `https://prometheus-k8s-openshift-monitoring.${apps}`);
      map.replace(['data', 'thanosPublicURL'], `https://thanos-querier-openshift-monitoring.${apps}`);
    }),
    object(
      '6.5.2 row 22',
      configMap('openshift-console', 'console-config'),
      (map) => {
        map.within(['data', 'console-config.yaml'], (text) => {
          text.replace(['clusterInfo', 'consoleBaseAddress'], console);
          text.replace(['clusterInfo', 'masterPublicURL'], `https://api.${domain}:6443`);
        });
      },
      { optional: true },
    ),
    revisions('6.5.2 row 23', configMaps(kubeApiServer), 'config', (map) => {
      map.within(['data', 'config.yaml'], (text) => {
        jwksUris(text, to);
      });
    }),
    revisions('6.5.2 row 24', configMaps(kubeApiServer), 'oauth-metadata', (map) => {
      map.within(['data', 'oauthMetadata'], (text) => {
        oauthMetadata(text, to);
      });
    }),
    revisions('6.5.2 row 25', configMaps(controllerManager), 'config', (map) => {
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
      revisions('6.5.2 row 26', configMaps(namespace), name, (map) => {
        map.rewrite(['data', 'kubeconfig'], (text) =>
          text.replace(
            /(server: https:\/\/api-int)\..+:(\d+)/g,
            (_whole, head: string, port: string) => `${head}.${domain}:${port}`,
          ),
        );
      }),
    ),
    object('6.5.2 row 27', configMap('openshift-ovn-kubernetes', 'ovnkube-config'), (map) => {
      const server = /^apiserver="https:\/\/api-int\..*$/gm;
      map.rewrite(['data', 'ovnkube.conf'], (text) => {
        if (text.search(server) < 0)
          map.fail(['data', 'ovnkube.conf'], 'has no line that begins with apiserver="https://api-int.');
        return text.replace(server, () => `apiserver="https://api-int.${domain}:6443"`);
      });
    }),
    ...['kube-system', 'openshift-etcd'].map((namespace, index) =>
      object(`6.5.2 row ${28 + index}`, configMap(namespace, 'cluster-config-v1'), (map) => {
        map.within(['data', 'install-config'], (text) => {
          text.replace(['baseDomain'], to.baseDomain);
          text.replace(['metadata', 'name'], to.name);
        });
      }),
    ),
    revisions('6.5.2 row 30', configMaps(controllerManager), 'kube-controller-manager-pod', (map) => {
      map.within(['data', 'pod.yaml'], (pod) => {
        controllerManagerPod(pod, to);
      });
    }),
    object('6.5.2 row 31', deployment('openshift-cluster-version', 'cluster-version-operator'), (workload) => {
      setEnvironment(workload, 'cluster-version-operator', 'KUBERNETES_SERVICE_HOST', `api-int.${domain}`);
    }),
    object('6.5.2 row 32', daemonSet('openshift-multus', 'multus'), (workload) => {
      setEnvironment(workload, 'kube-multus', 'KUBERNETES_SERVICE_HOST', `api-int.${domain}`);
    }),
    object('6.5.2 row 33', daemonSet('openshift-multus', 'multus-additional-cni-plugins'), (workload) => {
      setEnvironment(workload, 'whereabouts-cni', 'KUBERNETES_SERVICE_HOST', `api-int.${domain}`, {
        list: 'initContainers',
      });
    }),
    object('6.5.2 row 34', deployment('openshift-ingress', 'router-default'), (workload) => {
      setEnvironment(workload, 'router', 'ROUTER_CANONICAL_HOSTNAME', `router-default.${apps}`);
      setEnvironment(workload, 'router', 'ROUTER_DOMAIN', apps);
    }),
    ...routes.map(([namespace, name, host, optional]) =>
      object(
        '6.5.2 row 35',
        route(namespace, name),
        (one) => {
          one.replace(['spec', 'host'], `${host}.${apps}`);
          if (one.at(['status']) !== undefined) one.remove(['status']);
        },
        { optional },
      ),
    ),
    object('6.5.2 row 36', controllerConfig, (cr) => {
      dns(cr, to, ['spec', 'dns']);
      infrastructure(cr, to, ['spec', 'infra']);
    }),
    removals('6.5.2 row 37', [prefix('controllerrevisions/')], (key) =>
      revisionsOfTheName.some((part) => key.includes(part)),
    ),
    removals(
      '6.5.2 row 37',
      [
        'controlplane.operator.openshift.io/podnetworkconnectivitychecks/',
        'configmaps/openshift-kube-controller-manager/cluster-policy-controller-lock',
        'apiserver.openshift.io/apirequestcounts/',
      ].map(prefix),
    ),
    object('6.5.2 row 38', oauthClient('openshift-browser-client'), (client) => {
      redirectUri(client, to);
    }),
    object('6.5.2 row 39', oauthClient('openshift-challenging-client'), (client) => {
      redirectUri(client, to);
    }),
    object('6.5.2 row 40', daemonSet('openshift-machine-config-operator', 'machine-config-server'), (workload) => {
      const arg = stringsOf(workload, containersNamed(workload, 'machine-config-server'), 'args').find(
        (path) => workload.textAt(path)?.startsWith('--apiserver-url=') === true,
      );
      if (arg === undefined)
        return workload.fail(
          ['spec', 'template', 'spec', 'containers'],
          'has no argument --apiserver-url in a container "machine-config-server"',
        );
      workload.replace(arg, `--apiserver-url=https://api-int.${domain}:6443`);
    }),
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
