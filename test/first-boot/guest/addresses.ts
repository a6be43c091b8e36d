import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Address = { readonly ip: string; readonly prefix: number };

/** The addresses of a link that are of use, in the kernel's order. */
export async function addressesOf(link: string): Promise<Address[]> {
  const { stdout } = await run('ip', ['-json', 'address', 'show', 'dev', link]);
  const [entry] = JSON.parse(stdout) as { addr_info: { local: string; prefixlen: number; scope: string }[] }[]; // iproute2's format
  return (entry?.addr_info ?? [])
    .filter(({ scope }) => scope === 'global')
    .map(({ local, prefixlen }) => ({ ip: local, prefix: prefixlen }));
}

/** Gives a link these addresses and no other. */
export async function setAddresses(link: string, wanted: readonly string[]): Promise<void> {
  await run('ip', ['link', 'set', link, 'up']);
  const there = (await addressesOf(link)).map(({ ip, prefix }) => `${ip}/${prefix}`);
  for (const address of there.filter((one) => !wanted.includes(one)))
    await run('ip', ['address', 'delete', address, 'dev', link]);
  for (const address of wanted.filter((one) => !there.includes(one)))
    await run('ip', ['address', 'add', address, 'dev', link, ...(address.includes(':') ? ['nodad'] : [])]);
}

export async function addDefaultRoute(link: string, gateway: string): Promise<void> {
  const family = gateway.includes(':') ? '-6' : '-4';
  await run('ip', [family, 'route', 'replace', 'default', 'via', gateway, 'dev', link]);
}
