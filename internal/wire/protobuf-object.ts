import { utf8 } from '../edit/characters.ts';
import { bytesOf } from './bytes.ts';
import type { FieldSpec, MessageSpec } from './fields.ts';
import { messageNamed } from './fields.ts';
import { protobufHead } from './form.ts';
import type { FieldPath } from '../edit/json.ts';
import type { Enclosing, WireField } from './protobuf.ts';
import { field, fieldsIn, lengthDelimited, replaceSpan } from './protobuf.ts';

/** What stands at a path of a protobuf object. `enclosing` ends with the place itself. */
export type Located =
  | { readonly is: 'leaf'; readonly type: 'text' | 'bytes'; readonly enclosing: readonly Enclosing[] }
  /** A map entry that holds its key only: its value is empty, and writing one adds the field. */
  | { readonly is: 'bare-entry'; readonly type: 'text' | 'bytes'; readonly enclosing: readonly Enclosing[] }
  | { readonly is: 'message'; readonly spec: MessageSpec; readonly enclosing: readonly Enclosing[] }
  | { readonly is: 'many'; readonly field: FieldSpec; readonly enclosing: readonly Enclosing[] };

/** The object itself inside its envelope (`runtime.Unknown`, field 2), as the outermost message. */
export function rawOf(bytes: Uint8Array): readonly Enclosing[] {
  const raw = fieldsIn(bytes, protobufHead.length, bytes.length).findLast((candidate) => candidate.number === 2);
  return raw === undefined ? [] : [raw];
}

/** Finds a path below the message whose span is the last of `enclosing`. */
export function locate(
  bytes: Uint8Array,
  enclosing: readonly Enclosing[],
  spec: MessageSpec,
  path: FieldPath,
): Located | undefined {
  let here: Located | undefined = { is: 'message', spec, enclosing };
  for (const step of path) {
    if (here?.is === 'message') here = member(bytes, here.enclosing, here.spec, String(step));
    else if (here?.is === 'many') here = element(bytes, here.enclosing, here.field, step);
    else return undefined;
  }
  return here;
}

/** What a member of a message is. */
export function member(
  bytes: Uint8Array,
  enclosing: readonly Enclosing[],
  spec: MessageSpec,
  name: string,
): Located | undefined {
  const known = spec[name];
  if (known === undefined) return undefined;
  const found = occurrences(bytes, enclosing, known.number);
  if (known.shape !== 'one') return found.length === 0 ? undefined : { is: 'many', field: known, enclosing };
  const last = found.at(-1);
  return last === undefined ? undefined : typedAs(known, [...enclosing, last]);
}

/** What an item of a list or an entry of a map is. */
export function element(
  bytes: Uint8Array,
  enclosing: readonly Enclosing[],
  known: FieldSpec,
  step: string | number,
): Located | undefined {
  const all = occurrences(bytes, enclosing, known.number);
  if (known.shape === 'list') {
    const item = typeof step === 'number' ? all[step] : undefined;
    return item === undefined ? undefined : typedAs(known, [...enclosing, item]);
  }
  const entry = all.findLast((candidate) => keyOf(bytes, candidate) === step);
  if (entry === undefined) return undefined;
  const inside = [...enclosing, entry];
  const value = occurrences(bytes, inside, 2).at(-1);
  if (value !== undefined) return typedAs(known, [...inside, value]);
  return typeof known.type === 'string' ? { is: 'bare-entry', type: known.type, enclosing: inside } : undefined;
}

function typedAs(known: FieldSpec, enclosing: readonly Enclosing[]): Located {
  return typeof known.type === 'string'
    ? { is: 'leaf', type: known.type, enclosing }
    : { is: 'message', spec: messageNamed(known.type.message), enclosing };
}

/** The fields of one number in a message that hold content, in their order. */
export function occurrences(bytes: Uint8Array, enclosing: readonly Enclosing[], number: number): WireField[] {
  const message = enclosing.at(-1);
  if (message === undefined) return [];
  return fieldsIn(bytes, message.start, message.end).filter(
    (candidate) => candidate.number === number && candidate.wireType === lengthDelimited,
  );
}

/** The key of a map entry. */
export function keyOf(bytes: Uint8Array, entry: Enclosing): string | undefined {
  const key = occurrences(bytes, [entry], 1).at(-1);
  return key === undefined ? '' : utf8(bytes.subarray(key.start, key.end));
}

/** Names of a message's known members that are present, keys of a map, indexes of a list; in stored order. */
export function keysOf(bytes: Uint8Array, here: Located): (string | number)[] {
  switch (here.is) {
    case 'leaf':
    case 'bare-entry':
      return [];
    case 'message':
      return Object.keys(here.spec).filter((name) => member(bytes, here.enclosing, here.spec, name) !== undefined);
    case 'many': {
      const all = occurrences(bytes, here.enclosing, here.field.number);
      return here.field.shape === 'list'
        ? all.map((_, index) => index)
        : [...new Set(all.map((entry) => keyOf(bytes, entry)).filter((key) => key !== undefined))];
    }
  }
}

/** The bytes of a leaf. */
export function contentOf(bytes: Uint8Array, here: Located): Uint8Array | undefined {
  const place = here.enclosing.at(-1);
  if (here.is === 'bare-entry') return new Uint8Array();
  return here.is === 'leaf' && place !== undefined ? bytes.subarray(place.start, place.end) : undefined;
}

/** The whole value with a leaf replaced. */
export function replaceLeaf(bytes: Uint8Array, here: Located, value: Uint8Array | string): Uint8Array | undefined {
  const place = here.enclosing.at(-1);
  if (place === undefined) return undefined;
  const content = typeof value === 'string' ? bytesOf(value) : value;
  if (here.is === 'leaf') return replaceSpan(bytes, here.enclosing, place.start, place.end, content);
  return here.is === 'bare-entry'
    ? replaceSpan(bytes, here.enclosing, place.end, place.end, field(2, content))
    : undefined;
}
