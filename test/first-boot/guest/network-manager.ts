import { readFile } from 'node:fs/promises';
import { addDefaultRoute, setAddresses } from './addresses.ts';
import { readConnections } from './connections.ts';

/*
 * What NetworkManager does when it starts, as far as the lab needs it: connections that were made by hand or by nmstatectl, else the lease
 * that the lab's DHCP server offers.
 */

type Lease = { readonly addresses: readonly string[]; readonly gateways: readonly string[] };

/** In a container, in a machine, and where nobody answers. */
const lease = async (): Promise<Lease> =>
  JSON.parse(
    await readFile('/run/lab/dhcp.json', 'utf8')
      .catch(() => readFile('/sys/firmware/qemu_fw_cfg/by_name/opt/lab/dhcp/raw', 'utf8'))
      .catch(() => '{"addresses":[],"gateways":[]}'),
  ) as Lease; // the lab's own

const link = 'ens3';
const connection = (await readConnections()).find((one) => one.link === link);
const { addresses, gateways } = connection ?? (await lease());
await setAddresses(link, addresses);
for (const gateway of gateways) await addDefaultRoute(link, gateway);
