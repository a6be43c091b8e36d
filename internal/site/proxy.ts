import type { SeedManifest } from '../config/seed-manifest.ts';
import { machineNetworksOf, type SiteManifest, type SiteProxy } from '../config/site-manifest.ts';

/** What the cluster is told of its proxy: as it is asked for, and as the cluster network operator would make it. */
export type Proxies = { readonly proxy: SiteProxy; readonly status: SiteProxy };

/**
 * The proxy of the site. Its `noProxy` becomes what the cluster network operator computes, so that it finds nothing to change and no machine
 * is rebooted: names and networks of the cluster and the user's, each once, in byte order. A status that is given is taken as it is.
 *
 * @returns undefined without a proxy
 */
export function proxiesOf(site: SiteManifest, seed: SeedManifest): Proxies | undefined {
  if (site.proxy === undefined) return undefined;
  if (site.status_proxy !== undefined) return { proxy: site.proxy, status: site.status_proxy };
  const noProxy = [
    '127.0.0.1',
    'localhost',
    '.svc',
    '.cluster.local',
    `api-int.${site.cluster_name}.${site.base_domain}`,
    ...machineNetworksOf(site),
    ...seed.service_network_cidr,
    ...seed.cluster_network_cidr,
    ...site.proxy.noProxy.split(',').filter((one) => one !== ''),
  ];
  const proxy = { ...site.proxy, noProxy: [...new Set(noProxy)].sort(byBytes).join(',') };
  return { proxy, status: proxy };
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
