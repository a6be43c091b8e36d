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

const platformSchema = z.object({ architecture: z.string(), os: z.string(), variant: z.optional(z.string()) });
/** Go's names: `linux`, `amd64` or `arm64`. */
export type Platform = { readonly os: string; readonly architecture: string; readonly variant?: string };

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.string()),
  manifests: z.array(z.extend(descriptor, { platform: z.optional(platformSchema) })),
});
const imageSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.string()),
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
  if (typeof data === 'object' && data !== null && 'schemaVersion' in data && data.schemaVersion === 1) {
    throw new Failure('image manifest has schema version 1; push the image again with a current tool');
  }
  const isIndex = typeof data === 'object' && data !== null && 'manifests' in data;
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

/**
 * Picks the image of an index for a platform. A variant decides only among several that fit.
 *
 * @throws Failure listing what the index has
 */
export function chooseByPlatform(index: ImageIndex, wanted: Platform): Descriptor {
  const fitting = index.manifests.filter(
    ({ platform }) => platform?.os === wanted.os && platform.architecture === wanted.architecture,
  );
  const chosen = fitting.find(({ platform }) => platform?.variant === wanted.variant) ?? fitting[0];
  if (chosen !== undefined) return chosen;
  const present = index.manifests.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown' ? [] : [`${platform.os}/${platform.architecture}`],
  );
  throw new Failure(`image has no variant for ${wanted.os}/${wanted.architecture}`, {
    why: present.length === 0 ? 'its index names no platform' : `its index has ${[...new Set(present)].join(', ')}`,
  });
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(`image ${what} is not JSON`, { cause: error });
  }
}

function check<T extends z.ZodMiniType>(schema: T, data: unknown, what: string): z.infer<T> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Failure(`image ${what} has an unexpected form`, {
    why: issue === undefined ? 'unknown reason' : `${issue.path.join('.')}: ${issue.message}`,
  });
}
