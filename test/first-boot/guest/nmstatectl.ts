import { access, readFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { addDefaultRoute, setAddresses } from './addresses.ts';
import { writeConnection } from './connections.ts';

/*
 * nmstatectl as far as the lab needs it: `apply FILE`, `gc FILE` (checks the text, touches nothing) and `--version`; Ethernet interfaces with addresses, default routes, name servers. Like the
 * real one it refuses words that it does not know and links that are not there, undoes nothing, and leaves connections that outlast a reboot.
 * It fails when /run/lab/nmstatectl-fails exists, whose text it says.
 */

type State = {
  readonly interfaces?: readonly {
    readonly name?: string;
    readonly type?: string;
    readonly state?: string;
    readonly ipv4?: Family;
    readonly ipv6?: Family;
  }[];
  readonly routes?: { readonly config?: readonly Route[] };
  readonly 'dns-resolver'?: unknown;
};
type Family = {
  readonly enabled?: boolean;
  readonly dhcp?: boolean;
  readonly address?: readonly { ip: string; 'prefix-length': number }[];
};
type Route = {
  readonly destination: string;
  readonly 'next-hop-address'?: string;
  readonly 'next-hop-interface'?: string;
};

const known = ['interfaces', 'routes', 'dns-resolver', 'route-rules', 'hostname', 'ovs-db'];

/** The text and what it says, when nmstate would understand it. */
async function checked(file: string): Promise<{ text: string; state: State }> {
  const text = await readFile(file, 'utf8');
  const state = (parse(text) ?? {}) as State; // checked below as far as it is used
  if (typeof state !== 'object') throw new Error('InvalidArgument: invalid type: string, expected a map');
  for (const word of Object.keys(state))
    if (!known.includes(word)) throw new Error(`InvalidArgument: unknown field \`${word}\``);
  for (const { name } of state.interfaces ?? [])
    if (name === undefined) throw new Error('InvalidArgument: missing field `name`');
  return { text, state };
}

async function apply(file: string): Promise<void> {
  const { text, state } = await checked(file);
  const planned = await fails();
  if (planned !== undefined) throw new Error(planned);
  for (const { name, state: wanted, ipv4, ipv6 } of state.interfaces ?? []) {
    if (name === undefined) continue;
    await promisify(execFile)('ip', ['link', 'show', name]).catch(() => {
      throw new Error(`VerificationError: interface ${name} is not found`);
    });
    if (wanted !== undefined && wanted !== 'up') continue;
    const addresses = [ipv4, ipv6].flatMap((family) =>
      (family?.address ?? []).map((one) => `${one.ip}/${one['prefix-length']}`),
    );
    const gateways = (state.routes?.config ?? [])
      .filter((route) => ['0.0.0.0/0', '::/0'].includes(route.destination) && route['next-hop-interface'] === name)
      .flatMap((route) => route['next-hop-address'] ?? []);
    await setAddresses(name, addresses);
    for (const gateway of gateways) await addDefaultRoute(name, gateway);
    await writeConnection({ link: name, addresses, gateways });
  }
  process.stdout.write(text);
}

async function fails(): Promise<string | undefined> {
  const file = '/run/lab/nmstatectl-fails';
  return access(file).then(
    async () => (await readFile(file, 'utf8')).trim(),
    () => undefined,
  );
}

const [command, file] = process.argv.slice(2).filter((word) => !word.startsWith('-') || word === '--version');
if (command === '--version') process.stdout.write('nmstatectl 2.2.0 (of the lab)\n');
else if ((command === 'apply' || command === 'gc') && file !== undefined)
  await (command === 'apply' ? apply(file) : checked(file)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
else {
  process.stderr.write('usage: nmstatectl apply FILE | gc FILE\n');
  process.exitCode = 2;
}
