import { BlockList, isIP } from 'node:net';

/** The family of an address, in the reference's words. */
export type Family = 'ipv4' | 'ipv6';

/** An address in the form in which Kubernetes writes it: IPv6 in lower case and shortest, an IPv4-mapped one as IPv4. */
export type Address = { readonly text: string; readonly family: Family };

/** A network: its address as it was written, host bits kept, and in the canonical text. */
export type Network = { readonly address: Address; readonly prefixLength: number; readonly text: string };

/** Reads an address; undefined when it is none. A zone ("%eth0") makes it none: it says something of one host only. */
export function readAddress(text: string): Address | undefined {
  if (text.includes('%')) return undefined;
  switch (isIP(text)) {
    case 4:
      return { text, family: 'ipv4' };
    case 6: {
      const shortest = new URL(`http://[${text}]`).hostname.slice(1, -1);
      const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(shortest);
      if (mapped === null) return { text: shortest, family: 'ipv6' };
      const [high, low] = [parseInt(mapped[1] ?? '', 16), parseInt(mapped[2] ?? '', 16)];
      return { text: [high >> 8, high & 255, low >> 8, low & 255].join('.'), family: 'ipv4' };
    }
    default:
      return undefined;
  }
}

/** Reads a network `address/length`; undefined when it is none. */
export function readNetwork(text: string): Network | undefined {
  const [, written = '', length = ''] = /^([^/\s]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = readAddress(written);
  if (address === undefined) return undefined;
  // The length counts the bits of the form in which the address was written.
  const prefixLength = Number(length) - (isIP(written) === 6 && address.family === 'ipv4' ? 96 : 0);
  if (prefixLength < 0 || prefixLength > (address.family === 'ipv4' ? 32 : 128)) return undefined;
  return { address, prefixLength, text: `${address.text}/${prefixLength}` };
}

/** True when the address lies in the network. */
export function isIn({ address, prefixLength }: Network, { text, family }: Address): boolean {
  if (address.family !== family) return false;
  const list = new BlockList();
  list.addSubnet(address.text, prefixLength, family);
  return list.check(text, family);
}
