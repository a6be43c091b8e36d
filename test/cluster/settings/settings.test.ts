import assert from 'node:assert/strict';
import { test } from 'tap';
import type { Content } from '../content.ts';
import type { Identity } from '../identity.ts';
import { objectMaker } from '../objects.ts';
import { seeded } from '../seeded.ts';
import { etcdKeyOf, storedValue, usualEncoding } from '../stored.ts';
import { customBundles } from './authorities.ts';
import { controllerConfigSpec, ignitionFiles } from './ignition.ts';
import { envAfter, observedProxy, proxyEnv, proxyEnvText, type EnvEntry } from './proxy-env.ts';
import { layOutRollouts } from './rollouts.ts';
import { layOutSettings } from './settings.ts';

const proxy = (host: string): NonNullable<Identity['proxy']> => ({
  spec: { http: `http://${host}:1`, https: `http://${host}:2`, no: '.spec' },
  status: { http: `http://${host}:1`, https: `http://${host}:2`, no: '.spec,.status' },
});
const seed: Identity = {
  clusterName: 'seed',
  baseDomain: 'example.com',
  infraId: 'seed-abcde',
  hostname: 'seed-node',
  ips: ['192.0.2.10'],
  machineNetworks: ['192.0.2.0/24'],
  kubeadminHash: 'hash-of-seed',
  pullSecret: '{"auths":{"seed":{}}}',
  proxy: proxy('seed-proxy'),
  userCaBundle: customBundles.user.one,
  proxyTrustedCa: { configMap: 'own-ca', bundle: customBundles.proxy.one },
  chrony: 'server seed\n',
};
const publicCas = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const places = { configMaps: ['openshift-console/trusted-ca-bundle'], files: [] };

function contentOf(now: Identity, from = seed, uneven = true): Content {
  const objects = objectMaker(seeded(7), new Date(0));
  const settings = layOutSettings(from, now, objects, { publicCas, bundles: places, uneven, copies: 1 });
  const rollouts = layOutRollouts(from, now, objects, settings.objects);
  return { objects: [...settings.objects, ...rollouts.objects], files: [...settings.files, ...rollouts.files] };
}

const documentsOf = ({ objects, files }: Content): Map<string, string> =>
  new Map([
    ...objects.map((stored): [string, string] =>
      'object' in stored
        ? [
            etcdKeyOf(stored.object).replace('/kubernetes.io/', ''),
            storedValue(stored.object, usualEncoding(stored.object)).toString('latin1'),
          ]
        : [stored.key, ''],
    ),
    ...files.map((file): [string, string] => [file.path, 'text' in file ? file.text.toString() : file.link]),
  ]);

/** Documents that differ; `-` before those that are gone, `+` before new ones. */
function changed(now: Partial<Identity>, from = seed, uneven = true): string[] {
  const [before, after] = [
    documentsOf(contentOf(from, from, uneven)),
    documentsOf(contentOf({ ...from, ...now }, from, uneven)),
  ];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${after.has(name) ? (before.has(name) ? '' : '+') : '-'}${name}`)
    .toSorted();
}

const without = (name: keyof Identity): Identity =>
  Object.fromEntries(Object.entries(seed).filter(([key]) => key !== name)) as Identity; // the fields that are left out are optional ones

const apiServers = ['deployments/openshift-apiserver/apiserver', 'deployments/openshift-oauth-apiserver/apiserver'];

await test("with the seed's identity nothing changes, and each document is made once", async () => {
  assert.deepEqual(changed({}), []);
  const { objects, files } = contentOf(seed);
  assert.equal(documentsOf({ objects, files }).size, objects.length + files.length);
});

await test('no document follows a name, but for certificates of cert-manager and the address of the OAuth API server', async () => {
  assert.deepEqual(changed({ infraId: 'other-abcde', machineNetworks: ['198.51.100.0/24'] }), []);
  const named = [
    '-cert-manager.io/certificaterequests/openshift-config/api-1',
    '-cert-manager.io/certificaterequests/openshift-ingress/apps-1',
    'cert-manager.io/certificates/openshift-config/api',
  ];
  assert.deepEqual(changed({ clusterName: 'other' }), [
    ...named,
    'cert-manager.io/certificates/openshift-ingress/apps',
  ]);
  assert.deepEqual(changed({ hostname: 'other' }), named);
  assert.deepEqual(
    changed({ ips: ['198.51.100.7'] }),
    [...named.slice(0, 2), 'deployments/openshift-oauth-apiserver/apiserver'],
    'addresses in certificates are not edited',
  );
});

await test('the password is in one Secret, which goes with it', async () => {
  assert.deepEqual(changed({ kubeadminHash: 'another' }), ['secrets/kube-system/kubeadmin']);
  assert.deepEqual(changed({ kubeadminHash: '' }), ['-secrets/kube-system/kubeadmin']);
  assert.deepEqual(changed({ kubeadminHash: 'another' }, without('kubeadminHash')), []);
});

await test('the pull secret is in a Secret, in files of the kubelet and the ignition', async () => {
  assert.deepEqual(changed({ pullSecret: '{"auths":{}}' }), [
    '/var/lib/kubelet/config.json',
    '/var/lib/kubelet/pods/0b8e1f2a-6c1d-4f7e-9d55-3a1c0de0c0de/volumes/kubernetes.io~secret/registry-auth/config.json',
    'secrets/openshift-config/pull-secret',
  ]);
  assert.deepEqual(sources({ pullSecret: '{"auths":{"<a>":{}}}' }), [
    '/var/lib/kubelet/config.json data:,%7B%22auths%22%3A%7B%22%3Ca%3E%22%3A%7B%7D%7D%7D',
  ]);
});

await test('chrony is in a file and the ignition', async () => {
  assert.deepEqual(changed({ chrony: 'server other\n' }), ['/etc/chrony.conf']);
  assert.deepEqual(sources({ chrony: 'server (other)!\n' }), ['/etc/chrony.conf data:,server%20(other)!%0A']);
});

function sources(now: Partial<Identity>): string[] {
  const list = (identity: Identity): string[] =>
    ignitionFiles(seed, identity).map((file) => {
      const {
        path,
        contents: { source },
      } = file as { path: string; contents: { source: string } };
      return `${path} ${source}`;
    });
  const before = list(seed);
  return list({ ...seed, ...now }).filter((line) => !before.includes(line));
}

await test('the proxy is wherever a container had it, whoever made the container', async () => {
  assert.deepEqual(changed({ proxy: proxy('other') }), [
    '/etc/machine-config-daemon/orig/etc/mco/proxy.env.mcdorig',
    '/etc/mco/proxy.env',
    'config.openshift.io/proxies/cluster',
    'controllerrevisions/customer-workload/agent-6f9d8c7b54',
    'controllerrevisions/openshift-dns/dns-default-5d8c7b9f64',
    'controllerrevisions/openshift-monitoring/alertmanager-main-7b6d4c8f95',
    'cronjobs/customer-workload/nightly',
    'cronjobs/openshift-operator-lifecycle-manager/collect-profiles',
    'daemonsets/openshift-dns/dns-default',
    'deployments/customer-workload/as-json',
    'deployments/customer-workload/shop',
    'deployments/openshift-apiserver/apiserver',
    'deployments/openshift-image-registry/cluster-image-registry-operator',
    'deployments/openshift-insights/insights-operator',
    'deployments/openshift-machine-api/cluster-baremetal-operator',
    'deployments/openshift-marketplace/marketplace-operator',
    'jobs/openshift-operator-lifecycle-manager/collect-profiles-29384756',
    'monitoring.coreos.com/alertmanagers/openshift-monitoring/main',
    'monitoring.coreos.com/prometheuses/customer-workload/own',
    'monitoring.coreos.com/prometheuses/openshift-monitoring/k8s',
    'operator.openshift.io/storages/cluster',
    'statefulsets/openshift-monitoring/alertmanager-main',
  ]);
  assert.deepEqual(
    changed({ proxy: proxy('other') }, without('proxy')),
    [],
    'a cluster without proxy cannot be given one',
  );
});

await test('a proxy of which only the spec differs changes Proxy/cluster alone, as the status is what containers get', async () => {
  assert.deepEqual(
    changed({ proxy: { spec: { http: 'a', https: 'b', no: 'c' }, status: proxy('seed-proxy').status } }, seed, false),
    ['config.openshift.io/proxies/cluster'],
  );
});

await test('a custom bundle is in its ConfigMap, the anchor, the ignition and the ControllerConfig', async () => {
  assert.deepEqual(changed({ userCaBundle: customBundles.user.two }), [
    '/etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt',
    'configmaps/openshift-config/user-ca-bundle',
  ]);
  assert.match(
    sources({ userCaBundle: customBundles.user.two })[0] ?? '',
    /^\/etc\/pki\/ca-trust\/source\/anchors\/openshift-config-user-ca-bundle\.crt data:,%23%20Example%20Corp/,
  );
  assert.equal(controllerConfigSpec(seed, { ...seed, userCaBundle: 'x' }).additionalTrustBundle, 'eA==');
  assert.deepEqual(controllerConfigSpec(without('userCaBundle'), seed).additionalTrustBundle, null);
});

const hashedMaps = (sign: string, hash: string): string[] =>
  ['alertmanager', 'prometheus', 'thanos-querier'].map(
    (component) => `${sign}configmaps/openshift-monitoring/${component}-trusted-ca-bundle-${hash}`,
  );

await test("the proxy's bundle is in all that hold the merged one; monitoring's copies move", async () => {
  const bundle = customBundles.proxy.two;
  const all = changed({ proxyTrustedCa: { configMap: 'own-ca', bundle } });
  const [moved, rest] = [
    all.filter((name) => name.includes('bundle-')),
    all.filter((name) => !name.includes('bundle-')),
  ];
  assert.deepEqual(rest, [
    '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/configmaps/trusted-ca-bundle/ca-bundle.crt',
    'configmaps/customer-workload/injected-ca',
    'configmaps/openshift-cloud-controller-manager/ccm-trusted-ca',
    'configmaps/openshift-config-managed/trusted-ca-bundle',
    'configmaps/openshift-config/own-ca',
    'configmaps/openshift-console/trusted-ca-bundle',
    'configmaps/openshift-controller-manager/openshift-user-ca',
  ]);
  const hashOf = (sign: string): string =>
    new RegExp(`^\\${sign}.*-([0-9a-v]+)$`).exec(moved.find((name) => name.startsWith(sign)) ?? '')?.[1] ?? '';
  assert.notEqual(hashOf('+'), hashOf('-'));
  assert.deepEqual(moved, [...hashedMaps('+', hashOf('+')), ...hashedMaps('-', hashOf('-'))]);
  const after = documentsOf(contentOf({ ...seed, proxyTrustedCa: { configMap: 'own-ca', bundle } }));
  assert.ok(after.get('configmaps/openshift-config-managed/trusted-ca-bundle')?.includes(bundle + publicCas));
});

await test('the bundles are one when the proxy names user-ca-bundle, and another name asks for nothing', async () => {
  const shared: Identity = { ...seed, proxyTrustedCa: { configMap: 'user-ca-bundle', bundle: customBundles.user.one } };
  const all = changed(
    {
      userCaBundle: customBundles.user.two,
      proxyTrustedCa: { configMap: 'user-ca-bundle', bundle: customBundles.user.two },
    },
    shared,
  );
  assert.equal(all.filter((name) => name.includes('bundle-')).length, 6);
  assert.ok(
    [
      'configmaps/openshift-config/user-ca-bundle',
      'configmaps/openshift-console/trusted-ca-bundle',
      '/etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt',
    ].every((name) => all.includes(name)),
  );
  assert.deepEqual(
    changed({ userCaBundle: customBundles.user.two }, shared),
    [
      '/etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt',
      'configmaps/openshift-config/user-ca-bundle',
    ],
    'the one option alone leaves the merged bundle',
  );
  assert.deepEqual(changed({ proxyTrustedCa: { configMap: 'third-ca', bundle: customBundles.proxy.two } }), []);
});

await test('dependency hashes of the API servers follow what they depend on', async () => {
  const objects = objectMaker(seeded(7), new Date(0));
  const deployment = (data: Record<string, string>): string =>
    documentsOf(
      layOutRollouts(seed, seed, objects, [{ object: objects.configMap('openshift-apiserver/config', data) }]),
    ).get(apiServers[0] ?? '') ?? '';
  const hashes = (text: string): string[] =>
    [...text.matchAll(/spec-hash\x12@([0-9a-f]{64})/g)].map(([, hash = '']) => hash);
  assert.match(
    deployment({ 'config.yaml': '{"a":1}' }),
    /dep-openshift-apiserver\.config\.configmap\x12\x08-GW98A==[^]*dep-openshift-apiserver\.config\.configmap\x12\x08-GW98A==/,
  );
  assert.notDeepEqual(
    hashes(deployment({ 'config.yaml': '{"a":1}' })),
    hashes(deployment({ 'config.yaml': '{"a":2}' })),
  );
  assert.equal(hashes(deployment({ a: 'b' })).length, 1);
});

/* Environments as proxy/workloads has them, by hand. */

const value = (name: string, text: string): EnvEntry => ({ name, value: text });
const status = (http: string, https: string, no: string): Identity => ({
  ...seed,
  proxy: { spec: { http: '', https: '', no: '' }, status: { http, https, no } },
});
const after = (names: readonly string[], now: Identity): string[] =>
  envAfter(
    seed,
    now,
    names.map((name) => value(name, 'old')),
  ).map((entry) => `${entry.name}=${entry.value ?? ''}`);

await test('new values stand where the first old one stood, in the order of the old ones, after those that are new (proxy/workloads)', async () => {
  const all = status('h', 's', 'n');
  assert.deepEqual(after(['SOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'OTHER'], all), [
    'SOME=old',
    'HTTP_PROXY=h',
    'HTTPS_PROXY=s',
    'NO_PROXY=n',
    'OTHER=old',
  ]);
  assert.deepEqual(after(['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'], all), [
    'HTTP_PROXY=h',
    'HTTPS_PROXY=s',
    'NO_PROXY=n',
  ]);
  assert.deepEqual(after(['SOME', 'HTTPS_PROXY', 'OTHER'], all), [
    'SOME=old',
    'HTTP_PROXY=h',
    'NO_PROXY=n',
    'HTTPS_PROXY=s',
    'OTHER=old',
  ]);
  assert.deepEqual(after(['SOME', 'https_proxy', 'OTHER'], all), [
    'SOME=old',
    'http_proxy=h',
    'no_proxy=n',
    'https_proxy=s',
    'OTHER=old',
  ]);
  assert.deepEqual(after(['NO_PROXY', 'A', 'no_proxy', 'HTTP_PROXY', 'http_proxy'], all), [
    'HTTPS_PROXY=s',
    'NO_PROXY=n',
    'HTTP_PROXY=h',
    'A=old',
    'https_proxy=s',
    'no_proxy=n',
    'http_proxy=h',
  ]);
  assert.deepEqual(
    after(['HTTP_PROXY', 'A', 'HTTP_PROXY'], status('h', '', '')),
    ['HTTP_PROXY=h', 'A=old'],
    'a name that stands twice',
  );
  assert.deepEqual(after(['Http_Proxy', 'OTHER'], all), ['Http_Proxy=old', 'OTHER=old']);
});

await test('empty values leave no entry, and without a change of proxy everything stays', async () => {
  assert.deepEqual(after(['HTTP_PROXY', 'A', 'HTTPS_PROXY'], status('h', '', '')), ['HTTP_PROXY=h', 'A=old']);
  assert.deepEqual(after(['HTTP_PROXY', 'A'], status('', '', '')), ['A=old']);
  assert.deepEqual(after(['HTTPS_PROXY', 'A'], seed), ['HTTPS_PROXY=old', 'A=old']);
  assert.deepEqual(proxyEnv(status('h', '', 'n'), status('h', '', 'n'), 'lower'), [
    value('http_proxy', 'h'),
    value('no_proxy', 'n'),
  ]);
});

await test('observed configuration, proxy.env and ControllerConfig have what is not empty, and all three once they are set', async () => {
  const some = status('h', '', 'n');
  assert.deepEqual(observedProxy(some, some), { HTTP_PROXY: 'h', NO_PROXY: 'n' });
  assert.equal(
    JSON.stringify(observedProxy(some, status('', 's', 'n'))),
    '{"HTTPS_PROXY":"s","HTTP_PROXY":"","NO_PROXY":"n"}',
  );
  assert.equal(observedProxy(without('proxy'), some), undefined);
  assert.equal(proxyEnvText(some, some), 'HTTP_PROXY=h\nNO_PROXY=n\n');
  assert.equal(proxyEnvText(some, status('', 's', '')), 'HTTPS_PROXY=s\n');
  assert.equal(proxyEnvText(some, status('', '', '')), '');
  assert.deepEqual(controllerConfigSpec(some, some).proxy, { httpProxy: 'h', noProxy: 'n' });
  assert.deepEqual(controllerConfigSpec(some, status('', 's', 'n')).proxy, {
    httpProxy: '',
    httpsProxy: 's',
    noProxy: 'n',
  });
  assert.deepEqual(controllerConfigSpec(status('', '', ''), some).proxy, null);
});
