import { UsageError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';

/** What the node's own name service answers for: the cluster's names, by the node's address. */
export type NameServiceSettings = {
  readonly clusterName: string;
  readonly baseDomain: string;
  readonly address: string;
};

const overrides = '/etc/default/sno_dnsmasq_configuration_overrides';

/** Sets the node's dnsmasq to the site's names and starts it anew. */
export async function setNameService(host: Host, settings: NameServiceSettings): Promise<void> {
  if (settings.address === '')
    throw new UsageError('at least one IP is required to set up DNSMASQ', {
      next: 'give node_ips or machine_networks in the site manifest',
    });
  const lines = [
    `SNO_CLUSTER_NAME_OVERRIDE=${settings.clusterName}`,
    `SNO_BASE_DOMAIN_OVERRIDE=${settings.baseDomain}`,
    `SNO_DNSMASQ_IP_OVERRIDE=${settings.address}`,
  ];
  await host.writeFile(overrides, lines.join('\n'));
  await host.run('systemctl', ['restart', 'dnsmasq.service'], { budgetMs: 2 * 60_000 });
}
