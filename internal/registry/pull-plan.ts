/** A layer to fetch. */
export type PlannedLayer = { readonly digest: string; readonly size: number };

/** One image of the list, as far as the order of pulls depends on it. */
export type PlannedImage = {
  /** Name as in the list. */
  readonly name: string;
  /** Digest of its configuration: two names of one image must not be pulled at once (podman has corrupted its store that way). */
  readonly imageId: string | undefined;
  /** Undefined when the manifest could not be read; then nothing else of its repository runs beside it. */
  readonly layers: readonly PlannedLayer[] | undefined;
  readonly repository: string;
};

/**
 * Decides which pull starts next.
 *
 * INVARIANTS
 * - Two running pulls never fetch the same missing layer, so each unique layer crosses the network once.
 * - Two running pulls never have the same image.
 * - Every image is handed out, and once more after each `again`.
 */
export type PullSchedule = {
  /** Bytes of all layers that are missing, each once. */
  readonly totalBytes: number;
  /** The next image to pull; undefined when all that wait are blocked by running ones, or none waits. It counts as running. */
  next(): PlannedImage | undefined;
  /** It is in the store, and with it its layers. */
  done(image: PlannedImage): void;
  /** Its attempt has ended without it; `landed` are layers that the store has all the same. The others are free for other pulls. */
  failed(image: PlannedImage, landed?: ReadonlySet<string>): void;
  /** A failed one waits for its turn again. */
  again(image: PlannedImage): void;
  /** Layers of an image that are still missing. */
  missing(image: PlannedImage): PlannedLayer[];
};

/** Makes the schedule. `present` are digests of layers that the store already has. */
export function schedulePulls(images: readonly PlannedImage[], present: ReadonlySet<string>): PullSchedule {
  const have = new Set(present);
  const waiting = new Set(images);
  const running = new Set<PlannedImage>();
  const taken = new Map<PlannedImage, readonly string[]>();
  const missing = (image: PlannedImage): PlannedLayer[] =>
    uniqueLayers(image.layers ?? []).filter(({ digest }) => !have.has(digest));

  const isBlocked = (image: PlannedImage, layersTaken: ReadonlySet<string>): boolean =>
    missing(image).some(({ digest }) => layersTaken.has(digest)) ||
    [...running].some(
      (other) =>
        sameImage(image, other) ||
        ((image.layers === undefined || other.layers === undefined) && image.repository === other.repository),
    );

  const end = (image: PlannedImage): void => {
    running.delete(image);
    taken.delete(image);
  };

  return {
    totalBytes: sum(
      uniqueLayers(images.flatMap(({ layers }) => layers ?? [])).filter(({ digest }) => !have.has(digest)),
    ),
    next() {
      const layersTaken = new Set([...taken.values()].flat());
      const free = [...waiting].filter((image) => !isBlocked(image, layersTaken));
      const chosen = best(free, demand([...waiting], missing), missing);
      if (chosen === undefined) return undefined;
      waiting.delete(chosen);
      running.add(chosen);
      taken.set(
        chosen,
        missing(chosen).map(({ digest }) => digest),
      );
      return chosen;
    },
    done(image) {
      end(image);
      for (const { digest } of image.layers ?? []) have.add(digest);
    },
    failed(image, landed) {
      end(image);
      for (const { digest } of image.layers ?? []) if (landed?.has(digest) === true) have.add(digest);
    },
    again: (image) => {
      waiting.add(image);
    },
    missing,
  };
}

/** How many waiting images want a layer. */
function demand(
  images: readonly PlannedImage[],
  missing: (image: PlannedImage) => PlannedLayer[],
): Map<string, number> {
  const wanted = new Map<string, number>();
  for (const { digest } of images.flatMap(missing)) wanted.set(digest, (wanted.get(digest) ?? 0) + 1);
  return wanted;
}

/**
 * The image that unlocks most for what it costs: bytes that others wait for, per byte it fetches. So a shared base comes first, and
 * with the image that adds least to it. Among images that unlock nothing the largest goes first, for the end to be short.
 */
function best(
  images: readonly PlannedImage[],
  wanted: ReadonlyMap<string, number>,
  missing: (image: PlannedImage) => PlannedLayer[],
): PlannedImage | undefined {
  let chosen: { image: PlannedImage; worth: number; cost: number } | undefined;
  for (const image of images) {
    const layers = missing(image);
    const cost = sum(layers);
    const worth =
      cost === 0
        ? 0
        : layers.reduce((total, { digest, size }) => total + size * ((wanted.get(digest) ?? 1) - 1), 0) / cost;
    if (chosen === undefined || worth > chosen.worth || (worth === chosen.worth && cost > chosen.cost))
      chosen = { image, worth, cost };
  }
  return chosen?.image;
}

function sameImage(one: PlannedImage, other: PlannedImage): boolean {
  return one.imageId !== undefined && one.imageId === other.imageId;
}

function uniqueLayers(layers: readonly PlannedLayer[]): PlannedLayer[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}

function sum(layers: readonly PlannedLayer[]): number {
  return layers.reduce((total, { size }) => total + size, 0);
}
