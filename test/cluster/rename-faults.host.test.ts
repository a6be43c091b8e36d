import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { readRecertConfigFile } from '../../internal/config/recert-config.ts';
import { Failure } from '../../internal/errors/errors.ts';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { temporaryFolder } from '../../internal/host/files.ts';
import { prepareRename, rename, type Renamed } from '../../internal/recert/rename/rename.ts';
import { etcdHolding } from '../../internal/recert/test-etcd.ts';
import { objectTree } from '../../internal/wire/object-tree.ts';
import type { Tree } from '../../internal/edit/tree.ts';
import { makeCluster, type Cluster } from './cluster.ts';
import { configFor } from './configuration.ts';
import { targetIdentity } from './identities.ts';

/*
 * What a rename refuses, on a whole cluster of which one thing is missing or other than expected. A rename reads and never writes, so
 * nothing can be half-done: the values are read once, and each case changes its own copy.
 */

await using folder = await temporaryFolder(tmpdir(), 'rename-faults-');
await using cluster = await makeCluster({ size: 'small' });
const values = await valuesOf(cluster);

async function valuesOf({ endpoint }: Cluster): Promise<Map<string, Uint8Array>> {
  await using etcd = await openEtcd(endpoint);
  return new Map((await Array.fromAsync(etcd.list('/'))).map(({ key, value }) => [key, value]));
}

/** A rename with some keys of the configuration for everything, over other values than the cluster's. */
async function renaming(
  options: readonly string[],
  all: ReadonlyMap<string, Uint8Array>,
  more: object = {},
): Promise<Renamed> {
  const whole = Object.entries(configFor(cluster, cluster.seed, targetIdentity()));
  const file = join(folder.path, 'recert.json');
  await writeFile(
    file,
    JSON.stringify({
      ...Object.fromEntries(whole.filter(([key]) => options.includes(key) || /etcd_endpoint|dirs|files/.test(key))),
      ...more,
    }),
  );
  const {
    cluster: { dirs, files, ...changes },
    crypto,
  } = await readRecertConfigFile(file);
  return rename(
    await prepareRename({ etcd: etcdHolding(all), folders: dirs, files, changes, nameRules: crypto.nameRules }),
    [],
  );
}

const without = (key: string): Map<string, Uint8Array> => new Map([...values].filter(([one]) => one !== key));

/** The values with one object edited. */
function edited(key: string, edit: (object: Tree) => Tree): Map<string, Uint8Array> {
  const tree = objectTree(values.get(key) ?? new Uint8Array());
  assert.ok(tree !== undefined, `the cluster has no "${key}"`);
  return new Map([...values, [key, edit(tree).bytes]]);
}

const kube = '/kubernetes.io/';
const configMap = (name: string): string => `${kube}configmaps/${name}`;
const secret = (name: string): string => `${kube}secrets/${name}`;
const cr = (name: string): string => `${kube}operator.openshift.io/${name}`;
const config = (name: string): string => `${kube}config.openshift.io/${name}`;
const controllerConfig = `${kube}machineconfiguration.openshift.io/controllerconfigs/machine-config-controller`;

/** Mandatory objects by option: the tables' rows without an (O). */
const mandatory: Readonly<Record<string, readonly string[]>> = {
  ip: [
    configMap('openshift-apiserver/config'),
    configMap('openshift-etcd/etcd-scripts'),
    cr('kubeapiservers/cluster'),
    cr('authentications/cluster'),
    cr('openshiftapiservers/cluster'),
    cr('networks/cluster'),
    `${kube}deployments/openshift-oauth-apiserver/apiserver`,
  ],
  cluster_rename: [
    secret('openshift-authentication/v4-0-config-system-router-certs'),
    secret('openshift-config-managed/router-certs'),
    cr('ingresscontrollers/openshift-ingress-operator/default'),
    secret('openshift-kube-apiserver/external-loadbalancer-serving-certkey'),
    secret('openshift-kube-apiserver/internal-loadbalancer-serving-certkey'),
    configMap('openshift-apiserver/config'),
    cr('kubecontrollermanagers/cluster'),
    configMap('openshift-authentication/v4-0-config-system-metadata'),
    configMap('openshift-config-managed/oauth-openshift'),
    configMap('openshift-authentication/v4-0-config-system-cliconfig'),
    config('consoles/cluster'),
    config('dnses/cluster'),
    config('infrastructures/cluster'),
    config('ingresses/cluster'),
    configMap('openshift-config-managed/monitoring-shared-config'),
    configMap('openshift-ovn-kubernetes/ovnkube-config'),
    configMap('kube-system/cluster-config-v1'),
    configMap('openshift-etcd/cluster-config-v1'),
    `${kube}deployments/openshift-cluster-version/cluster-version-operator`,
    `${kube}daemonsets/openshift-multus/multus`,
    `${kube}daemonsets/openshift-multus/multus-additional-cni-plugins`,
    `${kube}deployments/openshift-ingress/router-default`,
    '/openshift.io/routes/openshift-ingress-canary/canary',
    '/openshift.io/routes/openshift-authentication/oauth-openshift',
    controllerConfig,
    '/openshift.io/oauth/clients/openshift-browser-client',
    '/openshift.io/oauth/clients/openshift-challenging-client',
    `${kube}daemonsets/openshift-machine-config-operator/machine-config-server`,
  ],
  hostname: [
    configMap('openshift-etcd/etcd-scripts'),
    cr('kubeapiservers/cluster'),
    cr('kubeschedulers/cluster'),
    cr('kubecontrollermanagers/cluster'),
    cr('etcds/cluster'),
  ],
  kubeadmin_password_hash: [secret('kube-system/kubeadmin')],
  proxy: [
    config('proxies/cluster'),
    cr('openshiftapiservers/cluster'),
    cr('kubeapiservers/cluster'),
    cr('kubecontrollermanagers/cluster'),
    controllerConfig,
  ],
  install_config: [configMap('kube-system/cluster-config-v1')],
  pull_secret: [secret('openshift-config/pull-secret')],
  user_ca_bundle: [controllerConfig, configMap('openshift-config/user-ca-bundle')],
  proxy_trusted_ca_bundle: [
    configMap('openshift-config/site-proxy-ca'),
    configMap('openshift-config-managed/trusted-ca-bundle'),
    configMap('openshift-controller-manager/openshift-user-ca'),
  ],
  machine_network_cidr: [configMap('openshift-etcd/cluster-config-v1')],
};

for (const [option, keys] of Object.entries(mandatory)) {
  await test(`${option}: each mandatory object that is missing is one error that names it and the option`, async () => {
    for (const key of keys) {
      await assert.rejects(renaming([option], without(key)), (error) => {
        assert.ok(error instanceof Failure, String(error));
        assert.equal(error.message, `there is no "etcd:${key}"`);
        // The last steps of every run look at some of the same objects.
        assert.equal(error.why, `"${option}" changes it`);
        assert.match(error.next ?? '', /whole single-node cluster/);
        return true;
      });
    }
  });
}

await test('what every run needs is mandatory as soon as another identity is asked for', async () => {
  for (const key of [
    `${kube}apiregistration.k8s.io/apiservices/v1.packages.operators.coreos.com`,
    secret('openshift-operator-lifecycle-manager/packageserver-service-cert'),
    secret('openshift-kube-apiserver/webhook-authenticator'),
    secret('openshift-config/webhook-authentication-integrated-oauth'),
    config('clusterversions/version'),
    `${kube}deployments/openshift-apiserver/apiserver`,
  ]) {
    await assert.rejects(renaming(['chrony_config'], without(key)), {
      message: `there is no "etcd:${key}"`,
      why: "every change of the cluster's identity needs it",
    });
    const { facts } = await renaming([], without(key));
    assert.ok(facts.includes(`there is no "etcd:${key}"; it is left as it is`), facts.join('\n'));
  }
});

/** One place of one object that is not as the tables expect it. */
const shapes: readonly (readonly [
  what: string,
  option: string,
  key: string,
  edit: (object: Tree) => Tree,
  message: string,
])[] = [
  [
    'a config.yaml without what is renamed in it',
    'cluster_rename',
    configMap('openshift-apiserver/config'),
    (map) => map.set(['data', 'config.yaml'], '{"storageConfig":{"urls":[]}}'),
    '"etcd:/kubernetes.io/configmaps/openshift-apiserver/config" has no "/data/config.yaml /routingConfig/subdomain"',
  ],
  [
    'a config.yaml that is no document',
    'cluster_rename',
    configMap('openshift-apiserver/config'),
    (map) => map.set(['data', 'config.yaml'], 'just words'),
    '"/data/config.yaml" of "etcd:/kubernetes.io/configmaps/openshift-apiserver/config" is neither a JSON nor a YAML document',
  ],
  [
    'a malformed install-config',
    'cluster_rename',
    configMap('kube-system/cluster-config-v1'),
    (map) => map.set(['data', 'install-config'], 'baseDomain: [\n'),
    '"/data/install-config" of "etcd:/kubernetes.io/configmaps/kube-system/cluster-config-v1" is neither a JSON nor a YAML document',
  ],
  [
    'an install-config without networking',
    'machine_network_cidr',
    configMap('kube-system/cluster-config-v1'),
    (map) => map.set(['data', 'install-config'], 'apiVersion: v1\n'),
    '"etcd:/kubernetes.io/configmaps/kube-system/cluster-config-v1" has no "/data/install-config /networking/machineNetwork"',
  ],
  [
    'a ConfigMap without the key',
    'cluster_rename',
    configMap('kube-system/cluster-config-v1'),
    (map) => map.remove(['data', 'install-config']),
    '"etcd:/kubernetes.io/configmaps/kube-system/cluster-config-v1" has no "/data/install-config"',
  ],
  [
    'router certificates under another name',
    'cluster_rename',
    secret('openshift-config-managed/router-certs'),
    (one) => one.rename(['data', 'apps.seed.example.com'], 'other'),
    '"/data" of "etcd:/kubernetes.io/secrets/openshift-config-managed/router-certs" has no member that begins with "apps."',
  ],
  [
    'an ovnkube.conf without the API server',
    'cluster_rename',
    configMap('openshift-ovn-kubernetes/ovnkube-config'),
    (map) => map.set(['data', 'ovnkube.conf'], '[default]\n'),
    '"/data/ovnkube.conf" of "etcd:/kubernetes.io/configmaps/openshift-ovn-kubernetes/ovnkube-config" has no line that begins with apiserver="https://api-int.',
  ],
  [
    'a DNS without base domain',
    'cluster_rename',
    config('dnses/cluster'),
    (one) => one.remove(['spec', 'baseDomain']),
    '"etcd:/kubernetes.io/config.openshift.io/dnses/cluster" has no "/spec/baseDomain"',
  ],
  [
    'an Ingress without the route of the OAuth server',
    'cluster_rename',
    config('ingresses/cluster'),
    (one) => one.set(['status', 'componentRoutes'], []),
    '"/status/componentRoutes" of "etcd:/kubernetes.io/config.openshift.io/ingresses/cluster" has no entry "oauth-openshift"',
  ],
  [
    'a client with two addresses',
    'cluster_rename',
    '/openshift.io/oauth/clients/openshift-browser-client',
    (client) => client.insert(['redirectURIs', 0], 'https://x'),
    '"/redirectURIs" of "etcd:/openshift.io/oauth/clients/openshift-browser-client" is not a list of one address',
  ],
  [
    'a client of another server',
    'cluster_rename',
    '/openshift.io/oauth/clients/openshift-browser-client',
    (client) => client.set(['redirectURIs', 0], 'https://other.example.com/x'),
    '"/redirectURIs/0" of "etcd:/openshift.io/oauth/clients/openshift-browser-client" does not begin with https://oauth-openshift.apps.',
  ],
  [
    'a container that is gone',
    'cluster_rename',
    `${kube}daemonsets/openshift-multus/multus`,
    (one) => one.set(['spec', 'template', 'spec', 'containers', 0, 'name'], 'other'),
    '"/spec/template/spec/containers" of "etcd:/kubernetes.io/daemonsets/openshift-multus/multus" has 0 containers "kube-multus" instead of one',
  ],
  [
    'endpoints of two members',
    'ip',
    configMap('openshift-etcd/etcd-endpoints'),
    (map) => map.set(['data', 'another'], '192.0.2.99'),
    '"/data" of "etcd:/kubernetes.io/configmaps/openshift-etcd/etcd-endpoints" has 2 members instead of one',
  ],
  [
    'a pod.yaml that is gone',
    'ip',
    configMap('openshift-etcd/etcd-pod'),
    (map) => map.remove(['data', 'pod.yaml']),
    '"etcd:/kubernetes.io/configmaps/openshift-etcd/etcd-pod" has no "/data/pod.yaml"',
  ],
  [
    'an operator without observed configuration',
    'ip',
    cr('kubeapiservers/cluster'),
    (one) => one.remove(['spec', 'observedConfig']),
    '"etcd:/kubernetes.io/operator.openshift.io/kubeapiservers/cluster" has no "/spec/observedConfig"',
  ],
  [
    'a proxy that never was',
    'proxy',
    cr('kubeapiservers/cluster'),
    (one) => one.remove(['spec', 'observedConfig', 'targetconfigcontroller']),
    '"etcd:/kubernetes.io/operator.openshift.io/kubeapiservers/cluster" has no "/spec/observedConfig/targetconfigcontroller/proxy"',
  ],
  [
    "a merged bundle without the site's certificates",
    'proxy_trusted_ca_bundle',
    configMap('openshift-config-managed/trusted-ca-bundle'),
    (map) => map.set(['data', 'ca-bundle.crt'], '# nothing\n'),
    'last original cert not found in merged bundle: the last certificate of "/kubernetes.io/configmaps/openshift-config/site-proxy-ca" does not stand in "/kubernetes.io/configmaps/openshift-config-managed/trusted-ca-bundle"',
  ],
  [
    'a bundle of the site that is empty',
    'proxy_trusted_ca_bundle',
    configMap('openshift-config/site-proxy-ca'),
    (map) => map.set(['data', 'ca-bundle.crt'], ''),
    '"/data/ca-bundle.crt" of "etcd:/kubernetes.io/configmaps/openshift-config/site-proxy-ca" is empty',
  ],
  [
    'a proxy that names another bundle',
    'proxy_trusted_ca_bundle',
    config('proxies/cluster'),
    (one) => one.set(['spec', 'trustedCA', 'name'], 'other-ca'),
    'proxy_trusted_ca_bundle names the ConfigMap "site-proxy-ca", and "/spec/trustedCA/name" of "/kubernetes.io/config.openshift.io/proxies/cluster" in etcd names "other-ca"',
  ],
  [
    'a text that is none',
    'cluster_rename',
    config('infrastructures/cluster'),
    (one) => one.remove(['status']),
    '"etcd:/kubernetes.io/config.openshift.io/infrastructures/cluster" has no "/status/apiServerInternalURI"',
  ],
  [
    'an annotation of a Secret that is not there',
    'chrony_config',
    `${kube}deployments/openshift-apiserver/apiserver`,
    (one) => one.set(['metadata', 'annotations', 'operator.openshift.io/dep-openshift-apiserver.gone.secret'], 'x'),
    '"etcd:/kubernetes.io/deployments/openshift-apiserver/apiserver" has an annotation of "/kubernetes.io/secrets/openshift-apiserver/gone", which is not there',
  ],
];

for (const [what, option, key, edit, message] of shapes) {
  await test(`${what} is one error that names the object and the path in it`, async () => {
    await assert.rejects(renaming([option], edited(key, edit)), (error) => {
      assert.ok(error instanceof Failure, String(error));
      assert.equal(error.message, message);
      assert.ok(error.next !== undefined, 'no advice');
      return true;
    });
  });
}

await test('a value that is no object is named by its key', async () => {
  const key = config('dnses/cluster');
  await assert.rejects(renaming(['cluster_rename'], new Map([...values, [key, Buffer.from('garbage')]])), {
    message: `the value of the etcd key "${key}" is no object that can be edited`,
  });
});

await test('a hash that is not the one we know how to make is left, and told', async () => {
  const bundles = [...values.keys()].filter((key) => /openshift-monitoring\/.*-trusted-ca-bundle-/.test(key));
  assert.ok(bundles.length > 0);
  const [first = ''] = bundles;
  const { facts, replacements } = await renaming(
    ['proxy_trusted_ca_bundle'],
    edited(first, (map) => map.set(['metadata', 'labels', 'monitoring.openshift.io/hash'], 'other')),
  );
  assert.ok(
    facts.some((fact) => fact.startsWith(`"${first}" does not bear the hash of its content`)),
    facts.join('\n'),
  );
  assert.ok(
    !replacements.some((one) => one.kind !== 'created' && one.document.in === 'etcd' && one.document.key === first),
  );
});

await test('no error and no note of a plan holds a secret', async () => {
  const now = targetIdentity();
  const { renamings } = await renaming(Object.keys(mandatory), values);
  const text = JSON.stringify(renamings);
  for (const one of [
    now.pullSecret,
    now.kubeadminHash ?? '',
    cluster.seed.pullSecret,
    cluster.seed.kubeadminHash ?? '',
    'pass%26word',
    'pass&word',
    now.installConfig ?? '',
  ])
    assert.ok(
      one !== '' && !text.includes(one) && !text.includes(JSON.stringify(one).slice(1, -1)),
      `a note holds ${one.slice(0, 12)}…`,
    );
  assert.ok(text.includes('(hidden)'));
});
