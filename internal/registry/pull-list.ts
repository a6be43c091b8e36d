import { Failure, messageOf } from '../errors/errors.ts';
import { nameOf, parseReference, printReference, sourceName } from '../image/reference.ts';
import { inspectManifestAgreed } from './agreement.ts';
import type { InspectedManifest } from './inspect.ts';
import { localImageTrouble } from './local-image.ts';
import type { PlannedImage } from './pull-plan.ts';
import type { Registry } from './registry.ts';
import type { StoredImage } from './store.ts';

/** An image of the list with what decides whether and when it is pulled. */
export type ListedImage = PlannedImage & {
  readonly isPresent: boolean;
  /** Why no pull can bring it. */
  readonly hopeless?: Failure;
};

export type ListOptions = {
  readonly say: (text: string) => void;
  readonly stop: AbortSignal;
  readonly signal?: AbortSignal | undefined;
  /** Manifests asked for at once. */
  readonly atOnce?: number;
  /** Time without any answer after which manifests are done without. Default: 2 minutes. */
  readonly patienceMs?: number;
};

/**
 * Reads the manifests of all images. One that cannot be read is still pulled, only without a plan: podman may reach what we may not
 * (credential helpers, short names), and it has the last word on what does not exist.
 */
export async function listImages(
  registry: Registry,
  names: readonly string[],
  stored: readonly StoredImage[],
  options: ListOptions,
): Promise<ListedImage[]> {
  const quiet = new AbortController();
  const timer = setTimeout(() => {
    quiet.abort(new Failure('no registry answered for too long'));
  }, options.patienceMs ?? 120_000);
  const signal = AbortSignal.any([quiet.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  // Many images wait for one registry: one line in ten seconds tells as much as one for each.
  let saidMs = -Infinity;
  const onRetry = (error: Failure): void => {
    if (performance.now() - saidMs < 10_000) return;
    saidMs = performance.now();
    options.say(`waiting for manifests: ${error.message}${error.why === undefined ? '' : ` (${error.why})`}`);
  };
  const unread = new Map<string, string>();
  const look = async (name: string): Promise<ListedImage> => {
    const spellings = spellingsOf(name);
    const there = stored.filter((image) => [...image.names, ...image.digests].some((each) => spellings.includes(each)));
    let repository = name;
    try {
      const reference = parseReference(name);
      repository = nameOf(reference);
      // Content that a digest names cannot have changed: no question is needed.
      if (reference.digest !== undefined && there.length > 0)
        return { name, repository, imageId: there[0]?.id, layers: [], isPresent: true };
      const manifest = await inspectManifestAgreed(registry, name, { signal, onRetry });
      timer.refresh();
      return {
        name,
        repository,
        imageId: manifest.configDigest.digest,
        layers: manifest.layers,
        isPresent: holds(stored, name, manifest),
      };
    } catch (error) {
      if (options.stop.aborted || options.signal?.aborted === true) throw error;
      if (registry.isOnlyLocal(name) && error instanceof Failure)
        return {
          name,
          repository,
          imageId: there[0]?.id,
          layers: [],
          isPresent: there.length > 0,
          ...(there.length > 0 ? {} : { hopeless: localImageTrouble(name, 'listed', error) }),
        };
      unread.set(name, sentenceOf(error));
      return { name, repository, imageId: undefined, layers: undefined, isPresent: false };
    }
  };
  try {
    const images = await mapBounded(names, look, options.atOnce ?? 8);
    const first = names.find((name) => unread.has(name));
    if (first !== undefined)
      options.say(
        `manifests of ${unread.size} of ${names.length} images could not be read, which are pulled one at a time within a repository: ${unread.get(first) ?? ''}`,
      );
    return images;
  } finally {
    clearTimeout(timer);
  }
}

/** True when the store has this very content under this very name. */
function holds(stored: readonly StoredImage[], name: string, manifest: InspectedManifest): boolean {
  const repository = nameOf(parseReference(name));
  const spellings = spellingsOf(name);
  return stored.some(
    ({ names, digests }) =>
      spellings.some((spelling) => names.includes(spelling)) &&
      [manifest.digest, manifest.manifestDigest].some((digest) => digests.includes(`${repository}@${digest}`)),
  );
}

/** How the store may have noted a name: as given, in full, or without the tag that podman drops beside a digest. */
function spellingsOf(name: string): string[] {
  try {
    const reference = parseReference(name);
    return [name, printReference(reference), sourceName(reference)];
  } catch {
    return [name];
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Failure && error.why !== undefined ? `${error.message} (${error.why})` : messageOf(error);
}

async function mapBounded<T, R>(items: readonly T[], map: (item: T) => Promise<R>, most: number): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await map(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return results;
}
