import { Failure } from '../errors/errors.ts';
import type { FieldPath } from '../edit/json.ts';
import type { Structure } from '../edit/structure.ts';
import { byName, isList, orderAfterRename, placeOf } from '../edit/structure.ts';
import type { Plain } from '../edit/tree.ts';
import { utf8 } from '../edit/characters.ts';
import { bytesOf, joined, spliced } from './bytes.ts';
import type { CborItem, CborMember } from './cbor.ts';
import { cborContent, cborItemAt, cborKeysAt, cborRoot, headOf, replaceCborString } from './cbor.ts';
import { isByteField } from './fields.ts';
import type { Identity } from './protobuf-tree.ts';

/** A CBOR object, edited by items. Containers count their items, so an edit mends one head; what is not meant keeps its bytes, heads in a long form too. */
export function cborStructure(bytes: Uint8Array, identity: Identity): Structure {
  const { subject } = identity;
  let read: CborItem | undefined;
  const root = (): CborItem => (read ??= cborRoot(bytes));
  const edited = (fresh: Uint8Array): Structure => cborStructure(fresh, identity);
  const itemAt = (path: FieldPath): CborItem => {
    const item = cborItemAt(root(), path);
    if (item === undefined) throw new Failure(`${subject} has nothing at "${path.join('/')}"`);
    return item;
  };
  const isBytes = (path: FieldPath): boolean => isByteField(identity.apiVersion, identity.kind, path);
  const write = (path: FieldPath, value: Plain): Uint8Array => encoded(path, value, isBytes);
  const source = (member: CborMember): Uint8Array => bytes.subarray(member.start, member.value.end);

  /** The object with the members of one container replaced. */
  const withMembers = (
    path: FieldPath,
    change: (pieces: readonly Uint8Array[]) => readonly Uint8Array[],
  ): Structure => {
    const item = itemAt(path);
    const pieces = change(item.members().map(source));
    const head = item.count === undefined ? bytes.subarray(item.head, item.start) : counted(item, pieces.length);
    const end = item.count === undefined ? [Uint8Array.of(0xff)] : [];
    return edited(spliced(bytes, item.head, item.end, joined(head, ...pieces, ...end)));
  };
  const namesOf = (path: FieldPath): string[] =>
    itemAt(path)
      .members()
      .map((member) => String(member.name));

  return {
    subject,
    inJson: identity.inJson,
    bytes: () => bytes,
    at: (path) => {
      const item = cborItemAt(root(), path);
      return item === undefined ? undefined : plainOf(bytes, item);
    },
    textAt: (path) => {
      const item = cborItemAt(root(), path);
      const text = item?.type === 'string' ? utf8(cborContent(bytes, item)) : undefined;
      return text !== undefined && item?.isBytes === false && isBytes(path)
        ? utf8(new Uint8Array(Buffer.from(text, 'base64')))
        : text;
    },
    keysAt: (path) => cborKeysAt(root(), path),
    shapeAt: (path) => {
      const type = cborItemAt(root(), path)?.type;
      return type === undefined ? undefined : type === 'map' ? 'map' : type === 'array' ? 'list' : 'leaf';
    },
    replace: (path, value) => {
      const item = itemAt(path);
      if (item.type === 'string' && typeof value === 'string')
        return edited(
          replaceCborString(bytes, item, item.isBytes ? new Uint8Array(Buffer.from(value, 'base64')) : value),
        );
      return edited(spliced(bytes, item.tagsAt, item.end, write(path, value)));
    },
    replaceItems: (list, from, to, items) =>
      withMembers(list, (pieces) =>
        pieces.toSpliced(from, to - from, ...items.map((item, at) => write([...list, from + at], item))),
      ),
    add: (path, value) => {
      const [parent, name] = [path.slice(0, -1), String(path.at(-1))];
      const names = namesOf(parent);
      return withMembers(parent, (pieces) =>
        pieces.toSpliced(placeOf(name, names, orderOf(names)), 0, joined(key(name), write(path, value))),
      );
    },
    drop: (path) => {
      const members = itemAt(path.slice(0, -1)).members();
      return withMembers(path.slice(0, -1), () => members.filter((member) => member.name !== path.at(-1)).map(source));
    },
    rename: (path, name) => {
      const [parent, old] = [path.slice(0, -1), String(path.at(-1))];
      const members = itemAt(parent).members();
      const names = namesOf(parent);
      const fresh = members.map((member) =>
        member.name === old
          ? joined(renamedKey(bytes, member, name), bytes.subarray(member.value.tagsAt, member.value.end))
          : source(member),
      );
      const order = orderAfterRename(names, old, name, orderOf(names));
      return withMembers(parent, () => order.map((at) => fresh[at] ?? new Uint8Array()));
    },
  };
}

/** A new value as Kubernetes writes it: strings and names as byte strings, definite lengths, names in the order of their bytes, shortest integers. */
function encoded(path: FieldPath, value: Plain, isBytes: (path: FieldPath) => boolean): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === 'string') {
    // Tag 22: bytes that are base64 in JSON (RFC 8949, 3.4.5.2).
    return isBytes(path)
      ? joined(Uint8Array.of(0xd6), byteString(new Uint8Array(Buffer.from(value, 'base64'))))
      : byteString(bytesOf(value));
  }
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value < 0 ? headOf(1, -1 - value) : headOf(0, value);
    const float = Buffer.alloc(9, 0xfb);
    float.writeDoubleBE(value, 1);
    return new Uint8Array(float);
  }
  if (isList(value))
    return joined(headOf(4, value.length), ...value.map((item, at) => encoded([...path, at], item, isBytes)));
  const members = Object.entries(value).toSorted(([one], [other]) => byEncodedName(one, other));
  return joined(
    headOf(5, members.length),
    ...members.flatMap(([name, member]) => [key(name), encoded([...path, name], member, isBytes)]),
  );
}

function byteString(content: Uint8Array): Uint8Array {
  return joined(headOf(2, content.length), content);
}

function key(name: string): Uint8Array {
  return byteString(bytesOf(name));
}

/** A key with another name, a text string if it was one. */
function renamedKey(bytes: Uint8Array, member: CborMember, name: string): Uint8Array {
  return joined(headOf((bytes[member.start] ?? 0) >> 5 === 3 ? 3 : 2, bytesOf(name).length), bytesOf(name));
}

/** Names as their encodings sort: the shorter first (RFC 8949, 4.2.1, for names of one type). */
function byEncodedName(one: string, other: string): number {
  return Buffer.byteLength(one) - Buffer.byteLength(other) || byName(one, other);
}

/** Kubernetes sorts by encoding; a document whose names are not in that order may still be in that of Go's maps. */
function orderOf(names: readonly string[]): (one: string, other: string) => number {
  return names.every((name, at) => at === 0 || byEncodedName(names[at - 1] ?? '', name) < 0) ? byEncodedName : byName;
}

/** A container's head with another count: the shortest if it was, else as wide as it was, so that the way back gives the same bytes. */
function counted(item: CborItem, count: number): Uint8Array {
  const width = item.start - item.head;
  const shortest = headOf(item.major, count);
  if (item.count === undefined || headOf(item.major, item.count).length === width || shortest.length >= width)
    return shortest;
  const wide = Buffer.alloc(width);
  wide.writeUInt8((item.major << 5) | (width === 2 ? 24 : width === 3 ? 25 : width === 5 ? 26 : 27));
  if (width === 9) wide.writeBigUInt64BE(BigInt(count), 1);
  else wide.writeUIntBE(count, 1, width - 1);
  return new Uint8Array(wide);
}

function plainOf(bytes: Uint8Array, item: CborItem): Plain {
  switch (item.type) {
    case 'map':
      return Object.fromEntries(
        item
          .members()
          .filter(({ name }) => typeof name === 'string')
          .map(({ name, value }) => [String(name), plainOf(bytes, value)]),
      );
    case 'array':
      return item.members().map(({ value }) => plainOf(bytes, value));
    case 'string': {
      const content = cborContent(bytes, item);
      return (item.isBytes ? undefined : utf8(content)) ?? Buffer.from(content).toString('base64');
    }
    case 'other':
      return item.major === 0 ? (item.count ?? 0) : item.major === 1 ? -1 - (item.count ?? 0) : simpleOf(bytes, item);
  }
}

/** Booleans, null and floats. */
function simpleOf(bytes: Uint8Array, item: CborItem): Plain {
  const view = new DataView(bytes.buffer, bytes.byteOffset + item.head + 1);
  switch ((bytes[item.head] ?? 0) & 0x1f) {
    case 20:
      return false;
    case 21:
      return true;
    case 25:
      return view.getFloat16(0);
    case 26:
      return view.getFloat32(0);
    case 27:
      return view.getFloat64(0);
    default:
      return null;
  }
}
