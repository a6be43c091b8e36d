import { Failure } from '../errors/errors.ts';
import { joined } from './bytes.ts';

/**
 * Protobuf on the level of fields: tags, wire types and spans, no schema. Enough to find a field and to splice it.
 *
 * INVARIANT: an edit names only leaf spans; the lengths of the messages around them are computed here, from the innermost
 * outwards, and a length whose value does not change keeps its bytes even if they are not the shortest form.
 */

/** A field as it stands in the bytes. For length-delimited fields `start`..`end` is the content; for others the raw value. */
export type WireField = {
  readonly number: number;
  readonly wireType: number;
  /** Offset of the tag: where the field begins. */
  readonly tagAt: number;
  /** Offset of the length, for length-delimited fields; otherwise of the value. */
  readonly lengthAt: number;
  readonly start: number;
  readonly end: number;
};

/** A message in the bytes: its content, and where its length stands (undefined for the outermost, which has none). */
export type Enclosing = { readonly lengthAt: number; readonly start: number; readonly end: number };

export const lengthDelimited = 2;

/** The fields of the message in `[start, end)`, in their order, unknown ones included. Throws where it is not protobuf. */
export function fieldsIn(bytes: Uint8Array, start: number, end: number): WireField[] {
  const fields: WireField[] = [];
  let at = start;
  while (at < end) {
    const tag = readNumber(bytes, at, end);
    const wireType = tag.value % 8;
    const number = Math.floor(tag.value / 8);
    if (number === 0) throw broken(at);
    const field = { number, wireType, tagAt: at, lengthAt: tag.next };
    const span = contentOf(bytes, wireType, tag.next, end);
    if (span.end > end) throw broken(at);
    fields.push({ ...field, ...span });
    at = span.end;
  }
  return fields;
}

function contentOf(bytes: Uint8Array, wireType: number, at: number, end: number): { start: number; end: number } {
  switch (wireType) {
    case 0:
      return { start: at, end: readNumber(bytes, at, end).next };
    case 1:
      return { start: at, end: at + 8 };
    case 2: {
      const length = readNumber(bytes, at, end);
      return { start: length.next, end: length.next + length.value };
    }
    case 5:
      return { start: at, end: at + 4 };
    default:
      throw broken(at); // groups are not used by any Kubernetes type
  }
}

/** A tag or a length: exact where it can be one. What is greater is beyond every message, however it is rounded. */
function readNumber(bytes: Uint8Array, at: number, end: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let unit = 1, next = at; next < end && next < at + 10; unit *= 128) {
    const byte = bytes[next] ?? 0;
    next += 1;
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) return { value, next };
  }
  throw broken(at);
}

/** A varint and where it ends. */
export function readVarint(
  bytes: Uint8Array,
  at: number,
  end: number,
): { readonly value: bigint; readonly next: number } {
  let value = 0n;
  for (let shift = 0n, next = at; next < end && shift < 70n; shift += 7n) {
    const byte = bytes[next] ?? 0;
    next += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value, next };
  }
  throw broken(at);
}

/** A number as the shortest varint. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** A length-delimited field, tag and all. */
export function field(number: number, content: Uint8Array): Uint8Array {
  return joined(varint(number * 8 + lengthDelimited), varint(content.length), content);
}

/**
 * Replaces `[start, end)` and mends the lengths of the messages around it. `enclosing` goes from the outermost inwards and
 * includes the replaced field itself when it has a length of its own.
 */
export function replaceSpan(
  bytes: Uint8Array,
  enclosing: readonly Enclosing[],
  start: number,
  end: number,
  piece: Uint8Array,
): Uint8Array {
  const parts: Uint8Array[] = [piece];
  let size = piece.length;
  let [left, right] = [start, end];
  for (const message of enclosing.toReversed()) {
    const before = bytes.subarray(message.start, left);
    const after = bytes.subarray(right, message.end);
    const length = before.length + size + after.length;
    const unchanged = length === message.end - message.start;
    const prefix = unchanged ? bytes.subarray(message.lengthAt, message.start) : varint(length);
    parts.unshift(prefix, before);
    parts.push(after);
    size = prefix.length + length;
    [left, right] = [message.lengthAt, message.end];
  }
  return joined(bytes.subarray(0, left), ...parts, bytes.subarray(right));
}

function broken(at: number): Failure {
  return new Failure(`bytes at offset ${at} are not protobuf`);
}
