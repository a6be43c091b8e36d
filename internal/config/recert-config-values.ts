import { Failure, UsageError, messageOf } from '../errors/errors.ts';
import { Secret } from '../log/secret.ts';
import type { ConfigDocument } from './document.ts';
import { nearest } from './fields.ts';
import { recertFields, type RecertKey, type RecertKind } from './recert-config-fields.ts';

type ValueOf<K extends RecertKind> = K extends 'text'
  ? string
  : K extends 'secret'
    ? Secret
    : K extends 'truth'
      ? boolean
      : K extends 'count'
        ? number
        : K extends 'secrets'
          ? readonly Secret[]
          : readonly string[];

/** What was given, each value of its kind; what was not given is absent. */
export type RecertValues = { readonly [Key in RecertKey]?: ValueOf<(typeof recertFields)[Key]['kind']> };

/**
 * Values of the file route. An explicit null is not "absent": it is refused like any other wrong type, because the writer meant
 * something by it. No message shows a value, since any of them may be a secret in the wrong place.
 *
 * @throws UsageError naming the key
 */
export function valuesOfDocument(document: ConfigDocument, file: string): RecertValues {
  const names = Object.keys(recertFields);
  const unknown = [...document.values.keys()].filter((key) => !names.includes(key));
  if (unknown.length > 0) {
    const near = unknown.map((key) => nearest(key, names)).find((name) => name !== undefined);
    throw new UsageError(
      `unknown keys "${unknown.join(', ')}" in config file${near === undefined ? '' : `, nearest known key is "${near}"`}`,
      { next: near === undefined ? `remove them from ${file}` : `write "${near}", or remove it from ${file}` },
    );
  }
  const given: Record<string, unknown> = {};
  for (const [key, value] of document.values) given[key] = readValue(key, kindOf(key), value);
  return given;
}

/** Values of the flag route: the parser of the command line gives texts, lists of texts and true. */
export function valuesOfFlags(
  flags: Readonly<Record<string, string | readonly string[] | boolean | undefined>>,
): RecertValues {
  const given: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined || !isKey(key)) continue;
    const kind = recertFields[key].kind;
    try {
      given[key] = readValue(
        key,
        kind,
        kind === 'count' && typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value,
      );
    } catch (error) {
      throw new UsageError(`--${recertFields[key].flag}: ${messageOf(error)}`, {
        ...(error instanceof Failure && error.next !== undefined ? { next: error.next } : {}),
      });
    }
  }
  return given;
}

function isKey(key: string): key is RecertKey {
  return key in recertFields;
}

function kindOf(key: string): RecertKind {
  if (!isKey(key)) throw new UsageError(`unknown key "${key}"`);
  return recertFields[key].kind;
}

function readValue(key: string, kind: RecertKind, value: unknown): unknown {
  const refuse = (wanted: string): never => {
    throw new UsageError(`${key} must be ${wanted}`, {
      next: value === null ? `give ${key} a value, or leave the key out` : `correct ${key}`,
    });
  };
  const isTexts = (candidate: unknown): candidate is string[] =>
    Array.isArray(candidate) && candidate.every((entry) => typeof entry === 'string');
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? value : refuse('a string');
    case 'secret':
      return typeof value === 'string' ? new Secret(value) : refuse('a string');
    case 'truth':
      return typeof value === 'boolean' ? value : refuse('a boolean');
    case 'count':
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : refuse('an integer');
    case 'texts':
      return isTexts(value) ? value : refuse('an array of strings');
    case 'secrets':
      return isTexts(value) ? value.map((text) => new Secret(text)) : refuse('an array of strings');
    case 'texts-or-text':
      return typeof value === 'string' ? [value] : isTexts(value) ? value : refuse('a string or an array of strings');
  }
}
