import { isDnsName } from '../address/dns-name.ts';
import type { SeedManifest } from '../config/seed-manifest.ts';
import { nodeAddressesOf } from '../config/seed-manifest.ts';
import { givenAddressesOf, machineNetworksOf, type SiteManifest } from '../config/site-manifest.ts';
import { hostNameProblems } from './host-name.ts';
import { labelProblems } from './labels.ts';
import { networkProblems } from './networks.ts';
import type { Problem } from './problem.ts';
import { sshKeyProblems } from './ssh-key.ts';

/** What of the host is held against seed and site. */
export type HostFacts = { readonly fips: boolean };

/**
 * All that can be held of a site's config against its seed, before anything is changed. The texts that operators search for are the
 * reference's, which finds most of this when network and name are changed already.
 */
export function siteProblems(site: SiteManifest, seed: SeedManifest, host: HostFacts): Problem[] {
  const given = givenAddressesOf(site);
  return [
    ...versionProblems(site),
    ...requiredProblems(site),
    ...hostNameProblems(site.hostname),
    ...networkProblems(
      { addresses: nodeAddressesOf(seed), machineNetworks: seed.machine_networks },
      { ...(given.length === 0 ? {} : { addresses: given }), machineNetworks: machineNetworksOf(site) },
    ),
    ...proxyProblems(site, seed),
    ...trustProblems(site),
    ...retentionProblems(site, seed),
    ...sshKeyProblems(site.ssh_key),
    ...labelProblems(site.node_labels),
    ...fipsProblems(seed, host),
  ];
}

function versionProblems({ api_version: version }: SiteManifest): Problem[] {
  if (version === 1) return [];
  return [
    {
      what: `unsupported seed reconfiguration version ${version}`,
      next: 'make the config ISO with a tool that writes api_version 1',
    },
  ];
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

function requiredProblems(site: SiteManifest): Problem[] {
  const problems: Problem[] = [];
  const refuse = (what: string, next: string): void => {
    problems.push({ what, next });
  };
  for (const key of ['cluster_name', 'base_domain'] as const) {
    const value = site[key];
    if (value === '') refuse(`${key} is missing`, `give ${key} in the site manifest`);
    else if (!isDnsName(value))
      refuse(`${key} "${value}" is no name in DNS`, `write ${key} in lower-case letters, digits and dashes`);
  }
  if (site.infra_id !== '' && !/^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(site.infra_id))
    refuse(`infra_id "${site.infra_id}" is none`, 'write infra_id in letters, digits and dashes, or leave it out');
  if (site.cluster_id !== '' && !uuid.test(site.cluster_id))
    refuse(`cluster_id "${site.cluster_id}" is no UUID`, 'write cluster_id as a UUID, or leave it out for a new one');
  if (site.pull_secret.reveal() === '') refuse('pull secret was not provided', 'give pull_secret in the site manifest');
  else if (!isPullSecret(site.pull_secret.reveal()))
    refuse('pull_secret is not JSON with "auths"', 'give the pull secret as it was downloaded');
  return problems;
}

function isPullSecret(text: string): boolean {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null && 'auths' in data && typeof data.auths === 'object';
  } catch {
    return false;
  }
}

function proxyProblems(site: SiteManifest, seed: SeedManifest): Problem[] {
  const hasProxy = site.proxy !== undefined;
  if (hasProxy !== seed.has_proxy)
    return [
      {
        what: 'seedReconfig and seedClusterInfo proxy configuration mismatch',
        next: hasProxy
          ? 'the seed ran without a proxy: leave proxy out, or install a seed made behind one'
          : 'the seed ran behind a proxy: give proxy in the site manifest, or install a seed made without one',
      },
    ];
  if (hasProxy && site.status_proxy === undefined && machineNetworksOf(site).length === 0)
    return [
      {
        what: 'machineNetworks is empty, must be provided in case of proxy',
        next: 'give machine_networks in the site manifest',
      },
    ];
  return [];
}

function trustProblems({ additionalTrustBundle: trust }: SiteManifest): Problem[] {
  const { userCaBundle, proxyConfigmapName: name, proxyConfigmapBundle: bundle } = trust;
  const problems: Problem[] = [];
  if ((name === '') !== (bundle === ''))
    problems.push({
      what: 'both or neither of proxy configmap bundle and proxy configmap name must be set',
      next: 'give both proxyConfigmapName and proxyConfigmapBundle in additionalTrustBundle, or neither',
    });
  else if (name === 'user-ca-bundle' && userCaBundle === '')
    problems.push({
      what: 'additionalTrustBundle names the ConfigMap "user-ca-bundle" for the proxy and has no userCaBundle',
      next: 'give userCaBundle, too',
    });
  for (const [key, text] of [
    ['userCaBundle', userCaBundle],
    ['proxyConfigmapBundle', bundle],
  ] as const)
    if (text !== '' && !/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(text))
      problems.push({
        what: `additionalTrustBundle.${key} holds no certificate in PEM form`,
        next: `give ${key} as one PEM block for each certificate`,
      });
  return problems;
}

/** The keys of the kubeconfig that the site's owner holds already: all of them, or none. */
function retentionProblems({ KubeconfigCryptoRetention: kept }: SiteManifest, seed: SeedManifest): Problem[] {
  const { ServingCrypto, ClientAuthCrypto } = kept.KubeAPICrypto;
  const texts: readonly (readonly [string, string])[] = [
    ...Object.entries(ServingCrypto).map(([name, value]) => [name, value.reveal()] as const),
    ['admin_ca_certificate', ClientAuthCrypto.admin_ca_certificate],
    ['ingress_ca', kept.IngresssCrypto.ingress_ca.reveal()],
  ];
  const absent = texts.filter(([, value]) => value === '').map(([name]) => name);
  const next = 'make the config ISO again with the tool that made the kubeconfig';
  if (absent.length === texts.length) return [];
  if (absent.length > 0) return [{ what: `KubeconfigCryptoRetention lacks "${absent.join('", "')}"`, next }];
  const wrong = texts.filter(([name, value]) => !pemFor(name).test(value)).map(([name]) => name);
  if (wrong.length > 0)
    return [{ what: `KubeconfigCryptoRetention: "${wrong.join('", "')}" is not in PEM form`, next }];
  return seed.ingress_certificate_cn === ''
    ? [
        {
          what: 'the seed manifest does not name the ingress certificate (ingress_certificate_cn), so the ingress key of the kubeconfig fits nothing',
          next: 'build the seed image again with a newer lca-cli',
        },
      ]
    : [];
}

const pemFor = (name: string): RegExp =>
  name === 'admin_ca_certificate'
    ? /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/
    : /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]+-----END (?:[A-Z]+ )?PRIVATE KEY-----/;

function fipsProblems(seed: SeedManifest, { fips }: HostFacts): Problem[] {
  if (seed.has_fips === fips) return [];
  return [
    {
      what: `the seed cluster ran ${seed.has_fips ? 'in' : 'without'} FIPS mode, this host runs ${fips ? 'in it' : 'without it'}`,
      next: 'install a seed of the same FIPS mode; a config ISO cannot change it',
    },
  ];
}
