import { parse } from 'smol-toml';
import { z } from 'zod/mini';
import { UsageError, messageOf } from '../errors/errors.ts';
import { nameOf, parseReference, printReference, type ImageReference } from './reference.ts';

/** When a mirror may be asked: for every reference, only for digests, or only for tags. */
export type MirrorUse = 'all' | 'digest-only' | 'tag-only';

/** One `[[registry]]` table, with all defaults filled in. */
export type RegistryRule = {
  /** `host[:port][/path]` or `*.domain`; compared with whole references. */
  readonly prefix: string;
  /** Replaces the prefix; empty for a wildcard rule that only sets flags. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly { readonly location: string; readonly insecure: boolean; readonly use: MirrorUse }[];
};

/** What registries.conf and its drop-ins say together. */
export type MirrorRules = {
  readonly unqualifiedSearch: readonly string[];
  /** Programs asked for credentials before or beside the auth file. */
  readonly credentialHelpers: readonly string[];
  readonly rules: readonly RegistryRule[];
};

/** One place where an image may be found. */
export type Place = {
  readonly reference: ImageReference;
  /** TLS is not verified, and plain HTTP is tried when there is no TLS. */
  readonly insecure: boolean;
  readonly isMirror: boolean;
};

/** Text of a configuration file and the name to blame. */
export type ConfigText = { readonly path: string; readonly text: string };

const optionalFlag = z.optional(z.boolean());
const fileSchema = z.object({
  'unqualified-search-registries': z.optional(z.array(z.string())),
  'credential-helpers': z.optional(z.array(z.string())),
  registry: z.optional(
    z.array(
      z.object({
        prefix: z.optional(z.string()),
        location: z.optional(z.string()),
        insecure: optionalFlag,
        blocked: optionalFlag,
        'mirror-by-digest-only': optionalFlag,
        mirror: z.optional(
          z.array(
            z.object({
              location: z.string(),
              insecure: optionalFlag,
              'pull-from-mirror': z.optional(z.enum(['all', 'digest-only', 'tag-only', ''])),
            }),
          ),
        ),
      }),
    ),
  ),
});
type FileRule = NonNullable<z.infer<typeof fileSchema>['registry']>[number];

/**
 * Reads registries.conf version 2 (containers-registries.conf(5)). Files are given in reading order: the main file, then the
 * drop-ins by name. A later file replaces rules of the same prefix as a whole, and lists it sets.
 *
 * @throws UsageError naming file and fault
 */
export function parseMirrorRules(files: readonly ConfigText[]): MirrorRules {
  let unqualifiedSearch: readonly string[] = [];
  let credentialHelpers: readonly string[] = [];
  const rules = new Map<string, RegistryRule>();
  for (const file of files) {
    const data = parseFile(file);
    unqualifiedSearch = data['unqualified-search-registries'] ?? unqualifiedSearch;
    credentialHelpers = data['credential-helpers'] ?? credentialHelpers;
    for (const entry of data.registry ?? []) {
      const rule = toRule(entry, file.path);
      rules.set(rule.prefix, rule);
    }
  }
  return { unqualifiedSearch, credentialHelpers, rules: [...rules.values()] };
}

/**
 * The places to try for a reference, best first: the mirrors of the longest matching rule that serve this kind of reference, then the
 * place itself. A blocked place is left out, so a blocked source with mirrors yields the mirrors only (NeverContactSource).
 *
 * @throws UsageError when nothing is left
 */
export function resolvePlaces(rules: MirrorRules, reference: ImageReference): Place[] {
  const full = printReference(reference);
  const match = findRule(rules, full);
  const own: Place = {
    reference: match === undefined ? reference : rewritten(reference, match, match.rule.location),
    insecure: match?.rule.insecure ?? false,
    isMirror: false,
  };
  const mirrors = (match?.rule.mirrors ?? [])
    .filter(({ use }) => use === 'all' || (use === 'digest-only') === (reference.digest !== undefined))
    .map((mirror): Place => ({
      reference: rewritten(reference, match, mirror.location),
      insecure: mirror.insecure,
      isMirror: true,
    }));
  const places = [...mirrors, own].flatMap((place) => {
    const there = findRule(rules, printReference(place.reference))?.rule;
    return there?.blocked === true ? [] : [{ ...place, insecure: place.insecure || there?.insecure === true }];
  });
  if (places.length === 0)
    throw new UsageError(
      `registry "${match?.rule.prefix ?? reference.registry}" is blocked in registries.conf and has no mirror for "${full}"`,
    );
  return places;
}

type Match = { readonly rule: RegistryRule; readonly length: number };

/** The rule whose prefix covers most of the reference. */
function findRule(rules: MirrorRules, full: string): Match | undefined {
  return rules.rules
    .map((rule) => ({ rule, length: matchedLength(full, rule.prefix) }))
    .reduce<Match | undefined>((best, match) => (match.length > (best?.length ?? 0) ? match : best), undefined);
}

/** How much of the reference the prefix covers: whole path segments, or zero. */
function matchedLength(full: string, prefix: string): number {
  let length = prefix.length;
  if (prefix.startsWith('*.')) {
    const start = full.indexOf(prefix.slice(1));
    if (start < 1 || full.slice(0, start).includes('/')) return 0;
    length = start + prefix.length - 1;
  } else if (!full.startsWith(prefix)) {
    return 0;
  }
  return length === full.length || '/:@'.includes(full.charAt(length)) ? length : 0;
}

function rewritten(reference: ImageReference, match: Match | undefined, location: string): ImageReference {
  if (match === undefined || location === '') return reference;
  const rest = printReference(reference).slice(match.length);
  return parseReference(`${location}${rest}`);
}

function parseFile({ path, text }: ConfigText): z.infer<typeof fileSchema> {
  let data: unknown;
  try {
    data = parse(text);
  } catch (error) {
    throw new UsageError(`"${path}" is not TOML`, { why: messageOf(error).split('\n', 1).join(''), cause: error });
  }
  const result = fileSchema.safeParse(data);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new UsageError(`"${path}" is not a registries.conf of version 2`, {
    why: issue === undefined ? 'unknown reason' : `${issue.path.join('.')}: ${issue.message}`,
  });
}

function toRule(entry: FileRule, path: string): RegistryRule {
  const location = trimSlash(entry.location ?? '');
  const prefix = trimSlash(entry.prefix ?? '') || location;
  if (prefix === '') throw new UsageError(`"${path}" has a registry with neither prefix nor location`);
  if (location === '' && !prefix.startsWith('*.'))
    throw new UsageError(`"${path}" has no location for the prefix "${prefix}"`);
  const byDigestOnly = entry['mirror-by-digest-only'] === true;
  return {
    prefix,
    location,
    insecure: entry.insecure ?? false,
    blocked: entry.blocked ?? false,
    mirrors: (entry.mirror ?? []).map((mirror) => {
      const use = mirror['pull-from-mirror'] ?? '';
      if (byDigestOnly && use !== '')
        throw new UsageError(
          `"${path}" sets both mirror-by-digest-only and pull-from-mirror for "${prefix}"; keep one`,
        );
      return {
        location: trimSlash(mirror.location),
        insecure: mirror.insecure ?? false,
        use: use === '' ? (byDigestOnly ? 'digest-only' : 'all') : use,
      };
    }),
  };
}

function trimSlash(text: string): string {
  return text.replace(/\/+$/, '');
}

/** The registries that mirrors stand for: of each rule's location the text before its first slash, each once. */
export function mirrorSources(rules: MirrorRules): string[] {
  return [...new Set(rules.rules.map(({ location }) => location.split('/', 1)[0] ?? '').filter((host) => host !== ''))];
}

/** The rules' own name of a repository, for messages. */
export function placeName(place: Place): string {
  return nameOf(place.reference);
}
