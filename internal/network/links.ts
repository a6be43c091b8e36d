import { z } from 'zod';
import type { Host } from '../host/host.ts';

const linkSchema = z.object({
  ifname: z.string(),
  address: z.string().default(''),
  permaddr: z.string().optional(),
  operstate: z.string().default('UNKNOWN'),
  flags: z.array(z.string()).default([]),
  link_type: z.string().default(''),
});

/** A network device of this host. */
export type Link = { readonly name: string; readonly mac: string; readonly hasCarrier: boolean };

/** The network devices of this host but for the loopback. */
export async function linksOf(host: Host): Promise<Link[]> {
  const found = await host.json(z.array(linkSchema), 'ip', ['-json', 'link', 'show'], { quiet: true });
  return found
    .filter(({ link_type: type }) => type !== 'loopback')
    .map(({ ifname, address, permaddr, flags }) => ({
      name: ifname,
      mac: (permaddr ?? address).toLowerCase(),
      hasCarrier: flags.includes('LOWER_UP'),
    }));
}

export const linkText = ({ name, mac, hasCarrier }: Link): string =>
  `${name} (${mac}${hasCarrier ? '' : ', no carrier'})`;

const addressSchema = z.object({
  ifname: z.string(),
  addr_info: z
    .array(z.object({ family: z.string().default(''), local: z.string().default(''), scope: z.string().default('') }))
    .default([]),
});

/** Global addresses of this host with their devices, for messages. */
export async function addressesOf(host: Host): Promise<{ readonly link: string; readonly address: string }[]> {
  const found = await host.json(z.array(addressSchema), 'ip', ['-json', 'address', 'show', 'scope', 'global'], {
    quiet: true,
  });
  return found.flatMap(({ ifname, addr_info: addresses }) =>
    addresses
      .filter(({ scope, local }) => scope === 'global' && local !== '')
      .map(({ local }) => ({ link: ifname, address: local })),
  );
}
