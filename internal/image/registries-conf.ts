import { parse } from 'smol-toml';
import { z } from 'zod/mini';
import { UsageError, messageOf } from '../errors/errors.ts';

/** Text of a configuration file and the name to blame. */
export type ConfigText = { readonly path: string; readonly text: string };

const flag = z.optional(z.boolean());
const text = z.optional(z.string());
const texts = z.optional(z.array(z.string()));
const list = z.optional(z.object({ registries: texts }));
const fileSchema = z.object({
  'unqualified-search-registries': texts,
  'credential-helpers': texts,
  'short-name-mode': text,
  aliases: z.optional(z.record(z.string(), z.string())),
  registry: z.optional(
    z.array(
      z.object({
        prefix: text,
        location: text,
        insecure: flag,
        blocked: flag,
        'mirror-by-digest-only': flag,
        'pull-from-mirror': text,
        mirror: z.optional(z.array(z.object({ location: text, insecure: flag, 'pull-from-mirror': text }))),
      }),
    ),
  ),
  // Version 1, which podman still reads.
  registries: z.optional(z.object({ search: list, insecure: list, block: list })),
});

/** A registries.conf in the terms of version 2. */
export type RegistriesConf = Omit<z.infer<typeof fileSchema>, 'registries'> & {
  /** What the file was written in. */
  readonly version: 1 | 2;
};
export type RegistryTable = NonNullable<RegistriesConf['registry']>[number];

/**
 * Reads one registries.conf as podman reads it (c/image: pkg/sysregistriesv2): version 1 is turned into version 2, drop-ins must be of
 * version 2, names of keys count in any case.
 *
 * @throws UsageError naming file and fault
 */
export function readRegistriesConf({ path, text: content }: ConfigText, isDropIn: boolean): RegistriesConf {
  const { registries, ...rest } = checked(path, content);
  const conf = { ...rest, version: 2 as const };
  const {
    search = [],
    insecure = [],
    block = [],
  } = {
    search: registries?.search?.registries,
    insecure: registries?.insecure?.registries,
    block: registries?.block?.registries,
  };
  if (search.length + insecure.length + block.length === 0) return conf;
  const rewrite = 'write it in version 2: [[registry]] tables with "location", "insecure", "blocked"';
  if (isDropIn)
    throw new UsageError(`"${path}" is a registries.conf of version 1, which podman does not take as a drop-in`, {
      next: rewrite,
    });
  if (hasContent(rest))
    throw new UsageError(`"${path}" mixes version 1 and 2 of registries.conf, which podman does not take`, {
      next: rewrite,
    });
  return {
    version: 1,
    'unqualified-search-registries': search,
    registry: [...new Set([...block, ...insecure])].map((location) => ({
      location,
      blocked: block.includes(location),
      insecure: insecure.includes(location),
    })),
  };
}

function hasContent(conf: Omit<RegistriesConf, 'version'>): boolean {
  return Object.values(conf).some((value) => value !== undefined && Object.keys(value).length > 0);
}

function checked(path: string, content: string): z.infer<typeof fileSchema> {
  let data: unknown;
  try {
    data = parse(content.replace(/^\uFEFF/, ''), { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    throw new UsageError(`"${path}" is not TOML`, {
      why: messageOf(error).split('\n', 1).join(''),
      next: `correct "${path}"`,
      cause: error,
    });
  }
  const result = fileSchema.safeParse(lowerCaseKeys(data));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new UsageError(`"${path}" is not a registries.conf that podman reads`, {
    why: issue === undefined ? 'unknown reason' : `${issue.path.join('.')}: ${issue.message}`,
    next: `correct "${path}"`,
  });
}

/** podman's TOML reader finds `Location` as well as `location`. */
function lowerCaseKeys(data: unknown, isTop = true): unknown {
  if (Array.isArray(data)) return data.map((each) => lowerCaseKeys(each, false));
  if (typeof data !== 'object' || data === null || data instanceof Date) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => {
      const name = key.toLowerCase();
      // The keys of aliases are the short names themselves.
      return [name, isTop && name === 'aliases' ? (value as unknown) : lowerCaseKeys(value, false)];
    }),
  );
}
