import { UsageError } from '../errors/errors.ts';
import type { ConfigDocument } from './document.ts';

/** The kinds of value that a configuration key may have. */
export type FieldKind = 'string' | 'boolean' | 'number' | 'strings';

type ValueOf<K extends FieldKind> = K extends 'string'
  ? string
  : K extends 'boolean'
    ? boolean
    : K extends 'number'
      ? number
      : readonly string[];

/** One key: its kind, what holds when it is absent or null, and what it means. */
export type Field<K extends FieldKind = FieldKind> = {
  readonly kind: K;
  readonly fallback: ValueOf<K>;
  readonly says: string;
};

/** All keys of a configuration. */
export type Fields = Readonly<Record<string, Field>>;

/** The values of a configuration, one for each key. */
export type Values<F extends Fields> = { readonly [Key in keyof F]: ValueOf<F[Key]['kind']> };

export type ReadFieldsOptions = {
  /** Names the file in errors. */
  readonly file: string;
  /** Who wrote it: a person's typing error must be found; another program's new key must not stop an old ibi. */
  readonly unknownKeys: 'refuse' | 'warn';
};

/**
 * Turns a document into checked values. Keys match without regard to case when no exact match exists, as the reference reads them.
 *
 * @throws UsageError naming key, value and what to do
 */
export function readFields<F extends Fields>(
  fields: F,
  document: ConfigDocument,
  options: ReadFieldsOptions,
): { values: Values<F>; warnings: string[] } {
  const warnings = [...document.warnings];
  const names = Object.keys(fields);
  const found = new Map<string, unknown>();
  for (const [key, value] of document.values) {
    const name = key in fields ? key : names.find((candidate) => candidate.toLowerCase() === key.toLowerCase());
    if (name === undefined) {
      const near = nearest(key, names);
      const text = `unknown key "${key}"${near === undefined ? '' : `, nearest known key is "${near}"`}`;
      if (options.unknownKeys === 'refuse')
        throw new UsageError(`failed to read config file ${options.file}: ${text}`, {
          next: near === undefined ? `remove it; known keys are ${names.join(', ')}` : `write "${near}" or remove it`,
        });
      warnings.push(`${options.file}: ${text}; ignored`);
    } else if (name === key || !found.has(name)) found.set(name, value);
  }
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = found.get(name);
    values[name] =
      value === undefined || value === null
        ? field.fallback
        : readValue(name, field.kind, value, options.file, warnings);
  }
  // Each name of `fields` was given a value of its kind just above.
  return { values: values as Values<F>, warnings };
}

function readValue(name: string, kind: FieldKind, value: unknown, file: string, warnings: string[]): unknown {
  const refuse = (wanted: string): never => {
    throw new UsageError(`failed to read config file ${file}: ${name} is ${describe(value)}, wanted ${wanted}`, {
      next: `correct ${name}`,
    });
  };
  switch (kind) {
    case 'string':
      if (typeof value === 'number') {
        warnings.push(
          `${file}: ${name} is a number without quotes; read as "${value}", write it in quotes (4.10 would read as 4.1)`,
        );
        return String(value);
      }
      return typeof value === 'string' ? value : refuse('text');
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse('true or false');
    case 'number':
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
        ? value
        : refuse('a whole number from 0');
    case 'strings':
      return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
        ? value
        : refuse('a list of texts');
  }
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Map) return 'a map';
  if (typeof value === 'string') return `the text "${value}"`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}

/** The known name with the fewest edits, if it is close enough to be meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      row.push(
        Math.min(
          (previous[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
