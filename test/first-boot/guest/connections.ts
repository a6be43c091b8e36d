import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Connection = {
  readonly link: string;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
};

const folder = '/etc/NetworkManager/system-connections';

/** Connections in NetworkManager's key files, of which addresses and gateways are understood. */
export async function readConnections(): Promise<Connection[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.nmconnection')).sort();
  return await Promise.all(names.map(async (name) => parsed(await readFile(join(folder, name), 'utf8'))));
}

function parsed(text: string): Connection {
  const values = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value.trim());
  // address1=192.0.2.10/24,192.0.2.1
  const pairs = values('address\\d+').map((value) => value.split(','));
  return {
    link: values('interface-name')[0] ?? '',
    addresses: pairs.map(([address = '']) => address),
    gateways: [...pairs.flatMap(([, gateway]) => (gateway === undefined ? [] : [gateway])), ...values('gateway')],
  };
}

export async function writeConnection({ link, addresses, gateways }: Connection): Promise<void> {
  const section = (family: 'ipv4' | 'ipv6'): string => {
    const isOurs = (value: string): boolean => value.includes(':') === (family === 'ipv6');
    const own = addresses.filter(isOurs).map((address, index) => `address${index + 1}=${address}`);
    const way = gateways.filter(isOurs).map((gateway) => `gateway=${gateway}`);
    return [`[${family}]`, `method=${own.length > 0 ? 'manual' : 'disabled'}`, ...own, ...way, ''].join('\n');
  };
  const head = `[connection]\nid=${link}\ntype=ethernet\ninterface-name=${link}\n`;
  await writeFile(join(folder, `${link}.nmconnection`), [head, section('ipv4'), section('ipv6')].join('\n'), {
    mode: 0o600,
  });
}
