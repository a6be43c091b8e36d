import { join } from 'node:path';
import { z } from 'zod/mini';
import { CommandError, messageOf } from '../errors/errors.ts';
import { readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import type { CommandResult, RunOptions } from '../host/run.ts';

/** An image as the store knows it. */
export type StoredImage = {
  readonly id: string;
  readonly names: readonly string[];
  /** `registry/repository@digest` */ readonly digests: readonly string[];
};

/** The image store of podman (and CRI-O), by default /var/lib/containers/storage. */
export type ImageStore = {
  readonly graphRoot: string;
  /** Runs podman on this store. */
  podman(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** All images. One that a killed pull left without its manifest is removed first: podman lists nothing while there is one. */
  images(): Promise<StoredImage[]>;
  has(name: string): Promise<boolean>;
  /** Digests of the compressed layers that are present; a pull does not fetch them again. */
  layerDigests(): Promise<Set<string>>;
  /** Those of them that belong to no image: left by pulls that did not end. */
  looseLayerDigests(): Promise<Set<string>>;
  /** Reads every file of an image against what was recorded when it was unpacked. */
  isWhole(image: string): Promise<boolean>;
};

export type StoreOptions = {
  /** Graph root; default: podman's own. */
  readonly root?: string;
  readonly runRoot?: string;
};

const imagesSchema = z.nullable(
  z.array(
    z.object({
      Id: z.string(),
      Names: z.optional(z.nullable(z.array(z.string()))),
      RepoDigests: z.optional(z.nullable(z.array(z.string()))),
    }),
  ),
);
const layersSchema = z.array(
  z.object({
    id: z.string(),
    parent: z.optional(z.string()),
    'compressed-diff-digest': z.optional(z.string()),
    flags: z.optional(z.nullable(z.record(z.string(), z.unknown()))),
  }),
);

const topsSchema = z.array(
  z.object({ layer: z.optional(z.string()), 'mapped-layers': z.optional(z.nullable(z.array(z.string()))) }),
);
type StoredLayer = z.infer<typeof layersSchema>[number];

/** Opens the store. Nothing is started before the first question. */
export function openStore(host: Host, options: StoreOptions = {}): ImageStore {
  const where = [
    ...(options.root === undefined ? [] : ['--root', options.root]),
    ...(options.runRoot === undefined ? [] : ['--runroot', options.runRoot]),
  ];
  const graphRoot = options.root ?? '/var/lib/containers/storage';
  // These files are private to containers/storage, but no command of podman tells digests of compressed layers. Not understanding
  // them costs bytes, never correctness.
  const readRecords = async <T>(name: string, schema: { parse(data: unknown): T[] }): Promise<T[]> => {
    try {
      return schema.parse(JSON.parse((await readTextIfPresent(join(graphRoot, name))) ?? '[]'));
    } catch (error) {
      host.log.debug(`"${name}" of the image store is not understood: ${messageOf(error)}`);
      return [];
    }
  };
  const completeLayers = async (): Promise<StoredLayer[]> =>
    (await readRecords('overlay-layers/layers.json', layersSchema)).filter(
      ({ flags }) => flags?.['incomplete'] !== true,
    );
  return {
    graphRoot,
    podman: (args, runOptions) => host.run('podman', [...where, ...args], runOptions),
    async images() {
      for (const removed = new Set<string>(); ;) {
        try {
          const found = await host.json(imagesSchema, 'podman', [...where, 'images', '--all', '--format', 'json']);
          return (found ?? []).map(({ Id, Names, RepoDigests }) => ({
            id: Id,
            names: Names ?? [],
            digests: RepoDigests ?? [],
          }));
        } catch (error) {
          const id = halfMadeImage(error);
          if (id === undefined || removed.has(id)) throw error;
          host.log.warn(`image ${id.slice(0, 12)} was left half-made by a pull that was killed; it is removed`);
          removed.add(id);
          await host.run('podman', [...where, 'rmi', '--force', id], { onStop: 'finish', budgetMs: 300_000 });
        }
      }
    },
    // 125 is podman's word for a name that it cannot read: no such image can be there.
    has: async (name) =>
      (await host.run('podman', [...where, 'image', 'exists', name], { okStatuses: [0, 1, 125] })).status === 0,
    layerDigests: async () => digestsOf(await completeLayers()),
    async looseLayerDigests() {
      const layers = new Map((await completeLayers()).map((layer) => [layer.id, layer]));
      const tops = await readRecords('overlay-images/images.json', topsSchema);
      for (const top of tops.flatMap((image) => [image.layer ?? '', ...(image['mapped-layers'] ?? [])])) {
        for (let id: string | undefined = top; id !== undefined && layers.has(id);) {
          const parent: string | undefined = layers.get(id)?.parent;
          layers.delete(id);
          id = parent;
        }
      }
      return digestsOf([...layers.values()]);
    },
    async isWhole(image) {
      try {
        await host.run(
          'podman',
          [...where, 'save', '--quiet', '--format', 'docker-archive', '--output', '/dev/null', image],
          { budgetMs: Infinity },
        );
        return true;
      } catch (error) {
        if (error instanceof CommandError && error.end.kind === 'exit') return false;
        throw error;
      }
    },
  };
}

/** The image that podman complains of when it cannot list any. */
function halfMadeImage(error: unknown): string | undefined {
  if (!(error instanceof CommandError) || error.end.kind !== 'exit') return undefined;
  return /image(?: with ID)? "([0-9a-f]{64})".*remov(?:e|ing) the image to resolve/.exec(error.stderrTail)?.[1];
}

function digestsOf(layers: readonly StoredLayer[]): Set<string> {
  return new Set(layers.flatMap((layer) => layer['compressed-diff-digest'] ?? []));
}

/** What a check of the store found. */
export type StoreCheck = {
  readonly how: 'podman system check' | 'podman save';
  /** Images that were broken and are gone now; pulling them again fetches only what was broken. */
  readonly dropped: readonly string[];
  /** Layers that could not be checked, because they belong to no image yet. Images that take them up are to be checked (`PullOptions.suspects`). */
  readonly suspects: ReadonlySet<string>;
};

/**
 * Finds what an unclean stop has broken, and drops that only. For the start of a run that finds traces of an earlier one: a power cut
 * leaves files of zero length in layers that the store believes to be complete, and the node would run them.
 *
 * podman 5.1 and later compare every layer with its recorded content themselves (`podman system check --repair`). Before that, saving
 * an image to nowhere makes podman read every file of it against the checksums recorded when it was unpacked.
 *
 * @throws CommandError when the store cannot be read at all
 */
export async function repairStore(host: Host, store: ImageStore): Promise<StoreCheck> {
  const before = await store.images();
  const help = await store.podman(['system', '--help']);
  if (/^\s+check\s/m.test(help.stdout)) {
    await store.podman(['system', 'check', '--repair', '--force'], {
      budgetMs: Infinity,
      onStop: 'finish',
      okStatuses: [0, 125],
    });
    const left = new Set((await store.images()).map(({ id }) => id));
    return {
      how: 'podman system check',
      dropped: before.filter(({ id }) => !left.has(id)).map(nameOfImage),
      suspects: new Set(),
    };
  }
  const dropped: string[] = [];
  for (const image of before) {
    if (host.stop.aborted || (await store.isWhole(image.id))) continue;
    await store.podman(['rmi', '--force', image.id], { onStop: 'finish', budgetMs: 300_000 });
    dropped.push(nameOfImage(image));
  }
  return { how: 'podman save', dropped, suspects: await store.looseLayerDigests() };
}

function nameOfImage({ id, names, digests }: StoredImage): string {
  return names[0] ?? digests[0] ?? id;
}
