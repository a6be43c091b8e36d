import { mkdir, writeFile } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { addressesOf, type Address } from './addresses.ts';

/*
 * What `runtimecfg node-ip set` does: of each family the address of the hinted network, else the first one; first the drop-in, then the
 * file that says it is there.
 */

const familyOf = (ip: string): 'ipv4' | 'ipv6' => (ip.includes(':') ? 'ipv6' : 'ipv4');

function isInNetworkOf({ ip, prefix }: Address, hint: string): boolean {
  if (familyOf(ip) !== familyOf(hint)) return false;
  const network = new BlockList();
  network.addSubnet(ip, prefix, familyOf(ip));
  return network.check(hint, familyOf(hint));
}

const hints = (process.env['KUBELET_NODEIP_HINT'] ?? '').split(' ').filter((hint) => hint !== '');
const found = await addressesOf('ens3');
const hinted = hints.flatMap((hint) => found.find((address) => isInNetworkOf(address, hint)) ?? []);
const chosen = (hints.length > 0 ? hinted : firstOfEachFamily()).map(({ ip }) => ip);
const [primary] = chosen;
if (primary === undefined) {
  process.stderr.write(`no address for the hints "${hints.join(' ')}"\n`);
  process.exit(1);
}
const folder = '/etc/systemd/system/kubelet.service.d';
await mkdir(folder, { recursive: true });
await writeFile(
  `${folder}/20-nodenet.conf`,
  `[Service]\nEnvironment="KUBELET_NODE_IP=${primary}" "KUBELET_NODE_IPS=${chosen.join(',')}"\n`,
);
await mkdir('/run/nodeip-configuration', { recursive: true });
await writeFile('/run/nodeip-configuration/primary-ip', primary);

function firstOfEachFamily(): Address[] {
  return (['ipv4', 'ipv6'] as const).flatMap((family) => found.find(({ ip }) => familyOf(ip) === family) ?? []);
}
