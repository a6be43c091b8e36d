import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isIn, readAddress, readNetwork } from '../address/address.ts';
import { Failure, Interrupted, isNotFound, messageOf, UsageError } from '../errors/errors.ts';
import { exists } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { addressesOf, linksOf, linkText } from './links.ts';

/** Files of the service that chooses the node's addresses. It writes the first one last. */
export const nodeAddressFiles = {
  primary: '/run/nodeip-configuration/primary-ip',
  dropIn: '/etc/systemd/system/kubelet.service.d/20-nodenet.conf',
  hint: '/etc/default/nodeip-configuration',
} as const;

/** Tells that service in which networks to look: the address part of each, as it was written. */
export async function hintNodeAddresses(host: Host, machineNetworks: readonly string[]): Promise<void> {
  if (machineNetworks.length === 0) return;
  const hints = machineNetworks.map((text) => {
    const network = readNetwork(text);
    if (network === undefined)
      throw new UsageError(`failed to parse machine network ${text}, err: invalid CIDR address: ${text}`, {
        next: 'correct machine_networks of the site manifest',
      });
    return network.address.text;
  });
  await host.writeFile(nodeAddressFiles.hint, `KUBELET_NODEIP_HINT=${hints.join(' ')}`);
}

/**
 * The addresses that kubelet will use, primary first: chosen by `nodeip-configuration.service`, which is started if it has not run since
 * the boot. Waits without end, because a cable may be plugged in tomorrow, and says what the host has.
 */
export async function findNodeAddresses(
  host: Host,
  machineNetworks: readonly string[],
  tell: { readonly say: (fact: string) => void; readonly waiting: (forWhat: string) => void },
): Promise<readonly string[]> {
  let failed = '';
  for (let attempt = 0; !(await exists(nodeAddressFiles.primary)); attempt += 1) {
    if (attempt % 10 === 0) failed = await startService(host);
    tell.waiting(await whatIsMissing(host, machineNetworks, failed));
    await sleep(1000, undefined, { signal: host.stop }).catch(() => {
      throw new Interrupted('stopped on request while waiting for an address of this node');
    });
  }
  const addresses = nodeAddressesIn(await dropIn());
  if (addresses.length === 0)
    throw new Failure(
      'failed to parse node IPs from kubelet config: no KUBELET_NODE_IP or KUBELET_NODE_IPS found in kubelet config',
      { why: `"${nodeAddressFiles.dropIn}" names no address`, next: 'look at: journalctl -u nodeip-configuration' },
    );
  return addresses;
}

async function startService(host: Host): Promise<string> {
  try {
    await host.run('systemctl', ['start', '--no-block', 'nodeip-configuration']);
    return '';
  } catch (error) {
    return `; nodeip-configuration does not start: ${messageOf(error)}`;
  }
}

async function whatIsMissing(host: Host, machineNetworks: readonly string[], failed: string): Promise<string> {
  const has = await addressesOf(host).catch(() => []);
  const networks = machineNetworks.flatMap((text) => readNetwork(text) ?? []);
  const fitting = has.filter(({ address }) => {
    const read = readAddress(address);
    return read !== undefined && networks.some((network) => isIn(network, read));
  });
  const links = await linksOf(host).catch(() => []);
  if (fitting.length > 0 || networks.length === 0)
    return `nodeip-configuration, which chooses this node's address among ${has.map(({ link, address }) => `${address} on ${link}`).join(', ') || 'none'}${failed}`;
  return `an address in ${networks.map(({ text }) => text).join(' or ')}; this host has ${has.map(({ link, address }) => `${address} on ${link}`).join(', ') || 'none'}, devices ${links.map(linkText).join(', ') || 'none'}${failed}`;
}

async function dropIn(): Promise<string> {
  try {
    return await readFile(nodeAddressFiles.dropIn, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return '';
    throw error;
  }
}

/** Reads the drop-in of kubelet's unit. A later line counts more, and the list more than the single address. */
export function nodeAddressesIn(text: string): readonly string[] {
  let addresses: readonly string[] = [];
  for (const line of text.split('\n').filter((one) => one.includes('Environment='))) {
    const [, list] = /"KUBELET_NODE_IPS=([^"]*)"/.exec(line) ?? [];
    const [, single] = /"KUBELET_NODE_IP=([^"]*)"/.exec(line) ?? [];
    const found = list?.split(',').map((one) => one.trim()) ?? (single === undefined ? undefined : [single.trim()]);
    if (found !== undefined) addresses = found.filter((one) => one !== '');
  }
  return addresses;
}
