import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, ensure, type Say } from './artefacts/cache.ts';
import { lab, type Lab } from './artefacts/lab.ts';
import { digestOfFile } from './artefacts/oci-layout.ts';
import type { SeedOptions } from './artefacts/seed-options.ts';
import type { Seed, SeedCluster } from './artefacts/seed.ts';
import { makeBlankDisk } from './disks.ts';
import { makePayload } from './payload.ts';
import type { VirtualDisk } from './qemu-arguments.ts';
import { startRegistry, type Registry } from './registry.ts';
import { tempDir } from './resources.ts';

/** The program as it is built: what reaches the guest. */
export const builtProgram = join(import.meta.dirname, '../../dist/ibi');

export const resultsRoot = (): string => join(cacheRoot(), 'results');

/** All that a scenario plays on: a registry with a seed and its images, a blank target disk, canaries. */
export type Stage = AsyncDisposable & {
  readonly parts: Lab;
  /** What the seed deploys: a whole OS, or one that boots and can do nothing else. */
  readonly os: 'full' | 'slim';
  /** Disks and other large files; gone when the scenario has ended. */
  readonly dir: string;
  /** Consoles, journals and what else a person looks at afterwards. */
  readonly logs: string;
  readonly registry: Registry;
  readonly seed: Seed;
  readonly seedReference: string;
  readonly images: readonly string[];
  readonly target: VirtualDisk;
  /** A disk with `ibi` on it. */
  readonly payload: VirtualDisk;
  readonly proxyUrl: string;
  /** Texts that must not appear anywhere but in the files that a person gave. */
  readonly canaries: readonly string[];
  readonly say: Say;
  /** Aborted when the person wants the whole thing to end. */
  readonly signal: AbortSignal;
};

export type StageCluster = SeedCluster & {
  /** Further images that an installation has to pull: archives of `docker save`. */
  readonly images: readonly { readonly archive: string; readonly repository: string; readonly tag: string }[];
};

export type StageOptions = {
  readonly name: string;
  readonly os: 'full' | 'slim';
  readonly sectorSize?: 512 | 4096;
  /** Reaches the target on so many paths, as a SCSI disk. */
  readonly paths?: number;
  readonly seed?: SeedOptions;
  /** The seed is of this cluster; without it, it only looks like one. */
  readonly cluster?: StageCluster;
  readonly say: Say;
  readonly signal: AbortSignal;
};

export async function openStage({
  name,
  os,
  sectorSize = 512,
  paths,
  seed: seedOptions,
  cluster,
  say,
  signal,
}: StageOptions): Promise<Stage> {
  const scope = new AsyncDisposableStack();
  try {
    const logs = join(resultsRoot(), name);
    await rm(logs, { recursive: true, force: true });
    await mkdir(logs, { recursive: true });
    const parts = lab(say);
    const work = scope.use(await tempDir(name));
    const registry = scope.use(await startRegistry());
    const images = await pushImages(parts, registry);
    for (const { archive, repository, tag } of cluster?.images ?? [])
      images.push(await registry.push(archive, tag, repository));
    const seed = await parts.seed({ os: { tree: os }, containers: images, ...seedOptions }, cluster);
    const seedReference = await registry.push(seed.dir, seed.image.tag);
    const proxyPassword = registry.password.replace('registry', 'proxy');
    const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64');
    const target: VirtualDisk = {
      ...(await makeBlankDisk(work.path, 'target', { sectorSize })),
      ...(paths === undefined ? {} : { paths, wwn: '5000c50000000001' }),
    };
    const held = scope.move();
    return {
      parts,
      os,
      dir: work.path,
      logs,
      registry,
      seed,
      seedReference,
      images,
      target,
      say,
      signal,
      payload: { serial: 'payload', file: await payload(say), readOnly: true },
      proxyUrl: `http://lab:${proxyPassword}@proxy.lab:3128`,
      canaries: [registry.password, auth, proxyPassword],
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  } finally {
    await scope.disposeAsync();
  }
}

/** Three small images that share layers: two by tag, one by digest, as in the lists of real seeds. */
async function pushImages(parts: Lab, registry: Registry): Promise<string[]> {
  const set = await parts.images({ count: 3, sharedKiB: 512, groupKiB: 256, ownKiB: 64 });
  const references: string[] = [];
  for (const [index, { tag, digest }] of set.images.entries()) {
    const byTag = await registry.push(set.dir, tag, `lab/${tag}`);
    references.push(index === 2 ? `${byTag.slice(0, byTag.lastIndexOf(':'))}@${digest}` : byTag);
  }
  return references;
}

/** Kept by the program's content: a scenario must not see a build that is going on beside it. */
async function payload(say: Say): Promise<string> {
  const digest = await digestOfFile(builtProgram).catch(() => {
    throw new Error(`"${builtProgram}" is missing: npm run build`);
  });
  const made = await ensure(
    {
      name: 'payload',
      sources: [new URL('payload.ts', import.meta.url)],
      inputs: { digest },
      build: (dir) => makePayload(join(dir, 'payload.img'), { ibi: builtProgram }),
    },
    say,
  );
  return made.path('payload.img');
}
