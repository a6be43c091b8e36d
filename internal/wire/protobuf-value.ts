import { isList } from '../edit/structure.ts';
import type { Plain } from '../edit/tree.ts';
import { utf8 } from '../edit/characters.ts';
import { bytesOf, joined } from './bytes.ts';
import type { FieldSpec, MessageSpec } from './fields.ts';
import { messageNamed } from './fields.ts';
import type { Located } from './protobuf-object.ts';
import { contentOf, element, keysOf, member } from './protobuf-object.ts';
import { field } from './protobuf.ts';

/** The known fields of what stands at a place, as JSON has them; undefined for text that is not UTF-8. */
export function plainOf(bytes: Uint8Array, here: Located): Plain | undefined {
  switch (here.is) {
    case 'leaf':
    case 'bare-entry': {
      const content = contentOf(bytes, here) ?? new Uint8Array();
      return here.type === 'bytes' ? Buffer.from(content).toString('base64') : utf8(content);
    }
    case 'message':
      return Object.fromEntries(
        visibleNames(bytes, here).flatMap((name) =>
          entry(name, bytes, member(bytes, here.enclosing, here.spec, String(name))),
        ),
      );
    case 'many': {
      const keys = keysOf(bytes, here);
      if (here.field.shape === 'list')
        return keys.map((index) => plainIn(bytes, element(bytes, here.enclosing, here.field, index)) ?? null);
      return Object.fromEntries(
        keys.flatMap((name) => entry(name, bytes, element(bytes, here.enclosing, here.field, name))),
      );
    }
  }
}

/** Members as JSON has them: a message's text that is empty is not there. */
export function visibleNames(bytes: Uint8Array, here: Located): (string | number)[] {
  return keysOf(bytes, here).filter(
    (name) => here.is !== 'message' || !isEmptyLeaf(bytes, member(bytes, here.enclosing, here.spec, String(name))),
  );
}

export function isEmptyLeaf(bytes: Uint8Array, here: Located | undefined): boolean {
  return here?.is === 'leaf' && contentOf(bytes, here)?.length === 0;
}

/**
 * The content of a field that holds a value, as Go writes it: fields in the order of their numbers, and single texts also when they
 * are empty. `refuse` makes the error for a value that the field cannot hold.
 */
export function contentFor(
  type: FieldSpec['type'] | { readonly spec: MessageSpec },
  value: Plain,
  refuse: (why: string) => Error,
): Uint8Array {
  if (typeof type === 'string') {
    if (typeof value !== 'string') throw refuse('the field is a text');
    return type === 'text' ? bytesOf(value) : new Uint8Array(Buffer.from(value, 'base64'));
  }
  const spec = 'spec' in type ? type.spec : messageNamed(type.message);
  if (typeof value !== 'object' || value === null || isList(value)) throw refuse('the field is a message');
  const known = Object.entries(spec).toSorted(([, one], [, other]) => one.number - other.number);
  const strange = Object.keys(value).find((name) => spec[name] === undefined);
  if (strange !== undefined) throw refuse(`the number of the protobuf field "${strange}" is not known`);
  if (known.length === 0) throw refuse('the numbers of its protobuf fields are not known');
  return joined(
    ...known.flatMap(([name, inner]) => {
      const given = value[name] ?? null;
      if (given !== null) return fieldsFor(inner, given, refuse);
      return inner.type === 'text' && inner.shape === 'one' && inner.isPointer === undefined
        ? [field(inner.number, new Uint8Array())]
        : [];
    }),
  );
}

/** A value as fields of its message: one, or one for each item or entry. */
export function fieldsFor(known: FieldSpec, value: Plain, refuse: (why: string) => Error): Uint8Array[] {
  const write = (inner: Plain): Uint8Array => contentFor(known.type, inner, refuse);
  switch (known.shape) {
    case 'one':
      return [field(known.number, write(value))];
    case 'list':
      if (!isList(value)) throw refuse('the field is a list');
      return value.map((item) => field(known.number, write(item)));
    case 'map': {
      if (typeof value !== 'object' || value === null || isList(value)) throw refuse('the field is a map');
      const entries = Object.entries(value).toSorted(([one], [other]) => Buffer.compare(bytesOf(one), bytesOf(other)));
      return entries.map(([name, inner]) => entryField(known.number, name, write(inner)));
    }
  }
}

/** A map entry, tag and all. */
export function entryField(number: number, name: string, content: Uint8Array): Uint8Array {
  return field(number, joined(field(1, bytesOf(name)), field(2, content)));
}

function plainIn(bytes: Uint8Array, here: Located | undefined): Plain | undefined {
  return here === undefined ? undefined : plainOf(bytes, here);
}

function entry(name: string | number, bytes: Uint8Array, here: Located | undefined): [string, Plain][] {
  const plain = plainIn(bytes, here);
  return plain === undefined ? [] : [[String(name), plain]];
}
