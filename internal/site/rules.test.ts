import assert from 'node:assert/strict';
import { test } from 'tap';
import { parseSeedManifest } from '../config/seed-manifest.ts';
import { parseSiteManifest, secretsOf } from '../config/site-manifest.ts';
import { problemsAsError } from './problem.ts';
import { siteProblems } from './rules.ts';
import { exampleSeed, exampleSite } from './test-example.ts';

const pem = (kind: string): string => `-----BEGIN ${kind}-----\nAAAA\n-----END ${kind}-----\n`;
const key = pem('RSA PRIVATE KEY');

/** The worked example with keys that have a form. */
const good = {
  ...exampleSite,
  ssh_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJl me@example',
  KubeconfigCryptoRetention: {
    KubeAPICrypto: {
      ServingCrypto: {
        localhost_signer_private_key: key,
        service_network_signer_private_key: key,
        loadbalancer_external_signer_private_key: key,
      },
      ClientAuthCrypto: { admin_ca_certificate: pem('CERTIFICATE') },
    },
    IngresssCrypto: { ingress_ca: key, ingress_certificate_cn: 'ingress-operator@1750000000' },
  },
};

type Change = Readonly<Record<string, unknown>>;

function problemsWith(site: Change, seed: Change = {}, fips = false): string[] {
  const parsed = parseSiteManifest(JSON.stringify({ ...good, ...site }), 'manifest.json');
  return siteProblems(parsed.site, parseSeedManifest(JSON.stringify({ ...exampleSeed, ...seed }), 'seed'), {
    fips,
  }).map(({ what }) => what);
}

await test('the worked example has no problem', async () => {
  assert.deepEqual(problemsWith({}), []);
});

const cases: readonly (readonly [what: string | RegExp, site: Change, seed?: Change])[] = [
  ['unsupported seed reconfiguration version 2', { api_version: 2 }],
  ['unsupported seed reconfiguration version 0', { api_version: undefined }],
  ['cluster_name is missing', { cluster_name: '' }],
  ['base_domain is missing', { base_domain: undefined }],
  ['cluster_name "Site_1" is no name in DNS', { cluster_name: 'Site_1' }],
  ['base_domain "edge..org" is no name in DNS', { base_domain: 'edge..org' }],
  [`cluster_name "${'a'.repeat(64)}" is no name in DNS`, { cluster_name: 'a'.repeat(64) }],
  ['infra_id "a b" is none', { infra_id: 'a b' }],
  ['cluster_id "17" is no UUID', { cluster_id: '17' }],
  ['pull secret was not provided', { pull_secret: '' }],
  ['pull_secret is not JSON with "auths"', { pull_secret: '{"auth' }],
  ['pull_secret is not JSON with "auths"', { pull_secret: '{}' }],
  ['provided hostname is localhost and it is invalid, please provide a valid hostname', { hostname: 'localhost' }],
  ['hostname "Node_1" cannot be the name of a node', { hostname: 'Node_1' }],
  [`hostname "${'a'.repeat(65)}" cannot be the name of a node`, { hostname: 'a'.repeat(65) }],
  ['node IPs must be provided in both seedClusterInfo and seedReconfiguration', {}, { node_ips: [] }],
  ['node IPs count mismatch: seed has 1, reconfiguration has 2', { node_ips: ['10.0.0.1', '2001:db8::1'] }],
  ['invalid seed node IP at index 0: invalid IP "x"', {}, { node_ips: ['x'] }],
  ['invalid reconfiguration node IP at index 0: invalid IP "10.0.0.256"', { node_ips: ['10.0.0.256'] }],
  [
    'node IP family mismatch at index 0: seed has ipv4, reconfiguration has ipv6',
    { node_ips: ['2001:db8::1'], machine_networks: ['2001:db8::/64'] },
  ],
  ['machineNetworks count (2) must equal node IPs count (1)', { machine_networks: ['10.0.0.0/24', '10.0.1.0/24'] }],
  [/^machineNetworks count \(0\) must equal node IPs count \(1\)/, { machine_networks: [] }],
  ['invalid reconfiguration machineNetwork at index 0: invalid CIDR "10.0.0.0"', { machine_networks: ['10.0.0.0'] }],
  ['machineNetwork family at index 0 (ipv6) must match node IP family (ipv4)', { machine_networks: ['2001:db8::/64'] }],
  [
    'seed machineNetworks count (2) must equal reconfiguration machineNetworks count (1)',
    {},
    { machine_networks: ['192.168.126.0/24', '2001:db8::/64'] },
  ],
  ['invalid seed machineNetwork at index 0: invalid CIDR "x"', {}, { machine_networks: ['x'] }],
  [
    'machineNetwork family mismatch at index 0: seed has ipv6, reconfiguration has ipv4',
    {},
    { machine_networks: ['2001:db8::/64'] },
  ],
  ['seedReconfig and seedClusterInfo proxy configuration mismatch', { proxy: undefined }],
  ['seedReconfig and seedClusterInfo proxy configuration mismatch', {}, { has_proxy: false }],
  ['machineNetworks is empty, must be provided in case of proxy', { machine_networks: [] }],
  [
    'both or neither of proxy configmap bundle and proxy configmap name must be set',
    { additionalTrustBundle: { proxyConfigmapName: 'x' } },
  ],
  [
    'both or neither of proxy configmap bundle and proxy configmap name must be set',
    { additionalTrustBundle: { proxyConfigmapBundle: pem('CERTIFICATE') } },
  ],
  [
    'additionalTrustBundle names the ConfigMap "user-ca-bundle" for the proxy and has no userCaBundle',
    { additionalTrustBundle: { proxyConfigmapName: 'user-ca-bundle', proxyConfigmapBundle: pem('CERTIFICATE') } },
  ],
  [
    'additionalTrustBundle.userCaBundle holds no certificate in PEM form',
    { additionalTrustBundle: { userCaBundle: 'AAAA' } },
  ],
  [
    'KubeconfigCryptoRetention lacks "ingress_ca"',
    { KubeconfigCryptoRetention: { ...good.KubeconfigCryptoRetention, IngresssCrypto: {} } },
  ],
  [
    'KubeconfigCryptoRetention: "ingress_ca" is not in PEM form',
    { KubeconfigCryptoRetention: { ...good.KubeconfigCryptoRetention, IngresssCrypto: { ingress_ca: 'I' } } },
  ],
  [/^the seed manifest does not name the ingress certificate/, {}, { ingress_certificate_cn: '' }],
  ['ssh_key holds a private key', { ssh_key: key }],
  ['ssh_key: line 2 is no public key as in authorized_keys', { ssh_key: `${good.ssh_key}\nhello` }],
  ['node label "a b=c" is none that Kubernetes takes', { node_labels: { 'a b': 'c' } }],
  [`node label "x=${'y'.repeat(64)}" is none that Kubernetes takes`, { node_labels: { x: 'y'.repeat(64) } }],
  ['the seed cluster ran in FIPS mode, this host runs without it', {}, { has_fips: true }],
];

for (const [what, site, seed] of cases)
  await test(`refused: ${String(what)} (${JSON.stringify({ ...site, ...seed }).slice(0, 60)})`, async () => {
    const problems = problemsWith(site, seed);
    assert.ok(
      problems.some((problem) => (typeof what === 'string' ? problem === what : what.test(problem))),
      problems.join('\n'),
    );
  });

await test('all problems are told at once, each with what to do', async () => {
  const error = problemsAsError([
    { what: 'one', next: 'do this' },
    { what: 'two', next: 'do that' },
  ]);
  assert.equal(error?.message, 'one');
  assert.equal(error.why, '1 more: two');
  assert.equal(error.next, 'do this; do that');
  assert.equal(problemsAsError([]), undefined);
});

await test('a dual stack site fits a dual stack seed of the same order, and no other', async () => {
  const seed = { node_ips: ['192.0.2.1', '2001:db8::1'], machine_networks: ['192.0.2.0/24', '2001:db8::/64'] };
  assert.deepEqual(problemsWith({ machine_networks: ['10.0.0.0/24', '2001:db8:1::/64'] }, seed), []);
  assert.notDeepEqual(problemsWith({ machine_networks: ['2001:db8:1::/64', '10.0.0.0/24'] }, seed), []);
  assert.notDeepEqual(problemsWith({ machine_networks: ['10.0.0.0/24'] }, seed), []);
});

await test('what is wrong with a manifest is said without a piece of it', async () => {
  const canary = 'hunter2hunter2';
  for (const [text, why] of [
    ['', /it is empty/],
    ['[]', /no keys and values/],
    [`{"pull_secret": "${canary}`, /neither JSON nor YAML, line 1, column/],
    [`{"pull_secret": {"${canary}": 1}}`, /"pull_secret": expected string/],
    [`{"api_version": "${canary}"}`, /"api_version": expected number/],
    [`{"node_ips": "${canary}", "ssh_key": 7}`, /"node_ips": expected array.*"ssh_key": expected string/],
    [`pull_secret: a\n\t- ${canary}: b: c\n  x`, /neither JSON nor YAML/],
  ] as const)
    assert.throws(
      () => parseSiteManifest(text, 'manifest.json'),
      (error: Error) => {
        assert.match(error.message, why);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
      text,
    );
});

await test('a manifest is read as Go reads it: case, unknown keys, null, trailing commas, YAML', async () => {
  const { site, warnings } = parseSiteManifest('\uFEFF{"API_Version": 1, "hostnam": "x", "ssh_key": null,}', 'm.json');
  assert.equal(site.api_version, 1);
  assert.equal(site.ssh_key, '');
  assert.deepEqual(warnings, ['m.json: unknown key "hostnam", nearest known key is "hostname"; ignored']);
  assert.equal(parseSiteManifest('api_version: 1\nhostname: a', 'm').site.hostname, 'a');
});

await test('every secret of a manifest is taught to the log', async () => {
  const { site } = parseSiteManifest(
    JSON.stringify({
      ...good,
      pull_secret: JSON.stringify({ auths: { r: { auth: Buffer.from('user:canary-1').toString('base64') } } }),
      proxy: { httpProxy: 'http://u:canary-2@p:1' },
      raw_nm_state_config:
        'interfaces:\n- name: w\n  wifi:\n    password: canary-3\n  802.1x:\n    private-key-password: "canary-4"\n',
      kubeadmin_password_hash: 'canary-5',
      server_ssh_keys: [{ file_name: 'a', file_content: 'canary-6' }],
      install_config: 'canary-7',
    }),
    'm',
  );
  const secrets = secretsOf(site);
  for (let number = 1; number <= 7; number += 1)
    assert.ok(secrets.includes(`canary-${number}`), `canary-${number} of ${secrets.join(' | ')}`);
});
