import type { Identity, ProxyIdentity, Stack } from './identity.ts';
import { customBundles } from './settings/authorities.ts';

/*
 * Two clusters, one the seed and one the site, on each stack. Names are awkward on purpose: a host name with dashes and dots, whose safe
 * form is another text; a domain that is the tail and the head of names of others; addresses that are the head of longer ones
 * (`lookAlikes`). No value of the target occurs in a seed, so that the way back leads to the same bytes.
 */

const seedIps: Readonly<Record<Stack, Identity['ips']>> = {
  v4: ['192.0.2.10'],
  v6: ['2001:db8::1'],
  dual: ['192.0.2.10', '2001:db8::1'],
  'dual-v6-first': ['2001:db8::1', '192.0.2.10'],
};
const targetIps: Readonly<Record<Stack, Identity['ips']>> = {
  v4: ['198.51.100.7'],
  v6: ['2001:db8:7::a'],
  dual: ['198.51.100.7', '2001:db8:7::a'],
  'dual-v6-first': ['2001:db8:7::a', '198.51.100.7'],
};

/** The network of a node's address. */
const networkOf = (ip: string): string =>
  ip.includes(':') ? ip.replace(/::.*/, '::/64') : ip.replace(/\.\d+$/, '.0/24');

/** A stack has the proxy that suits it: with all values, with some of them only, or none. */
const seedProxies: Readonly<Record<Stack, ProxyIdentity | undefined>> = {
  v4: {
    spec: {
      http: 'http://proxy.seed.example.net:3128',
      https: 'http://user:pass%26word@proxy.seed.example.net:3129',
      no: '.seed.example.net,10.9.0.0/16',
    },
    status: {
      http: 'http://proxy.seed.example.net:3128',
      https: 'http://user:pass%26word@proxy.seed.example.net:3129',
      no: '.cluster.local,.seed.example.net,.svc,10.9.0.0/16,127.0.0.1,localhost',
    },
  },
  v6: {
    spec: { http: 'http://[2001:db8:53::1]:3128', https: '', no: '.seed.example.net' },
    status: { http: 'http://[2001:db8:53::1]:3128', https: '', no: '.cluster.local,.seed.example.net,.svc,localhost' },
  },
  dual: {
    spec: { http: 'http://proxy.seed.example.net:3128', https: 'http://proxy.seed.example.net:3129', no: '' },
    status: {
      http: 'http://proxy.seed.example.net:3128',
      https: 'http://proxy.seed.example.net:3129',
      no: '.cluster.local,.svc,localhost',
    },
  },
  'dual-v6-first': undefined,
};
const targetProxies: Readonly<Record<Stack, ProxyIdentity | undefined>> = {
  v4: {
    spec: {
      http: 'http://way-out.example.org:8080',
      https: 'http://way-out.example.org:8443?a=1&b=<2>',
      no: '.example.org',
    },
    status: {
      http: 'http://way-out.example.org:8080',
      https: 'http://way-out.example.org:8443?a=1&b=<2>',
      no: '.cluster.local,.example.org,.svc,localhost',
    },
  },
  v6: {
    spec: { http: 'http://[2001:db8:99::1]:8080', https: 'http://[2001:db8:99::1]:8443', no: '' },
    status: {
      http: 'http://[2001:db8:99::1]:8080',
      https: 'http://[2001:db8:99::1]:8443',
      no: '.cluster.local,.svc,localhost',
    },
  },
  dual: {
    spec: { http: 'http://way-out.example.org:8080', https: '', no: '.example.org' },
    status: { http: 'http://way-out.example.org:8080', https: '', no: '.cluster.local,.example.org,.svc,localhost' },
  },
  'dual-v6-first': undefined,
};

const pullSecret = (registry: string, word: string): string =>
  JSON.stringify({
    auths: { [registry]: { auth: Buffer.from(`robot:${word}`).toString('base64'), email: `robot@${registry}` } },
  });

export function seedIdentity(stack: Stack = 'v4'): Identity {
  const [ips, proxy] = [seedIps[stack], seedProxies[stack]];
  const userCaBundle = customBundles.user.one;
  return {
    clusterName: 'seed',
    baseDomain: 'example.com',
    infraId: 'seed-x7k2p',
    hostname: 'seed-node.rack-1',
    ips,
    machineNetworks: ips.map(networkOf),
    pullSecret: pullSecret('registry.seed.example.net', 'correct horse'),
    chrony: 'pool ntp.seed.example.net iburst\ndriftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\n',
    ...(stack === 'dual-v6-first'
      ? {}
      : {
          kubeadminHash: '$2a$10$seedseedseedseedseedseO1q2w3e4r5t6z7u8i9o0pASDFGHJKLYX',
          userCaBundle,
          proxyTrustedCa:
            stack === 'v6'
              ? { configMap: 'user-ca-bundle', bundle: userCaBundle }
              : { configMap: 'site-proxy-ca', bundle: customBundles.proxy.one },
        }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

export function targetIdentity(stack: Stack = 'v4'): Identity {
  const [ips, proxy] = [targetIps[stack], targetProxies[stack]];
  const userCaBundle = customBundles.user.two;
  const identity: Identity = {
    clusterName: 'edge-7',
    baseDomain: 'lab.example.org',
    infraId: 'edge-7-q9w8e',
    hostname: 'edge.site-7.lab',
    ips,
    machineNetworks: ips.map(networkOf),
    pullSecret: pullSecret('registry.example.org', 'battery staple'),
    chrony: 'server clock.example.org iburst\nmakestep 1.0 -1\n',
    ...(stack === 'dual-v6-first'
      ? {}
      : {
          kubeadminHash: '$2a$10$edgeedgeedgeedgeedgeedO9o8i7u6z5t4r3e2w1qPLKJHGFDSAMNB',
          userCaBundle,
          proxyTrustedCa:
            stack === 'v6'
              ? { configMap: 'user-ca-bundle', bundle: userCaBundle }
              : { configMap: 'site-proxy-ca', bundle: customBundles.proxy.two },
        }),
    ...(proxy === undefined ? {} : { proxy }),
  };
  // On two of the stacks a whole install-config is given; its machine network is another, because `machine_network_cidr` comes after it.
  return stack === 'v4' || stack === 'dual' ? { ...identity, installConfig: givenInstallConfig(identity) } : identity;
}

function givenInstallConfig({ clusterName, baseDomain, ips }: Identity): string {
  return [
    '# as the site wrote it',
    'apiVersion: v1',
    `baseDomain: "${baseDomain}"`,
    `metadata: {name: '${clusterName}'}  # the site's name`,
    'networking:',
    '  clusterNetwork:',
    '  - {cidr: 10.132.0.0/14, hostPrefix: 23}',
    '  machineNetwork:',
    ...ips.map((ip) => `  - cidr: ${ip.includes(':') ? '2001:db8:ff::/64' : '203.0.113.0/24'}`),
    '  networkType: OVNKubernetes',
    'platform:',
    '  none: {}',
    "pullSecret: ''",
    '',
  ].join('\n');
}

/** Texts in the generated cluster that hold a name of the seed and are something else: they stay as they are, whatever is renamed. */
export const lookAlikes: readonly string[] = [
  'prefix.seed.example.com.other',
  'seed.example.community',
  'example.com',
  'api-seed.example.net',
  'seed-x7k2p9',
  'xseed-x7k2p',
  'seed-node.rack-10',
  'my-seed-node.rack-1',
  'seed-node',
  'seed_node_rack_10',
  'seeds',
  'seed-bootstrap',
  '192.0.2.100',
  '192.0.2.1',
  '1.192.0.2.10',
  '192.0.2.10.example.net',
  '2001:db8::10',
  '2001:db8::1:5',
  '1:2001:db8::1',
  'fe80:2001:db8::1',
];

/** What differs between the stacks and is no identity: the machine that bootstrapped the cluster, whose address begins like the node's. */
export const bootstrapOf = ({ ips: [ip] }: Identity): { readonly name: string; readonly ip: string } => ({
  name: 'seed-bootstrap',
  ip: ip.includes(':') ? '2001:db8::10' : '192.0.2.100',
});
