import { UsageError, messageOf } from '../errors/errors.ts';
import { nameOf, parseReference, printReference, type ImageReference } from './reference.ts';
import { readRegistriesConf, type ConfigText, type RegistriesConf, type RegistryTable } from './registries-conf.ts';

/** When a mirror may be asked: for every reference, only for digests, or only for tags. */
export type MirrorUse = 'all' | 'digest-only' | 'tag-only';
const mirrorUses: readonly string[] = ['all', 'digest-only', 'tag-only', ''];

/** One `[[registry]]` table, with all defaults filled in. */
export type RegistryRule = {
  /** `host[:port][/path]` or `*.domain`; compared with repositories. */
  readonly prefix: string;
  /** Replaces the prefix; empty for a wildcard rule that only sets flags. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
  /** The file that has it, and the version of its form. */
  readonly path: string;
  readonly version: 1 | 2;
};

export type Mirror = {
  readonly location: string;
  readonly insecure: boolean;
  readonly use: MirrorUse;
  /** The location ended in a slash. Older podman makes names with "//" of it, and refuses every image of the rule. */
  readonly endsInSlash: boolean;
};

/** What registries.conf and its drop-ins say together. */
export type MirrorRules = {
  readonly unqualifiedSearch: readonly string[];
  /** Programs asked for credentials before or beside the auth file. */
  readonly credentialHelpers: readonly string[];
  readonly rules: readonly RegistryRule[];
  /** Full names for names without a registry. */
  readonly aliases: ReadonlyMap<string, string>;
};

/** One place where an image may be found. */
export type Place = {
  readonly reference: ImageReference;
  /** TLS is not verified, and plain HTTP is tried when there is no TLS. */
  readonly insecure: boolean;
  readonly isMirror: boolean;
};

/**
 * Reads registries.conf (containers-registries.conf(5)) and its drop-ins in reading order. Within a file the first rule of a prefix
 * counts; a later file replaces it as a whole, and lists that it sets.
 *
 * @throws UsageError naming file and fault
 */
export function parseMirrorRules(main: ConfigText | undefined, dropIns: readonly ConfigText[] = []): MirrorRules {
  let unqualifiedSearch: readonly string[] = [];
  let credentialHelpers: readonly string[] = [];
  const rules = new Map<string, RegistryRule>();
  const aliases = new Map<string, string>();
  for (const file of main === undefined ? dropIns : [main, ...dropIns]) {
    const conf = readRegistriesConf(file, file !== main);
    unqualifiedSearch = conf['unqualified-search-registries'] ?? unqualifiedSearch;
    credentialHelpers = conf['credential-helpers'] ?? credentialHelpers;
    for (const rule of rulesOf(conf, file.path)) rules.set(rule.prefix, rule);
    // An empty value takes an alias of an earlier file back.
    for (const [name, full] of Object.entries(conf.aliases ?? {})) {
      if (full === '') aliases.delete(name);
      else aliases.set(name, full);
    }
  }
  // Of prefixes of one length the first of this order counts, for podman too.
  const sorted = [...rules.values()].sort((one, other) => (one.prefix < other.prefix ? -1 : 1));
  return { unqualifiedSearch, credentialHelpers, rules: sorted, aliases };
}

/**
 * The places to try for a reference, best first: the mirrors of the longest matching rule that serve this kind of reference, then the
 * place itself. A blocked place is left out, so a blocked source with mirrors yields the mirrors only (NeverContactSource). Whether TLS
 * must be verified is a matter of the rule or mirror that leads to a place, not of a rule about its host.
 *
 * @throws UsageError when nothing is left
 */
export function resolvePlaces(rules: MirrorRules, reference: ImageReference): Place[] {
  const rule = findRule(rules, reference);
  const own: Place = {
    reference: rule === undefined ? reference : rewritten(reference, rule, rule.location),
    insecure: rule?.insecure ?? false,
    isMirror: false,
  };
  const mirrors = (rule?.mirrors ?? [])
    .filter(({ use }) => use === 'all' || (use === 'digest-only') === (reference.digest !== undefined))
    .map((mirror): Place => ({
      reference: rewritten(reference, rule, mirror.location),
      insecure: mirror.insecure,
      isMirror: true,
    }));
  const places = [...mirrors, own].filter((place) => findRule(rules, place.reference)?.blocked !== true);
  if (places.length === 0)
    throw new UsageError(
      `registry "${rule?.prefix ?? reference.registry}" is blocked in registries.conf and has no mirror for "${printReference(reference)}"`,
      {
        next: `take "${rule?.prefix ?? reference.registry}" out of the blocked ones in "${rule?.path ?? ''}", or give it a mirror`,
      },
    );
  return places;
}

/** The rule with the longest prefix that covers a repository. */
export function findRule(rules: MirrorRules, reference: ImageReference): RegistryRule | undefined {
  const name = nameOf(reference);
  return rules.rules
    .filter(({ prefix }) => matchedLength(name, prefix) > 0)
    .reduce<RegistryRule | undefined>(
      (best, rule) => (rule.prefix.length > (best?.prefix.length ?? 0) ? rule : best),
      undefined,
    );
}

/** How much of a name the prefix covers: whole path segments, or zero. */
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

function rewritten(reference: ImageReference, rule: RegistryRule | undefined, location: string): ImageReference {
  if (rule === undefined || location === '') return reference;
  const full = printReference(reference);
  try {
    return parseReference(`${location}${full.slice(matchedLength(full, rule.prefix))}`);
  } catch (error) {
    throw new UsageError(`"${rule.path}" leads "${full}" to "${location}", which makes no image name`, {
      why: messageOf(error),
      next: `correct "${rule.path}"`,
      cause: error,
    });
  }
}

/** The rules of one file. */
function rulesOf({ registry: tables = [], version }: RegistriesConf, path: string): RegistryRule[] {
  const rules = new Map<string, RegistryRule>();
  const flags = new Map<string, RegistryRule>();
  for (const table of tables) {
    const rule = { ...toRule(table, path), version };
    const key = rule.location || rule.prefix;
    const other: RegistryRule = flags.get(key) ?? rule;
    const differing = (['insecure', 'blocked'] as const).find((flag) => rule[flag] !== other[flag]);
    if (differing !== undefined) throw faulty(path, `has several settings of "${differing}" for "${key}"`);
    flags.set(key, rule);
    if (!rules.has(rule.prefix)) rules.set(rule.prefix, rule);
  }
  return [...rules.values()];
}

function toRule(table: RegistryTable, path: string): Omit<RegistryRule, 'version'> {
  const location = locationOf(table.location ?? '', path);
  const prefix = locationOf(table.prefix ?? '', path) || location;
  if (prefix === '') throw faulty(path, 'has a registry with neither prefix nor location');
  if (location === '' && !prefix.startsWith('*.')) throw faulty(path, `has no location for the prefix "${prefix}"`);
  if (prefix.startsWith('*.') && /[/:@]/.test(prefix))
    throw faulty(path, `has the prefix "${prefix}"; after "*." only a domain may follow`);
  if (table['pull-from-mirror'] !== undefined && table['pull-from-mirror'] !== '')
    throw faulty(path, `sets pull-from-mirror for the registry "${prefix}"; it belongs to a mirror`);
  const byDigestOnly = table['mirror-by-digest-only'] === true;
  return {
    prefix,
    location,
    insecure: table.insecure ?? false,
    blocked: table.blocked ?? false,
    path,
    mirrors: (table.mirror ?? []).map((mirror) => {
      const use = mirror['pull-from-mirror'] ?? '';
      const written = mirror.location ?? '';
      if (locationOf(written, path) === '') throw faulty(path, `has a mirror of "${prefix}" without location`);
      if (byDigestOnly && use !== '')
        throw faulty(path, `sets both mirror-by-digest-only and pull-from-mirror for "${prefix}"; keep one`);
      if (!mirrorUses.includes(use))
        throw faulty(
          path,
          `has pull-from-mirror "${use}" for a mirror of "${prefix}"; known are all, digest-only, tag-only`,
        );
      return {
        location: locationOf(written, path),
        insecure: mirror.insecure ?? false,
        use: use === '' ? (byDigestOnly ? 'digest-only' : 'all') : (use as MirrorUse), // looked up
        endsInSlash: written.endsWith('/'),
      };
    }),
  };
}

function locationOf(written: string, path: string): string {
  const scheme = /^https?:\/\//.exec(written)?.[0];
  if (scheme !== undefined) throw faulty(path, `has the location "${written}"; write it without "${scheme}"`);
  return written.replace(/\/+$/, '');
}

function faulty(path: string, text: string): UsageError {
  return new UsageError(`"${path}" ${text}`, { next: `correct "${path}"` });
}

/**
 * The registries that mirrors stand for: of each rule's location the text before its first slash, each once. Version 1 of registries.conf
 * has no mirrors.
 */
export function mirrorSources({ rules }: MirrorRules): string[] {
  const hosts = rules.filter(({ version }) => version === 2).map(({ location }) => location.split('/', 1)[0] ?? '');
  return [...new Set(hosts.filter((host) => host !== ''))];
}

/** The rules' own name of a repository, for messages. */
export function placeName(place: Place): string {
  return nameOf(place.reference);
}
