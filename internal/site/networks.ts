import { readAddress, readNetwork, type Family } from '../address/address.ts';
import type { Problem } from './problem.ts';

/** The addresses and networks of a node, as they are written. */
export type NodeNetworks = { readonly addresses: readonly string[]; readonly machineNetworks: readonly string[] };

/** What is known of the site before its network is set up: addresses only when the site manifest gives them. */
export type SiteNetworks = Partial<Pick<NodeNetworks, 'addresses'>> & Pick<NodeNetworks, 'machineNetworks'>;

/**
 * Holds addresses and networks of a site against those of the seed: same number, same families in the same order, because what serves on
 * IPv4 first can't become IPv6 first without a new cluster. Texts are the reference's.
 *
 * Without addresses the networks are held against the seed's addresses, whose families are those that the site's must have.
 */
export function networkProblems(seed: NodeNetworks, site: SiteNetworks): Problem[] {
  return [...addressProblems(seed.addresses, site.addresses), ...machineNetworkProblems(seed, site)];
}

const correct =
  'correct node_ips and machine_networks of the site manifest, or install a seed of the same address families';

function addressProblems(seed: readonly string[], site: readonly string[] | undefined): Problem[] {
  const problem = (what: string): Problem => ({ what, next: correct });
  if (seed.length === 0 || site?.length === 0)
    return [problem('node IPs must be provided in both seedClusterInfo and seedReconfiguration')];
  if (site !== undefined && site.length !== seed.length)
    return [problem(`node IPs count mismatch: seed has ${seed.length}, reconfiguration has ${site.length}`)];
  return seed.flatMap((text, index) => {
    const [ofSeed, ofSite] = [familyOf(text), site === undefined ? undefined : familyOf(site[index] ?? '')];
    if (ofSeed === undefined) return [problem(`invalid seed node IP at index ${index}: invalid IP "${text}"`)];
    if (site === undefined) return [];
    if (ofSite === undefined)
      return [problem(`invalid reconfiguration node IP at index ${index}: invalid IP "${site[index] ?? ''}"`)];
    return ofSeed === ofSite
      ? []
      : [problem(`node IP family mismatch at index ${index}: seed has ${ofSeed}, reconfiguration has ${ofSite}`)];
  });
}

function machineNetworkProblems(seed: NodeNetworks, site: SiteNetworks): Problem[] {
  const problem = (what: string): Problem => ({ what, next: correct });
  const addresses = site.addresses ?? seed.addresses;
  const { machineNetworks } = site;
  if (machineNetworks.length !== addresses.length)
    return [
      problem(`machineNetworks count (${machineNetworks.length}) must equal node IPs count (${addresses.length})`),
    ];
  const problems = machineNetworks.flatMap((text, index) => {
    const network = readNetwork(text);
    if (network === undefined)
      return [problem(`invalid reconfiguration machineNetwork at index ${index}: invalid CIDR "${text}"`)];
    const wanted = familyOf(addresses[index] ?? '');
    return wanted === undefined || network.address.family === wanted
      ? []
      : [
          problem(
            `machineNetwork family at index ${index} (${network.address.family}) must match node IP family (${wanted})`,
          ),
        ];
  });
  if (seed.machineNetworks.length === 0) return problems;
  if (seed.machineNetworks.length !== machineNetworks.length)
    return [
      ...problems,
      problem(
        `seed machineNetworks count (${seed.machineNetworks.length}) must equal reconfiguration machineNetworks count (${machineNetworks.length})`,
      ),
    ];
  return [
    ...problems,
    ...seed.machineNetworks.flatMap((text, index) => {
      const [ofSeed, ofSite] = [readNetwork(text), readNetwork(machineNetworks[index] ?? '')];
      if (ofSeed === undefined)
        return [problem(`invalid seed machineNetwork at index ${index}: invalid CIDR "${text}"`)];
      if (ofSite === undefined || ofSeed.address.family === ofSite.address.family) return [];
      return [
        problem(
          `machineNetwork family mismatch at index ${index}: seed has ${ofSeed.address.family}, reconfiguration has ${ofSite.address.family}`,
        ),
      ];
    }),
  ];
}

const familyOf = (text: string): Family | undefined => readAddress(text)?.family;
