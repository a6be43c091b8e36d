import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { ensure, type Artefact, type Say } from '../vm/artefacts/cache.ts';
import { startEtcd, type EtcdServer } from './etcd-server.ts';
import type { Size } from './fixture.ts';
import type { Encryption, Generated } from './generate.ts';
import { seedIdentity } from './identities.ts';
import { bracketed, type Identity, type Stack } from './identity.ts';
import type { Inventory } from './inventory.ts';
import type { Age } from './issue.ts';
import type { Release } from './names.ts';
import { writeNodeFiles } from './node-files.ts';

/*
 * A seed-like cluster for tests: its etcd, running, and its files, laid out as the caller of recert mounts them.
 *
 * INVARIANTS
 * - What is generated is cached and copied; a test may do to its copy what it likes.
 * - A cluster follows from its options, the keys of this machine, and the quarter of the day: certificates that live 12 hours are
 *   valid for at least five more.
 */

export type ClusterOptions = {
  readonly size: Size;
  /** With the odd cases. Default: without. */
  readonly odd?: boolean;
  /** `spec.encryption.type` of the API server's configuration. Default: the field is absent. */
  readonly encryption?: Encryption;
  /** Default: first-day. */
  readonly age?: Age;
  readonly seed?: number;
  /** Whose identity it has (`identities.ts`). Default: v4. */
  readonly stack?: Stack;
  /** Members of that identity that are to be others; undefined takes one away. */
  readonly identity?: { readonly [K in keyof Identity]?: Identity[K] | undefined };
  /** Default: 4.20. */
  readonly release?: Release;
};

export type Cluster = AsyncDisposable & {
  readonly etcd: EtcdServer;
  /** `host:port` of its etcd. */
  readonly endpoint: string;
  /** Holds `/kubelet`, `/kubernetes`, `/machine-config-daemon`, `/etc` and `/ovn-ic`. */
  readonly root: string;
  readonly inventory: Inventory;
  /** Who it is. */
  readonly seed: Identity;
  /** What the production caller sends, with this cluster's paths; no renames. Spread it to add more. */
  readonly config: {
    readonly etcd_endpoint: string;
    readonly crypto_dirs: readonly string[];
    readonly crypto_files: readonly string[];
  };
  /** A folder beside the root, for what a test wants to keep; gone with the cluster. */
  readonly folder: string;
};

const run = promisify(execFile);
const quarterMs = 6 * 3_600_000;

/** Makes a cluster. The first call for its options takes seconds, and on a new machine half a minute for the keys. */
export async function makeCluster(options: ClusterOptions, say: Say = () => undefined): Promise<Cluster> {
  const generated = await generatedCluster(options, say);
  await forgetOld(dirname(generated.dir));
  const folder = await mkdtemp(join(tmpdir(), `cluster-${options.size}-`));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  try {
    await run('cp', [
      '-a',
      '--sparse=always',
      '--reflink=auto',
      generated.path('etcd'),
      generated.path('root'),
      folder,
    ]);
    const etcd = stack.use(await startEtcd(join(folder, 'etcd')));
    const root = join(folder, 'root');
    const inventory = JSON.parse(await readFile(generated.path('inventory.json'), 'utf8')) as Inventory; // written below
    return {
      etcd,
      endpoint: etcd.endpoint,
      root,
      inventory,
      folder,
      seed: identityOf(options),
      config: {
        etcd_endpoint: etcd.endpoint,
        crypto_dirs: ['kubelet', 'kubernetes', 'machine-config-daemon'].map((name) => join(root, name)),
        crypto_files: [join(root, 'etc/mcs-machine-config-content.json')],
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** What the etcd member of a cluster is called by (ip/member). */
export const peerUrlsOf = ({ ips: [ip] }: Identity): readonly string[] => [`https://${bracketed(ip)}:2380`];

/** The identity that these options ask for. */
export function identityOf({ stack = 'v4', identity = {} }: Pick<ClusterOptions, 'stack' | 'identity'>): Identity {
  // A member that is undefined is the same as none to everybody who reads it.
  return { ...seedIdentity(stack), ...identity } as Identity;
}

/** The values and files of these options, written from `now` where a renaming would write. The same as the cluster's when `now` is its seed. */
export async function contentsOf(
  { size, odd = false, encryption, age = 'first-day', seed = 1, release = '4.20', ...who }: ClusterOptions,
  now: Identity,
  say: Say = () => undefined,
): Promise<Generated> {
  // Only now: forty files and @peculiar/x509 are a quarter of a second that a cluster from the cache does without.
  const { generate } = await import('./generate.ts');
  return await generate(
    { size, odd, encryption, age, seed, now: thisQuarter(), names: { seed: identityOf(who), now, release } },
    say,
  );
}

/** What a cluster follows from besides its options. */
export const thisQuarter = (): Date => new Date(Math.floor(Date.now() / quarterMs) * quarterMs);

async function generatedCluster(options: ClusterOptions, say: Say): Promise<Artefact> {
  const { size, odd = false, encryption = null, age = 'first-day', seed = 1, release = '4.20' } = options;
  const identity = identityOf(options);
  return ensure(
    {
      name: `cluster-${size}`,
      sources: await clusterSources(),
      inputs: { odd, encryption, age, seed, release, identity, now: thisQuarter().toISOString() },
      async build(dir) {
        const { values, files, labels, inventory } = await contentsOf(options, identity, say);
        await mkdir(join(dir, 'root'));
        await writeNodeFiles(join(dir, 'root'), files, labels);
        await writeFile(join(dir, 'inventory.json'), JSON.stringify(inventory));
        await using server = await startEtcd(join(dir, 'etcd'));
        await using etcd = await openEtcd(server.endpoint);
        await etcd.commit(values.map(({ key, bytes }) => ({ kind: 'put', key, value: bytes, was: '0' })));
        // A member that is alone never dials itself, so it may go by the node's address.
        for (const { id } of await etcd.members()) await etcd.updateMember(id, peerUrlsOf(identity));
        await server.stop();
        await run('cp', ['-a', '--sparse=always', join(dir, 'etcd'), join(dir, 'etcd.sparse')]);
        await rm(join(dir, 'etcd'), { recursive: true });
        await run('mv', [join(dir, 'etcd.sparse'), join(dir, 'etcd')]);
      },
    },
    say,
  );
}

/** Clusters of yesterday are never asked for again: their quarter is over. */
async function forgetOld(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const facts = await stat(join(folder, name)).catch(() => undefined); // another process forgets, too
    if (facts !== undefined && Date.now() - facts.mtimeMs > 4 * quarterMs)
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Everything that decides what is generated. Tests and judges do not. */
export async function clusterSources(): Promise<URL[]> {
  const here = [
    ...(await readdir(import.meta.dirname)),
    ...(await readdir(new URL('settings', import.meta.url))).map((name) => `settings/${name}`),
  ]
    .filter(
      (name) =>
        /\.(?:ts|json)$/.test(name) &&
        !/test\.ts$|judge|evidence|remainder|openssl|api-server|etcd-server|expected|fates|sweep|rows|configuration/.test(
          name,
        ),
    )
    .sort();
  return [
    ...here.map((name) => new URL(name, import.meta.url)),
    ...['extensions', 'make', 'odd-forms', 'pem', 'provider'].map(
      (name) => new URL(`../certificates/${name}.ts`, import.meta.url),
    ),
    ...['pki/key-identifier.ts', 'wire/test-cbor.ts'].map((name) => new URL(`../../internal/${name}`, import.meta.url)),
  ];
}
