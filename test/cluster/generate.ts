import { readFile } from 'node:fs/promises';
import { mountedPath, type Content, type FileContent } from './content.ts';
import { encryptionAtRest } from './at-rest.ts';
import { fixtureOf, type Size } from './fixture.ts';
import { takeInventory, type Inventory } from './inventory.ts';
import { aged, issueAll, keysNeeded, type Age } from './issue.ts';
import { keyPool } from './keys.ts';
import { layOutMachine } from './layout-machine.ts';
import { layOutNamed } from './layout-named.ts';
import { layOutPki } from './layout-pki.ts';
import type { Names } from './names.ts';
import { noise } from './noise.ts';
import { objectMaker } from './objects.ts';
import { issueOdd } from './odd-certificates.ts';
import { layOutOdd, registryAuthorities } from './odd-objects.ts';
import { seeded } from './seeded.ts';
import { layOutRollouts } from './settings/rollouts.ts';
import { layOutSettings } from './settings/settings.ts';
import { etcdKeyOf, storedValue, usualEncoding } from './stored.ts';
import { layOutTokens, takeServiceAccountKeys } from './tokens.ts';

/** `spec.encryption.type` of the API server's configuration. */
export type Encryption = 'aescbc' | 'aesgcm' | 'identity' | '';

export type GenerateOptions = {
  readonly size: Size;
  readonly odd: boolean;
  readonly encryption: Encryption | undefined;
  readonly age: Age;
  readonly seed: number;
  readonly now: Date;
  /** With two different identities: the cluster as it is expected under the second. */
  readonly names: Names;
};

/** `values` as they are stored, `clear` before encryption at rest. */
export type Generated = {
  readonly values: readonly { readonly key: string; readonly bytes: Buffer }[];
  readonly clear: ReadonlyMap<string, Buffer>;
  readonly files: readonly FileContent[];
  /** SELinux labels by path of the node. */
  readonly labels: ReadonlyMap<string, string>;
  readonly inventory: Inventory;
};

/** Custom resources of these kinds are stored by a server with CBOR switched on, when there are odd things; the others are older than the switch. */
const storedAsCbor = new Set([
  'KubeAPIServer',
  'Authentication',
  'Infrastructure',
  'Ingress',
  'IngressController',
  'ControllerConfig',
  'Proxy',
  'ConsoleCLIDownload',
]);

/** A cluster as values: nothing is started or written. */
export async function generate(
  { size, odd, encryption, age, seed, now, names }: GenerateOptions,
  say: (line: string) => void,
): Promise<Generated> {
  const fixture = aged(fixtureOf(size, names.seed, names.now), age);
  const pool = await keyPool(keysNeeded(fixture) + 30, say);
  const random = seeded(seed);
  const objects = objectMaker(random, new Date(now.getTime() - 100 * 3_600_000));
  let pki = await issueAll(fixture, pool, random, now);
  const keys = takeServiceAccountKeys(pool);
  const oddPki = odd ? await issueOdd(pool, now) : undefined;
  const publicPems = await publicCas(size);
  const bundles = fixture.bundles.filter(({ members }) => members[0] === 'public');
  const settings = {
    publicCas: publicPems,
    bundles: {
      configMaps: bundles.flatMap(({ configMaps = [] }) => configMaps),
      files: bundles.flatMap(({ files = [] }) => files),
    },
    uneven: odd,
    copies: size === 'large' ? 10 : 1,
  };
  const parts: Content[] = [
    layOutPki(fixture, pki, objects, publicPems, names),
    layOutTokens(keys, pki, objects, random, now, names),
    layOutMachine(pki, objects, encryption, oddPki === undefined ? '' : registryAuthorities(oddPki), names),
    layOutNamed(names, pki, objects),
    layOutSettings(names.seed, names.now, objects, settings),
  ];
  if (size !== 'small') parts.push({ objects: noise(objects, random, size === 'large' ? 10 : 1), files: [] });
  if (oddPki !== undefined) {
    parts.push(layOutOdd(oddPki, pki, keys, objects, random, names));
    pki = { ...pki, issued: [...pki.issued, ...oddPki.issued] };
  }
  const atRest =
    encryption === 'aescbc' || encryption === 'aesgcm' ? encryptionAtRest(encryption, objects, random) : undefined;
  if (atRest !== undefined) parts.push(atRest.content);
  parts.push(
    layOutRollouts(
      names.seed,
      names.now,
      objects,
      parts.flatMap((part) => part.objects),
    ),
  );

  const values = new Map<string, Buffer>([['compact_rev_key', Buffer.from('1')]]);
  for (const stored of parts.flatMap((part) => part.objects)) {
    const [key, bytes] =
      'object' in stored
        ? [
            etcdKeyOf(stored.object),
            storedValue(
              stored.object,
              stored.encoding ?? (odd && storedAsCbor.has(stored.object.kind) ? 'cbor' : usualEncoding(stored.object)),
            ),
          ]
        : [stored.key, stored.bytes];
    if (values.has(key)) throw new Error(`the generator makes "${key}" twice`);
    values.set(key, bytes);
  }
  const files = parts.flatMap((part) => part.files);
  const documents = [
    ...[...values].map(([key, bytes]) => ({ document: `etcd:${key}`, bytes })),
    ...files.flatMap((file) =>
      'text' in file ? [{ document: `file:${mountedPath(file.path)}`, bytes: Buffer.from(file.text) }] : [],
    ),
  ];
  return {
    clear: values,
    values: [...values].map(([key, bytes]) => ({ key, bytes: atRest?.seal(key, bytes) ?? bytes })),
    files,
    labels: new Map(fixture.files.map(({ path, label }) => [path, label])),
    inventory: takeInventory(documents, pki, keys),
  };
}

/** The CAs that this host trusts: on a real cluster they are most of the bytes, and nobody's to renew. */
async function publicCas(size: Size): Promise<string> {
  const all = await readFile('/etc/ssl/certs/ca-certificates.crt', 'utf8');
  return size === 'small'
    ? all
        .split(/(?<=-----END CERTIFICATE-----\n)/)
        .slice(0, 3)
        .join('')
    : all;
}
