import { readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Cluster } from './cluster.ts';
import { askedFor } from './configuration.ts';
import { clearValues } from './evidence.ts';
import { deletedOtherwise } from './fates.ts';
import { domainOf, type Identity } from './identity.ts';
import { safe } from './names.ts';
import { allowances } from './sweep-allowed.ts';
import { layersOf } from './sweep-layers.ts';

/** A place where something of the seed still stands, and why it may. */
export type Leftover = {
  readonly where: string;
  readonly what: string;
  /** The words around it. */ readonly text: string;
  readonly allowed?: string;
};

type Wanted = { readonly what: string; readonly pattern: RegExp };

/**
 * Everything old in a cluster after a run from `seed` to `now`: names and values that differ between the two, as whole words, in every value
 * of etcd and every file and its name; in clear, in base64, percent-encoded, and in texts inside of texts. Independent of what the product
 * reads: bytes are looked at, nothing is decoded by a schema.
 */
export async function sweep(
  cluster: Pick<Cluster, 'endpoint' | 'root'>,
  seed: Identity,
  now: Identity,
): Promise<Leftover[]> {
  const wanted = wantedOf(seed, now);
  if (wanted.length === 0) return [];
  const found: Leftover[] = [];
  const asked = askedFor(seed, now);
  const look = (where: string, bytes: Uint8Array): void => {
    // Nothing less than a whole renaming deletes them.
    const row = where.startsWith('etcd:') ? deletedOtherwise(where.slice('etcd:'.length)) : undefined;
    const stays =
      row === undefined || asked.rename
        ? undefined
        : `is what the running seed left behind: ${row} deletes it, which was not asked for`;
    const seen = new Set<string>();
    for (const text of layersOf(bytes)) {
      for (const { what, pattern } of wanted) {
        for (const match of text.matchAll(pattern)) {
          const around = text
            .slice(Math.max(0, match.index - 40), match.index + match[0].length + 40)
            .replace(/[^\x20-\x7e]+/g, ' ');
          if (seen.has(`${what} ${around}`)) continue;
          seen.add(`${what} ${around}`);
          const reason =
            stays ??
            allowances.find(
              (allowance) =>
                allowance.where.test(where) &&
                allowance.what.test(what) &&
                (allowance.text === undefined || allowance.text.test(around)),
            )?.reason;
          found.push({ where, what, text: around, ...(reason === undefined ? {} : { allowed: reason }) });
        }
      }
    }
  };
  for await (const { key, clear } of clearValues(cluster)) {
    look(`etcd:${key}`, Buffer.from(key));
    look(`etcd:${key}`, clear);
  }
  for (const entry of await readdir(cluster.root, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const where = `file:/${relative(cluster.root, file)}`;
    if (!entry.isDirectory())
      look(where, Buffer.from(entry.isSymbolicLink() ? `${entry.name} -> ${await readlink(file)}` : entry.name));
    if (entry.isFile()) look(where, await readFile(file));
  }
  return found;
}

/** What the seed was called where the target is called otherwise. */
function wantedOf(seed: Identity, now: Identity): Wanted[] {
  const asked = askedFor(seed, now);
  const named = (what: string, was: string, is: string, before: string, after: string): Wanted[] =>
    was === '' || was === is
      ? []
      : [
          {
            what,
            pattern: new RegExp(
              `${before === '' ? '' : `(?<!${before})`}${RegExp.escape(was)}${after === '' ? '' : `(?!${after})`}`,
              'g',
            ),
          },
        ];
  // A name goes on where a letter, digit, dash or underscore follows, or a dot before one of these.
  const [head, tail] = ['[A-Za-z0-9_-]|[A-Za-z0-9]\\.', '[A-Za-z0-9_-]|\\.[A-Za-z0-9]'];
  const secrets = (what: string, was: string | undefined, is: string | undefined): Wanted[] =>
    was === undefined || was === is ? [] : named(what, was, is ?? '', '', '');
  const proxies =
    seed.proxy === undefined ? [] : [...Object.entries(seed.proxy.spec), ...Object.entries(seed.proxy.status)];
  const newProxies = new Set(
    now.proxy === undefined ? [] : [...Object.values(now.proxy.spec), ...Object.values(now.proxy.status)],
  );
  return [
    // A domain has names before it.
    ...(asked.rename
      ? [
          ...named('domain', domainOf(seed), domainOf(now), '[A-Za-z0-9_-]', tail),
          ...named('cluster name', seed.clusterName, now.clusterName, head, tail),
          ...named('infra id', seed.infraId, now.infraId, head, tail),
        ]
      : []),
    ...(asked.hostname
      ? [
          ...named(
            'host name',
            seed.hostname,
            now.hostname,
            '[A-Za-z0-9]|[A-Za-z0-9]\\.',
            '[A-Za-z0-9_-]|\\.(?!crt|key)[A-Za-z0-9]',
          ),
          ...named('safe host name', safe(seed.hostname), safe(now.hostname), '[A-Za-z0-9-]', '[A-Za-z0-9-]'),
        ]
      : []),
    ...seed.ips.flatMap((ip, index) =>
      named(
        'address',
        ip,
        now.ips[index] ?? '',
        ip.includes(':') ? '[0-9A-Fa-f:.]' : '[0-9]\\.|[0-9A-Za-z]',
        ip.includes(':') ? '[0-9A-Fa-f:]' : '[0-9A-Za-z]|\\.[0-9A-Za-z]',
      ),
    ),
    ...secrets(
      'pull secret',
      /"auth":"([^"]+)"/.exec(seed.pullSecret)?.[1],
      /"auth":"([^"]+)"/.exec(now.pullSecret)?.[1],
    ),
    ...secrets('kubeadmin hash', seed.kubeadminHash, now.kubeadminHash),
    ...secrets('chrony', seed.chrony.split('\n')[0], now.chrony.split('\n')[0]),
    ...(now.proxy === undefined
      ? []
      : proxies.flatMap(([, value]) =>
          newProxies.has(value) ? [] : named('proxy', value, '', '[A-Za-z0-9]', '[A-Za-z0-9]'),
        )),
    ...(now.userCaBundle === undefined
      ? []
      : secrets('user bundle', lastCertificate(seed.userCaBundle), lastCertificate(now.userCaBundle))),
    ...(now.proxyTrustedCa === undefined
      ? []
      : secrets(
          'proxy bundle',
          lastCertificate(seed.proxyTrustedCa?.bundle),
          lastCertificate(now.proxyTrustedCa.bundle),
        )),
    ...seed.machineNetworks.flatMap((network, index) =>
      named('machine network', network, now.machineNetworks[index] ?? '', '[0-9A-Fa-f:.]', '[0-9]'),
    ),
  ];
}

/** A line in the middle of the last certificate. */
function lastCertificate(bundle: string | undefined): string | undefined {
  return [...(bundle ?? '').matchAll(/-----BEGIN CERTIFICATE-----\n[^-]*\n([A-Za-z0-9+/]{64})\n[^-]*-----END/g)].at(
    -1,
  )?.[1];
}
