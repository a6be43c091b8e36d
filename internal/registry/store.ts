import { join } from 'node:path';
import { z } from 'zod/mini';
import { CommandError, messageOf } from '../errors/errors.ts';
import { readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import type { CommandResult, RunOptions } from '../host/run.ts';

/** An image as the store knows it. */
export type StoredImage = { readonly id: string; readonly names: readonly string[]; /** `registry/repository@digest` */ readonly digests: readonly string[] };

/** The image store of podman (and CRI-O), by default /var/lib/containers/storage. */
export type ImageStore = {
  readonly graphRoot: string;
  /** Runs podman on this store. */
  podman(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  images(): Promise<StoredImage[]>;
  has(name: string): Promise<boolean>;
  /** Digests of the compressed layers that are present; a pull does not fetch them again. */
  layerDigests(): Promise<Set<string>>;
};

export type StoreOptions = {
  /** Graph root; default: podman's own. */
  readonly root?: string;
  readonly runRoot?: string;
};

const imagesSchema = z.nullable(z.array(z.object({
  Id: z.string(),
  Names: z.optional(z.nullable(z.array(z.string()))),
  RepoDigests: z.optional(z.nullable(z.array(z.string()))),
})));
const layersSchema = z.array(z.object({ 'compressed-diff-digest': z.optional(z.string()), flags: z.optional(z.nullable(z.record(z.string(), z.unknown()))) }));

/** Opens the store. Nothing is started before the first question. */
export function openStore(host: Host, options: StoreOptions = {}): ImageStore {
  const where = [...(options.root === undefined ? [] : ['--root', options.root]), ...(options.runRoot === undefined ? [] : ['--runroot', options.runRoot])];
  const graphRoot = options.root ?? '/var/lib/containers/storage';
  return {
    graphRoot,
    podman: (args, runOptions) => host.run('podman', [...where, ...args], runOptions),
    async images() {
      const found = await host.json(imagesSchema, 'podman', [...where, 'images', '--all', '--format', 'json']);
      return (found ?? []).map(({ Id, Names, RepoDigests }) => ({ id: Id, names: Names ?? [], digests: RepoDigests ?? [] }));
    },
    has: (name) => host.test('podman', [...where, 'image', 'exists', name]),
    async layerDigests() {
      // The file is private to containers/storage, but no command of podman tells digests of compressed layers. Not
      // understanding it costs bytes, never correctness.
      try {
        const text = await readTextIfPresent(join(graphRoot, 'overlay-layers/layers.json'));
        const layers = layersSchema.parse(JSON.parse(text ?? '[]'));
        return new Set(layers.flatMap((layer) => (layer['compressed-diff-digest'] === undefined || layer.flags?.['incomplete'] === true ? [] : [layer['compressed-diff-digest']])));
      } catch (error) {
        host.log.debug(`layers of the image store are not known: ${messageOf(error)}`);
        return new Set();
      }
    },
  };
}

/** What a check of the store found. */
export type StoreCheck = {
  readonly how: 'podman system check' | 'podman save';
  /** Images that were broken and are gone now; pulling them again fetches only what was broken. */
  readonly dropped: readonly string[];
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
  if (before.length === 0) return { how: 'podman save', dropped: [] };
  const help = await store.podman(['system', '--help']);
  if (/^\s+check\s/m.test(help.stdout)) {
    await store.podman(['system', 'check', '--repair', '--force'], { budgetMs: Infinity, onStop: 'finish', okStatuses: [0, 125] });
    const left = new Set((await store.images()).map(({ id }) => id));
    return { how: 'podman system check', dropped: before.filter(({ id }) => !left.has(id)).map(nameOfImage) };
  }
  const dropped: string[] = [];
  for (const image of before) {
    if (host.stop.aborted || (await isWhole(store, image))) continue;
    await store.podman(['rmi', '--force', image.id], { onStop: 'finish', budgetMs: 300_000 });
    dropped.push(nameOfImage(image));
  }
  return { how: 'podman save', dropped };
}

async function isWhole(store: ImageStore, image: StoredImage): Promise<boolean> {
  try {
    await store.podman(['save', '--quiet', '--format', 'docker-archive', '--output', '/dev/null', image.id], { budgetMs: Infinity });
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.end.kind === 'exit') return false;
    throw error;
  }
}

function nameOfImage({ id, names, digests }: StoredImage): string {
  return names[0] ?? digests[0] ?? id;
}
