import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../errors/errors.ts';
import type { FieldPath } from '../edit/json.ts';
import type { Structure } from '../edit/structure.ts';
import { isList, orderAfterRename, pathText, placeOf } from '../edit/structure.ts';
import type { Plain } from '../edit/tree.ts';
import { utf8 } from '../edit/characters.ts';
import { bytesOf, joined } from './bytes.ts';
import type { FieldSpec } from './fields.ts';
import { messageOfKind } from './fields.ts';
import type { Located } from './protobuf-object.ts';
import { contentOf, keyOf, locate, occurrences, rawOf } from './protobuf-object.ts';
import { contentFor, entryField, fieldsFor, isEmptyLeaf, plainOf, visibleNames } from './protobuf-value.ts';
import type { Enclosing, WireField } from './protobuf.ts';
import { field, fieldsIn, lengthDelimited, replaceSpan } from './protobuf.ts';

/** Who the object is: read from the envelope, which is not edited. */
export type Identity = Pick<Structure, 'subject' | 'inJson'> & { readonly apiVersion: string; readonly kind: string };

/** A field of a message that stands. */
type Slot = { readonly message: readonly Enclosing[]; readonly known: FieldSpec };

/**
 * A protobuf object, edited by fields. An edit rewrites the field list of one message and mends the lengths around it; fields that are
 * not meant, known or not, are copied.
 *
 * An empty text of a message is absent here, as in JSON: Go writes it in protobuf and leaves it out there. A list or a map without
 * entries does not stand in protobuf; it counts as present for what is put into it.
 */
export function protobufStructure(bytes: Uint8Array, identity: Identity): Structure {
  const { subject, apiVersion, kind } = identity;
  const located = (path: FieldPath): Located | undefined =>
    locate(bytes, rawOf(bytes), messageOfKind(apiVersion, kind), path);
  const slotAt = (path: FieldPath): Slot | undefined => {
    const parent = located(path.slice(0, -1));
    const known = parent?.is === 'message' ? parent.spec[String(path.at(-1))] : undefined;
    return parent === undefined || known === undefined ? undefined : { message: parent.enclosing, known };
  };
  const manyAt = (path: FieldPath, shape: 'list' | 'map'): Slot | undefined => {
    const slot = path.length === 0 ? undefined : slotAt(path);
    return slot?.known.shape === shape ? slot : undefined;
  };
  const visible = (path: FieldPath): Located | undefined => {
    const here = located(path);
    return isEmptyLeaf(bytes, here) && slotAt(path) !== undefined ? undefined : here;
  };
  const typeMeta = (path: FieldPath): string | undefined =>
    path.length !== 1
      ? undefined
      : path[0] === 'kind'
        ? kind || undefined
        : path[0] === 'apiVersion'
          ? apiVersion || undefined
          : undefined;
  const at = (path: FieldPath): Plain | undefined => {
    const here = visible(path);
    const plain = here === undefined ? undefined : plainOf(bytes, here);
    return (
      typeMeta(path) ??
      (path.length === 0 && typeof plain === 'object' && plain !== null && !isList(plain)
        ? { kind, apiVersion, ...plain }
        : plain)
    );
  };
  const refusal =
    (path: FieldPath) =>
    (why: string): Failure =>
      new Failure(`${subject} cannot hold the value for ${pathText(path)}`, { why });
  const unknown = (path: FieldPath): Failure =>
    refusal(path)(
      typeMeta(path) === undefined ? 'the number of its protobuf field is not known' : 'the kind of an object is fixed',
    );

  /** The object with the fields of one message rewritten. */
  const rewritten = (
    message: readonly Enclosing[],
    write: (fields: readonly WireField[]) => readonly Uint8Array[],
  ): Structure => {
    const last = message.at(-1);
    if (last === undefined) throw new Failure(`${subject} holds no object`);
    return protobufStructure(
      replaceSpan(bytes, message, last.start, last.end, joined(...write(fieldsIn(bytes, last.start, last.end)))),
      identity,
    );
  };
  const slice = (candidate: WireField): Uint8Array => bytes.subarray(candidate.tagAt, candidate.end);
  const isOf = ({ known }: Slot, candidate: WireField): boolean =>
    candidate.number === known.number && candidate.wireType === lengthDelimited;
  const entriesOf = ({ message, known }: Slot): WireField[] => occurrences(bytes, message, known.number);
  const namesOf = (slot: Slot): string[] => entriesOf(slot).map((entry) => keyOf(bytes, entry) ?? '');

  /** What stands in a slot, `[from, to)` of it replaced: at the place of the first replaced one, beside its neighbour, or where field numbers are in order. */
  const replaced = (slot: Slot, from: number, to: number, fresh: readonly Uint8Array[]): Structure =>
    rewritten(slot.message, (fields) => {
      const own = fields.filter((candidate) => isOf(slot, candidate));
      const next = own[from];
      const before = own[from - 1];
      const after = fields.findIndex((candidate) => candidate.number > slot.known.number);
      const place =
        next !== undefined
          ? fields.indexOf(next)
          : before !== undefined
            ? fields.indexOf(before) + 1
            : after < 0
              ? fields.length
              : after;
      const gone = new Set(own.slice(from, to));
      return [...fields.slice(0, place), undefined, ...fields.slice(place)].flatMap((candidate) =>
        candidate === undefined ? fresh : gone.has(candidate) ? [] : [slice(candidate)],
      );
    });
  const replaceItems = (list: FieldPath, from: number, to: number, items: readonly Plain[]): Structure => {
    const slot = manyAt(list, 'list');
    if (slot === undefined) throw unknown(list);
    // An item that stays keeps its bytes, and with them what we do not know of it, also when it moves.
    const spare = entriesOf(slot)
      .slice(from, to)
      .map((entry, index) => ({ entry, value: at([...list, from + index]) }));
    return replaced(
      slot,
      from,
      to,
      items.flatMap((item, index) => {
        const same = spare.findIndex(({ value }) => isDeepStrictEqual(value, item));
        const [kept] = same < 0 ? [] : spare.splice(same, 1);
        return kept === undefined
          ? fieldsFor({ ...slot.known, shape: 'one' }, item, refusal([...list, from + index]))
          : [slice(kept.entry)];
      }),
    );
  };

  return {
    subject,
    inJson: identity.inJson,
    bytes: () => bytes,
    at,
    textAt: (path) => {
      const here = visible(path);
      const content = here === undefined ? undefined : contentOf(bytes, here);
      return typeMeta(path) ?? (content === undefined ? undefined : utf8(content));
    },
    keysAt: (path) => {
      const here = visible(path);
      return [
        ...(path.length === 0 ? ['kind', 'apiVersion'] : []),
        ...(here === undefined ? [] : visibleNames(bytes, here)),
      ];
    },
    shapeAt: (path) => {
      const here = visible(path);
      if (here?.is === 'message') return 'map';
      if (here?.is === 'leaf' || here?.is === 'bare-entry' || typeMeta(path) !== undefined) return 'leaf';
      return manyAt(path, 'list') !== undefined ? 'list' : manyAt(path, 'map') !== undefined ? 'map' : undefined;
    },
    replace: (path, value) => {
      const slot = slotAt(path);
      if (slot !== undefined && slot.known.shape !== 'one')
        return replaced(slot, 0, entriesOf(slot).length, fieldsFor(slot.known, value, refusal(path)));
      const here = located(path);
      const place = here?.enclosing.at(-1);
      if (here === undefined || here.is === 'many' || place === undefined) throw unknown(path);
      const content = contentFor(here.is === 'message' ? { spec: here.spec } : here.type, value, refusal(path));
      const fresh =
        here.is === 'bare-entry'
          ? replaceSpan(bytes, here.enclosing, place.end, place.end, field(2, content))
          : replaceSpan(bytes, here.enclosing, place.start, place.end, content);
      return protobufStructure(fresh, identity);
    },
    replaceItems,
    add: (path, value) => {
      const [parent, name] = [path.slice(0, -1), String(path.at(-1))];
      const map = manyAt(parent, 'map');
      if (map !== undefined) {
        const index = placeOf(name, namesOf(map));
        return replaced(map, index, index, [
          entryField(map.known.number, name, contentFor(map.known.type, value, refusal(path))),
        ]);
      }
      const slot = slotAt(path);
      if (slot === undefined) throw unknown(path);
      return replaced(slot, 0, entriesOf(slot).length, fieldsFor(slot.known, value, refusal(path)));
    },
    drop: (path) => {
      const map = manyAt(path.slice(0, -1), 'map');
      const slot = map ?? slotAt(path);
      if (slot === undefined) throw unknown(path);
      if (visible(path) === undefined) throw new Failure(`${subject} has nothing at ${pathText(path)}`); // an empty list or map
      return rewritten(slot.message, (fields) =>
        fields
          .filter(
            (candidate) => !isOf(slot, candidate) || (map !== undefined && keyOf(bytes, candidate) !== path.at(-1)),
          )
          .map(slice),
      );
    },
    rename: (path, name) => {
      const old = String(path.at(-1));
      const map = manyAt(path.slice(0, -1), 'map');
      if (map === undefined)
        throw new Failure(`${subject} has a field at ${pathText(path)}, and fields have fixed names`);
      const names = namesOf(map);
      const pieces = entriesOf(map).map((entry, index) => {
        if (names[index] !== old) return slice(entry);
        const rest = fieldsIn(bytes, entry.start, entry.end)
          .filter((inner) => inner.number !== 1)
          .map(slice);
        return field(map.known.number, joined(field(1, bytesOf(name)), ...rest));
      });
      const order = orderAfterRename(names, old, name);
      return rewritten(map.message, (fields) => {
        let index = 0;
        return fields.map((candidate) =>
          isOf(map, candidate) ? (pieces[order[index++] ?? 0] ?? slice(candidate)) : slice(candidate),
        );
      });
    },
  };
}
