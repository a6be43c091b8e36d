import { Failure } from '../errors/errors.ts';
import { utf8 } from '../edit/characters.ts';
import { bytesOf, joined, spliced } from './bytes.ts';
import type { FieldPath } from '../edit/json.ts';

/**
 * CBOR by span (RFC 8949), as Kubernetes stores custom resources: the tag 55799, strings and map keys as byte strings. Text
 * strings, inner tags and indefinite lengths are read as well and stay what they are.
 */
export type CborItem = {
  readonly type: 'string' | 'map' | 'array' | 'other';
  /** Where the item begins, its tags included. */
  readonly tagsAt: number;
  /** Offset of the item's own head, after its tags. */
  readonly head: number;
  /** Offset of the content: the first byte of a string, the first item of a container. */
  readonly start: number;
  readonly end: number;
  readonly major: number;
  /** Items of a container (pairs of a map); undefined when it ends with a break. */
  readonly count: number | undefined;
  /** Tagged "base64 in JSON" (RFC 8949, 3.4.5.2): bytes, not text. */
  readonly isBytes: boolean;
  readonly members: () => readonly CborMember[];
};

/** `start` is where the member begins: its key, or the item itself in an array. */
export type CborMember = { readonly name: string | number; readonly start: number; readonly value: CborItem };

const deepest = 500; // the API server refuses deeper ones long before

/** The outermost item. Throws where the value is not CBOR as a whole. */
export function cborRoot(bytes: Uint8Array): CborItem {
  const root = itemFrom(bytes, 0, 0);
  if (root.end !== bytes.length) throw broken(root.end);
  return root;
}

/** The item at a path. Of a duplicated key the last one counts. */
export function cborItemAt(root: CborItem, path: FieldPath): CborItem | undefined {
  let item: CborItem | undefined = root;
  for (const name of path) item = item?.members().findLast((member) => member.name === name)?.value;
  return item;
}

/** Names of a map's members, or indexes of an array. */
export function cborKeysAt(root: CborItem, path: FieldPath): (string | number)[] {
  return [
    ...new Set(
      cborItemAt(root, path)
        ?.members()
        .map((member) => member.name),
    ),
  ];
}

/** The content of a string item. */
export function cborContent(bytes: Uint8Array, item: CborItem): Uint8Array {
  if (item.count !== undefined) return bytes.subarray(item.start, item.end);
  const chunks: Uint8Array[] = [];
  for (let at = item.start; bytes[at] !== 0xff;) {
    const chunk = itemFrom(bytes, at, 0);
    chunks.push(bytes.subarray(chunk.start, chunk.end));
    at = chunk.end;
  }
  return joined(...chunks);
}

/** The whole value with a string item replaced. Its tags and its kind (byte or text string) stay. */
export function replaceCborString(bytes: Uint8Array, item: CborItem, value: Uint8Array | string): Uint8Array {
  const content = typeof value === 'string' ? bytesOf(value) : value;
  return spliced(bytes, item.head, item.end, joined(headOf(item.major, content.length), content));
}

/** The shortest head of an item: its major type and a number. */
export function headOf(major: number, length: number): Uint8Array {
  const first = major << 5;
  if (length < 24) return Uint8Array.of(first | length);
  if (length < 0x100) return Uint8Array.of(first | 24, length);
  if (length < 0x10000) return Uint8Array.of(first | 25, length >> 8, length & 0xff);
  if (length >= 0x100000000) {
    const head = Buffer.alloc(9, first | 27);
    head.writeBigUInt64BE(BigInt(length), 1);
    return new Uint8Array(head);
  }
  return Uint8Array.of(first | 26, (length >>> 24) & 0xff, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
}

/** Items are read once, when their container's end is sought; what they are is kept for the asking. */
function container(
  bytes: Uint8Array,
  type: 'map' | 'array',
  start: number,
  count: number | undefined,
  depth: number,
): Pick<CborItem, 'type' | 'end' | 'members'> {
  const members: CborMember[] = [];
  let at = start;
  while (count === undefined ? bytes[at] !== 0xff : members.length < count) {
    let name: string | number = members.length;
    const start = at;
    if (type === 'map') {
      const key = itemFrom(bytes, at, depth + 1);
      // Kubernetes has string keys only; one of another type cannot be named by a path, so it gets a name that no path has.
      name = key.type === 'string' ? (utf8(cborContent(bytes, key)) ?? -1) : -1;
      at = key.end;
    }
    const value = itemFrom(bytes, at, depth + 1);
    members.push({ name, start, value });
    at = value.end;
  }
  return { type, end: count === undefined ? at + 1 : at, members: () => members };
}

function itemFrom(bytes: Uint8Array, begin: number, depth: number): CborItem {
  if (depth > deepest) throw broken(begin);
  let at = begin;
  let isBytes = false;
  for (;;) {
    const first = bytes[at];
    if (first === undefined) throw broken(at);
    const major = first >> 5;
    const { value, next } = argumentOf(bytes, at);
    if (major === 6) {
      isBytes = value === 21 || value === 22 || value === 23;
      at = next;
      continue;
    }
    const item = { tagsAt: begin, head: at, start: next, major, count: value, isBytes, members: () => [] };
    switch (major) {
      case 0:
      case 1:
        return { ...item, type: 'other', end: next };
      case 2:
      case 3:
        return {
          ...item,
          type: 'string',
          end: value === undefined ? endOfChunks(bytes, next, depth) : within(bytes, next + value),
        };
      case 4:
        return { ...item, ...container(bytes, 'array', next, value, depth) };
      case 5:
        return { ...item, ...container(bytes, 'map', next, value, depth) };
      default:
        return { ...item, type: 'other', end: next };
    }
  }
}

function endOfChunks(bytes: Uint8Array, start: number, depth: number): number {
  let at = start;
  while (bytes[at] !== 0xff) at = itemFrom(bytes, at, depth + 1).end;
  return at + 1;
}

/** The number in an item's head, and where the head ends; undefined for "until a break". */
function argumentOf(bytes: Uint8Array, at: number): { readonly value: number | undefined; readonly next: number } {
  const info = (bytes[at] ?? 0) & 0x1f;
  if (info < 24) return { value: info, next: at + 1 };
  if (info === 31) return { value: undefined, next: at + 1 };
  if (info > 27) throw broken(at);
  const size = 1 << (info - 24);
  within(bytes, at + 1 + size);
  let value = 0;
  for (let index = 0; index < size; index += 1) value = value * 256 + (bytes[at + 1 + index] ?? 0);
  return { value, next: at + 1 + size };
}

function within(bytes: Uint8Array, end: number): number {
  if (end > bytes.length) throw broken(bytes.length);
  return end;
}

function broken(at: number): Failure {
  return new Failure(`bytes at offset ${at} are not CBOR`);
}
