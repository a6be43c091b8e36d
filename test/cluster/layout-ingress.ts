import { keyPem } from '../certificates/pem.ts';
import type { Content, StoredObject } from './content.ts';
import { certificatePem, type Pki } from './issue.ts';
import { domainOf } from './identity.ts';
import { namesOf, type Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import { storedDaemonSetSpec, storedDeploymentSpec, type Manifest } from './settings/defaults.ts';

/** How the cluster is reached: routes, the router's certificate, OAuth clients, and workloads that are told an address. */
export function layOutIngress(names: Names, pki: Pki, objects: ObjectMaker): Content {
  return {
    objects: [
      ...routerCertificates(names, pki, objects),
      ...routes(names, objects),
      ...oauthClients(names, objects),
      ...workloads(names, objects),
    ],
    files: [],
  };
}

/** Copies of the router's certificate, under the domain that it serves. */
function routerCertificates({ seed, now }: Names, pki: Pki, objects: ObjectMaker): StoredObject[] {
  const name = `apps.${namesOf(now).domain}`;
  const pair = pki.named(`*.apps.${domainOf(seed)}`);
  const fields = { 'f:data': { '.': {}, [`f:${name}`]: {} }, 'f:type': {} };
  return [
    {
      object: objects.secret(
        'openshift-authentication/v4-0-config-system-router-certs',
        { [name]: certificatePem(pair) + keyPem(pair.key) },
        { fields: [fields], manager: 'authentication-operator' },
      ),
    },
    // Two managers wrote it.
    {
      object: objects.secret(
        'openshift-config-managed/router-certs',
        { [name]: certificatePem(pair) + keyPem(pair.key) },
        { fields: [fields, { 'f:data': { [`f:${name}`]: {} } }], manager: 'ingress-operator' },
      ),
    },
  ];
}

/** Routes of the monitoring, the login and the canary get the new domain; their status goes. Those of the console are made anew by its operator. */
function routes(names: Names, objects: ObjectMaker): StoredObject[] {
  const { seed, now, release } = names;
  const renamed = domainOf(now) !== domainOf(seed);
  const route = (namespace: string, name: string, follows: boolean, prefix = `${name}-${namespace}`): StoredObject => {
    const host = `${prefix}.apps.${domainOf(follows ? now : seed)}`;
    const status = {
      ingress: [
        {
          host,
          routerName: 'default',
          wildcardPolicy: 'None',
          routerCanonicalHostname: `router-default.apps.${domainOf(seed)}`,
        },
      ],
    };
    return {
      object: objects.make(
        'Route',
        'route.openshift.io/v1',
        `${namespace}/${name}`,
        {
          spec: {
            host,
            path: '',
            to: { kind: 'Service', name, weight: 100 },
            tls: {
              termination: 'passthrough',
              certificate: '',
              key: '',
              caCertificate: '',
              destinationCACertificate: '',
              insecureEdgeTerminationPolicy: 'Redirect',
            },
            wildcardPolicy: 'None',
            subdomain: '',
          },
          ...(renamed && follows ? {} : { status }),
        },
        {
          manager: 'route-controller',
          labels: { 'lab.example.com/app': name },
          fields: [{ 'f:spec': {} }, { 'f:status': {} }],
        },
      ),
    };
  };
  return [
    route('openshift-ingress-canary', 'canary', true),
    ...(release === '4.14' ? [] : [route('openshift-monitoring', 'alertmanager-main', true)]),
    route('openshift-monitoring', 'prometheus-k8s', true),
    route('openshift-monitoring', 'prometheus-k8s-federate', true),
    route('openshift-monitoring', 'thanos-querier', true),
    route('openshift-authentication', 'oauth-openshift', true, 'oauth-openshift'),
    ...(release === '4.14'
      ? []
      : [route('openshift-console', 'console', false), route('openshift-console', 'downloads', false)]),
  ];
}

/** Clients of the login: who may be sent back where. */
function oauthClients({ now }: Names, objects: ObjectMaker): StoredObject[] {
  return (
    [
      ['openshift-browser-client', '/oauth/token/display'],
      ['openshift-challenging-client', '/oauth/token/implicit'],
    ] as const
  ).map(([name, path]) => {
    const uri = `https://oauth-openshift.apps.${domainOf(now)}${path}`;
    return {
      object: objects.make(
        'OAuthClient',
        'oauth.openshift.io/v1',
        name,
        {
          secret: name === 'openshift-browser-client' ? 'x7k2p' : '',
          respondWithChallenges: name !== 'openshift-browser-client',
          redirectURIs: [uri],
          grantMethod: 'auto',
        },
        {
          manager: 'authentication-operator',
          fields: [{ 'f:grantMethod': {}, 'f:redirectURIs': { '.': {}, [`v:"${uri}"`]: {} } }],
        },
      ),
    };
  });
}

function workloads({ seed, now }: Names, objects: ObjectMaker): StoredObject[] {
  const { domain } = namesOf(now);
  const image = `quay.io/lab/component@sha256:${'6'.repeat(64)}`;
  const template = (app: string, spec: Manifest): Manifest => ({
    metadata: { labels: { app } },
    spec: { hostNetwork: true, serviceAccountName: app, ...spec },
  });
  const selector = (app: string): Manifest => ({ matchLabels: { app } });
  const deployment = (place: string, app: string, spec: Manifest): StoredObject => ({
    object: objects.make(
      'Deployment',
      'apps/v1',
      place,
      {
        spec: storedDeploymentSpec({
          selector: selector(app),
          template: template(app, spec),
          strategy: { type: 'RollingUpdate' },
        }),
        status: { observedGeneration: 1, replicas: 1 },
      },
      { manager: 'cluster-version-operator' },
    ),
  });
  const daemonSet = (place: string, app: string, spec: Manifest): StoredObject => ({
    object: objects.make(
      'DaemonSet',
      'apps/v1',
      place,
      { spec: storedDaemonSetSpec({ selector: selector(app), template: template(app, spec) }), status: {} },
      { manager: 'cluster-network-operator' },
    ),
  });
  const apiHost = [
    { name: 'KUBERNETES_SERVICE_PORT', value: '6443' },
    { name: 'KUBERNETES_SERVICE_HOST', value: `api-int.${domain}` },
    { name: 'NODE_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
  ];
  return [
    deployment('openshift-cluster-version/cluster-version-operator', 'cluster-version-operator', {
      containers: [
        { name: 'cluster-version-operator', image, args: ['start', '--enable-auto-update=false'], env: apiHost },
      ],
    }),
    daemonSet('openshift-multus/multus', 'multus', {
      containers: [{ name: 'kube-multus', image, command: ['/entrypoint/cnibincopy.sh'], env: apiHost }],
      initContainers: [
        { name: 'cni-plugins', image, env: [{ name: 'DEFAULT_SOURCE_DIRECTORY', value: '/usr/src/plugins/bin/' }] },
      ],
    }),
    daemonSet('openshift-multus/multus-additional-cni-plugins', 'multus-additional-cni-plugins', {
      initContainers: [
        { name: 'egress-router-binary-copy', image },
        { name: 'whereabouts-cni', image, env: apiHost },
      ],
      containers: [{ name: 'kube-multus-additional-cni-plugins', image }],
    }),
    deployment('openshift-ingress/router-default', 'router', {
      containers: [
        {
          name: 'router',
          image,
          env: [
            { name: 'ROUTER_CANONICAL_HOSTNAME', value: `router-default.apps.${domain}` },
            { name: 'ROUTER_DENIED', value: `apps.prefix.${domainOf(seed)}.other` },
            { name: 'ROUTER_DOMAIN', value: `apps.${domain}` },
            { name: 'ROUTER_SERVICE_NAME', value: 'default' },
          ],
        },
      ],
    }),
    daemonSet('openshift-machine-config-operator/machine-config-server', 'machine-config-server', {
      containers: [
        {
          name: 'machine-config-server',
          image,
          command: ['/usr/bin/machine-config-server'],
          args: [
            'start',
            `--apiserver-url=https://api-int.${domain}:6443`,
            '--payload-version=4.20.1',
            `--was=https://api-int.prefix.${domainOf(seed)}.other:6443`,
          ],
        },
      ],
    }),
  ];
}
