import { createHash } from 'node:crypto';
import { Failure } from '../errors/errors.ts';
import { placeName, type Place } from '../image/mirrors.ts';
import {
  chooseByPlatform,
  manifestTypes,
  parseConfig,
  parseManifest,
  type Descriptor,
  type ImageConfig,
  type Platform,
} from '../image/manifest.ts';
import { nameOf, pinnedTo, printReference, type ImageReference } from '../image/reference.ts';
import type { Client } from './client.ts';
import { RegistryFailure } from './trouble.ts';

/** What a reference stands for at this moment, fixed by digests that were verified. */
export type InspectedManifest = {
  /** As asked, in full form. */
  readonly reference: string;
  /** Of what the reference names: an index or a manifest. */
  readonly digest: string;
  /** `registry/repository@digest`: the same content for ever. */
  readonly pinned: string;
  /** Of the manifest for the platform (equal to `digest` without an index). */
  readonly manifestDigest: string;
  readonly mediaType: string;
  readonly configDigest: Descriptor;
  /** Base first. */
  readonly layers: readonly Descriptor[];
  /** `registry/repository` that answered: a mirror, perhaps. */
  readonly location: string;
  /** Places for its blobs, the one that answered first. */
  readonly places: readonly Place[];
  /** The registry's clock, for comparison with ours. */
  readonly serverDate: Date | undefined;
};

/** With the image's configuration. */
export type InspectedImage = InspectedManifest & { readonly config: ImageConfig };

export type InspectWish = {
  readonly reference: ImageReference;
  readonly places: readonly Place[];
  readonly platform: Platform;
  readonly signal?: AbortSignal | undefined;
};

const manifestLimit = 16 * 1024 * 1024;

/**
 * Looks an image up at its places, in order, once. The first that has it wins.
 *
 * @throws RegistryFailure of the place, or a summary when there were several
 */
export async function inspectManifest(client: Client, wish: InspectWish): Promise<InspectedManifest> {
  return atFirstOf(wish.places, printReference(wish.reference), (place) => inspectAt(client, place, wish));
}

/** The same with the configuration, from the same place. */
export async function inspectImage(client: Client, wish: InspectWish): Promise<InspectedImage> {
  return atFirstOf(wish.places, printReference(wish.reference), async (place) => {
    const found = await inspectAt(client, place, wish);
    const { digest, size } = found.configDigest;
    const config = await fetchVerified(
      client,
      place,
      `blobs/${digest}`,
      `${nameOf(wish.reference)}@${digest}`,
      digest,
      wish.signal,
    );
    if (config.bytes.length !== size)
      throw new RegistryFailure(
        'content',
        `configuration of "${found.reference}" has ${config.bytes.length} bytes, its manifest says ${size}`,
        { next: 'push the image again with a current tool' },
      );
    return { ...found, config: parseConfig(config.bytes.toString('utf8')) };
  });
}

async function inspectAt(
  client: Client,
  place: Place,
  { reference, places, platform, signal }: InspectWish,
): Promise<InspectedManifest> {
  const asked = printReference(reference);
  const { digest: wantedDigest, tag } = place.reference;
  const top = await fetchVerified(
    client,
    place,
    `manifests/${wantedDigest ?? tag ?? 'latest'}`,
    asked,
    wantedDigest,
    signal,
  );
  const first = parseManifest(top.bytes.toString('utf8'));
  const chosen = first.kind === 'index' ? chooseByPlatform(first.index, platform) : undefined;
  const own =
    chosen === undefined
      ? top
      : await fetchVerified(client, place, `manifests/${chosen}`, `${nameOf(reference)}@${chosen}`, chosen, signal);
  const manifest = parseManifest(own.bytes.toString('utf8'));
  if (manifest.kind !== 'image')
    throw new RegistryFailure('protocol', `index of "${asked}" leads to another index`, {
      next: 'push the image again with a current tool',
    });
  return {
    reference: asked,
    digest: top.digest,
    pinned: pinnedTo(reference, top.digest),
    manifestDigest: own.digest,
    mediaType: manifest.image.mediaType ?? own.mediaType,
    configDigest: manifest.image.config,
    layers: manifest.image.layers,
    location: placeName(place),
    places: [place, ...places.filter((other) => other !== place)],
    serverDate: top.date,
  };
}

/** Runs an attempt at each place until one succeeds. */
async function atFirstOf<T>(
  places: readonly Place[],
  asked: string,
  attempt: (place: Place) => Promise<T>,
): Promise<T> {
  const failures: Failure[] = [];
  for (const place of places) {
    try {
      return await attempt(place);
    } catch (error) {
      if (!(error instanceof Failure) || error.exitCode === 75) throw error;
      failures.push(error);
    }
  }
  throw ofSeveral(failures, asked);
}

/**
 * One failure for several places. It is worth another try when any of them may recover; but a place that answered "no" outweighs one
 * that cannot be reached at all: behind a mirror the public registry is out of reach by design.
 */
export function ofSeveral(failures: readonly Failure[], asked: string): Failure {
  const [first, ...others] = failures;
  if (first === undefined) return new Failure(`image "${asked}" has no place to come from`);
  if (others.length === 0) return first;
  const answeredNo = failures.find((each) => !each.transient);
  const comesBack = failures.find(
    (each) => each instanceof RegistryFailure && each.transient && each.kind !== 'unreachable',
  );
  const lead = comesBack ?? answeredNo ?? first;
  const why = failures
    .map((each) => (each.why === undefined ? each.message : `${each.message} (${each.why})`))
    .join('; ');
  const details = { why, ...(lead.next === undefined ? {} : { next: lead.next }), cause: lead };
  const kind = lead instanceof RegistryFailure ? lead.kind : 'protocol';
  return new RegistryFailure(kind, `no place gave "${asked}"`, {
    ...details,
    ...(lead instanceof RegistryFailure && lead.retryAfterMs !== undefined ? { retryAfterMs: lead.retryAfterMs } : {}),
  });
}

type Verified = {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
  readonly date: Date | undefined;
};

async function fetchVerified(
  client: Client,
  place: Place,
  path: string,
  wanted: string,
  digest: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Verified> {
  const accept = path.startsWith('manifests/') ? { headers: { accept: manifestTypes.join(', ') } } : {};
  const reply = await client.get(place, { path, wanted, signal, ...accept });
  const bytes = await client.wire.text(reply, { registry: place.reference.registry, wanted }, manifestLimit, signal);
  const algorithm = digest?.split(':', 1)[0] ?? 'sha256';
  const found = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
  if (digest !== undefined && found !== digest) {
    throw new RegistryFailure('content', `registry "${place.reference.registry}" gave something else for "${wanted}"`, {
      why: `its content has the digest ${found}`,
      next: 'push the image to the registry again; a cache or proxy on the way may be at fault',
    });
  }
  const date = new Date(reply.headers.date ?? '');
  return {
    bytes,
    digest: found,
    mediaType: (reply.headers['content-type'] ?? '').split(';', 1)[0] ?? '',
    date: Number.isNaN(date.getTime()) ? undefined : date,
  };
}
