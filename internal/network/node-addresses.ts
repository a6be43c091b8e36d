import { readFile } from 'node:fs/promises';
import { isIn, readAddress, readNetwork, type Network } from '../address/address.ts';
import { Failure, isNotFound, messageOf, UsageError } from '../errors/errors.ts';
import { exists } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { pause } from '../host/pause.ts';
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

/** So long nothing new is seen before the wait is given up; whoever started us looks for another config then, and begins again. */
const patienceMs = 5 * 60_000;
const lookAgainMs = 500;

/**
 * The addresses that kubelet will use, primary first: chosen by `nodeip-configuration.service`, which is started if it has not run since the
 * boot, and again when it chose by the seed's hint, before this site's network was there.
 *
 * @throws Failure (transient) when the host has had nothing new to show for five minutes
 */
export async function findNodeAddresses(
  host: Host,
  machineNetworks: readonly string[],
  tell: { readonly say: (fact: string) => void; readonly waiting: (forWhat: string) => void },
): Promise<readonly string[]> {
  const networks = machineNetworks.flatMap((text) => readNetwork(text) ?? []);
  let [seen, sinceMs] = ['', performance.now()];
  for (let attempt = 0; ; attempt += 1) {
    const found = (await exists(nodeAddressFiles.primary)) ? nodeAddressesIn(await dropIn()) : undefined;
    if (found !== undefined && doFit(found, networks)) return found;
    const failed = attempt % 20 === 0 ? await startService(host, found) : '';
    const missing = await whatIsMissing(host, networks, found);
    if (missing !== seen) [seen, sinceMs] = [missing, performance.now()];
    tell.waiting(`${missing}${failed}`);
    if (performance.now() - sinceMs > patienceMs)
      throw new Failure(`waited five minutes in vain for ${missing}`, {
        next: 'connect the host, or attach a config ISO with other machine_networks; see journalctl -u nodeip-configuration',
        transient: true,
      });
    await pause(host, lookAgainMs, 'waiting for an address of this node');
  }
}

/** Each address in the network of the same place. Without networks any will do. */
function doFit(addresses: readonly string[], networks: readonly Network[]): boolean {
  if (addresses.length === 0) return false;
  return networks.length !== addresses.length
    ? networks.length === 0 || addresses.some((address) => isInOne(address, networks))
    : addresses.every((address, index) => isInOne(address, networks.slice(index, index + 1)));
}

function isInOne(text: string, networks: readonly Network[]): boolean {
  const address = readAddress(text);
  return address !== undefined && networks.some((network) => isIn(network, address));
}

async function startService(host: Host, found: readonly string[] | undefined): Promise<string> {
  try {
    const verb = found === undefined ? 'start' : 'restart';
    await host.run('systemctl', [verb, '--no-block', 'nodeip-configuration']);
    return '';
  } catch (error) {
    return `; nodeip-configuration does not start: ${messageOf(error)}`;
  }
}

async function whatIsMissing(
  host: Host,
  networks: readonly Network[],
  found: readonly string[] | undefined,
): Promise<string> {
  const has = await addressesOf(host).catch(() => []);
  const addresses = has.map(({ link, address }) => `${address} on ${link}`).join(', ') || 'none';
  if (networks.length === 0 || (found === undefined && has.some(({ address }) => isInOne(address, networks))))
    return `nodeip-configuration, which chooses this node's address among ${addresses}`;
  const links = await linksOf(host).catch(() => []);
  const chosen = found === undefined || found.length === 0 ? '' : `; chosen was ${found.join(' and ')}`;
  return `an address in ${networks.map(({ text }) => text).join(' and ')}; this host has ${addresses}, devices ${links.map(linkText).join(', ') || 'none'}${chosen}`;
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
