import { z } from 'zod/mini';
import { Failure } from '../errors/errors.ts';
import { isDigest } from './reference.ts';

/** Media types that this program asks for, newest first. */
export const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

const digest = z.string().check(z.refine(isDigest, 'not a sha256 or sha512 digest'));
const size = z.number().check(z.int(), z.nonnegative());

/** A blob as manifests name it. */
export type Descriptor = { readonly mediaType: string; readonly digest: string; readonly size: number };
const descriptor = z.object({ mediaType: z.string(), digest, size });

const platformSchema = z.object({
  architecture: z.nullish(z.string()),
  os: z.nullish(z.string()),
  variant: z.nullish(z.string()),
});
/** Go's names: `linux`, `amd64` or `arm64`. */
export type Platform = { readonly os: string; readonly architecture: string; readonly variant?: string };

/** One entry that nobody chooses must not spoil an index: what is wrong with it is looked at when it is chosen. */
const indexSchema = z.object({
  mediaType: z.nullish(z.string()),
  manifests: z.pipe(
    z.array(z.nullable(z.object({ digest: z.nullish(z.string()), platform: z.nullish(platformSchema) }))),
    z.transform((entries) => entries.map((entry) => entry ?? {})),
  ),
});
const imageSchema = z.object({
  mediaType: z.nullish(z.string()),
  config: descriptor,
  layers: z.array(descriptor),
});
const configSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  created: z.optional(z.nullable(z.string())),
  config: z.optional(z.nullable(z.object({ Labels: z.optional(z.nullable(z.record(z.string(), z.string()))) }))),
  rootfs: z.optional(z.object({ diff_ids: z.optional(z.nullable(z.array(z.string()))) })),
});

export type ImageIndex = z.infer<typeof indexSchema>;
export type ImageManifest = z.infer<typeof imageSchema>;

/** What a manifest turned out to be. */
export type Manifest =
  { readonly kind: 'index'; readonly index: ImageIndex } | { readonly kind: 'image'; readonly image: ImageManifest };

/** The parts of an image's configuration that decide something. */
export type ImageConfig = {
  readonly architecture: string;
  readonly os: string;
  /** Undefined when absent or not a date. */
  readonly created: Date | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Digests of the unpacked layers, in order. */
  readonly diffIds: readonly string[];
};

/**
 * Reads a manifest or index, whatever its media type says: the members tell them apart, and registries mislabel.
 *
 * @throws Failure when it is neither, or of schema version 1
 */
export function parseManifest(text: string): Manifest {
  const data = parseJson(text, 'manifest');
  const has = (name: string): boolean => typeof data === 'object' && data !== null && name in data;
  if (has('fsLayers'))
    throw new Failure('image manifest has schema version 1', { next: 'push the image again with a current tool' });
  const isIndex = has('manifests');
  return isIndex
    ? { kind: 'index', index: check(indexSchema, data, 'index') }
    : { kind: 'image', image: check(imageSchema, data, 'manifest') };
}

/** Reads an image configuration. @throws Failure when it is not one */
export function parseConfig(text: string): ImageConfig {
  const data = check(configSchema, parseJson(text, 'configuration'), 'configuration');
  const created = new Date(data.created ?? '');
  return {
    architecture: data.architecture,
    os: data.os,
    created: Number.isNaN(created.getTime()) ? undefined : created,
    labels: data.config?.Labels ?? {},
    diffIds: data.rootfs?.diff_ids ?? [],
  };
}

const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** Variants that a platform runs, the best first (as containers/image does); an architecture without variants takes entries without. */
function variantsFor({ architecture, variant }: Platform): string[] {
  const known: Readonly<Record<string, readonly string[]>> = { arm: ['v8', 'v7', 'v6', 'v5'], arm64: ['v8'] };
  const all = known[architecture] ?? [];
  if (variant === undefined || variant === '') return ['', ...all];
  const at = all.indexOf(variant);
  return [...(at === -1 ? [variant] : all.slice(at)), ''];
}

/**
 * Picks the image of an index for a platform, as podman does: the best variant, of several equal ones the first; without any, the first
 * entry of an OCI index that names no platform.
 *
 * @returns the digest of its manifest
 * @throws Failure listing what the index has
 */
export function chooseByPlatform(index: ImageIndex, wanted: Platform): string {
  const fits = index.manifests.filter(
    ({ platform }) => platform?.os === wanted.os && platform.architecture === wanted.architecture,
  );
  const byVariant = variantsFor(wanted).map((each) => fits.find(({ platform }) => (platform?.variant ?? '') === each));
  const chosen =
    byVariant.find((entry) => entry !== undefined) ??
    (index.mediaType === dockerList
      ? undefined
      : index.manifests.find(({ platform }) => platform === undefined || platform === null));
  if (chosen === undefined) throw noVariant(index, wanted);
  if (isDigest(chosen.digest ?? '')) return chosen.digest ?? '';
  throw new Failure(`image for ${wanted.os}/${wanted.architecture} cannot be verified`, {
    why: `its index names it by the digest "${chosen.digest ?? ''}"; known are sha256 and sha512`,
    next: 'push the image again with a current tool',
  });
}

function noVariant(index: ImageIndex, { os, architecture }: Platform): Failure {
  const present = index.manifests.flatMap(({ platform }) =>
    platform === undefined || platform === null || platform.os === 'unknown'
      ? []
      : [[platform.os ?? '', platform.architecture ?? '', platform.variant ?? []].flat().join('/')],
  );
  return new Failure(`image has no variant for ${os}/${architecture}`, {
    why: present.length === 0 ? 'its index names no platform' : `its index has ${[...new Set(present)].join(', ')}`,
    next: `push an image for ${os}/${architecture}, or take another`,
  });
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(`image ${what} is not JSON`, { next: 'push the image again with a current tool', cause: error });
  }
}

function check<T extends z.ZodMiniType>(schema: T, data: unknown, what: string): z.infer<T> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Failure(`image ${what} has an unexpected form`, {
    why: issue === undefined ? 'unknown reason' : `${issue.path.join('.')}: ${issue.message}`,
    next: 'push the image again with a current tool',
  });
}
