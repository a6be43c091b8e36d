import { createHash } from 'node:crypto';
import { Failure } from '../errors/errors.ts';

/**
 * DER on the level of tags and lengths: enough to copy what stays and to splice what changes. Reading meaning is the schema's
 * part (`certificate.ts`); writing goes through here, because a schema that writes drops what it holds for defaults.
 */
export type Tlv = { readonly tag: number; readonly start: number; readonly contentStart: number; readonly end: number };

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The element that begins at an offset. */
export function tlvAt(der: Uint8Array, start = 0, limit = der.length): Tlv {
  const tag = der[start];
  const first = der[start + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw broken(start);
  if (first < 0x80) return within({ tag, start, contentStart: start + 2, end: start + 2 + first }, limit);
  const size = first & 0x7f;
  if (size === 0 || size > 4) throw broken(start);
  let length = 0;
  for (let index = 0; index < size; index += 1) length = length * 256 + (der[start + 2 + index] ?? 0);
  return within({ tag, start, contentStart: start + 2 + size, end: start + 2 + size + length }, limit);
}

/** The elements inside a constructed element. */
export function childrenOf(der: Uint8Array, parent: Tlv): Tlv[] {
  const children: Tlv[] = [];
  for (let at = parent.contentStart; at < parent.end;) {
    const child = tlvAt(der, at, parent.end);
    children.push(child);
    at = child.end;
  }
  return children;
}

/** An element with its tag and length. */
export function whole(der: Uint8Array, element: Tlv): Uint8Array {
  return der.subarray(element.start, element.end);
}

export function content(der: Uint8Array, element: Tlv): Uint8Array {
  return der.subarray(element.contentStart, element.end);
}

/** A new element. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | size.length, ...size];
  return new Uint8Array(Buffer.concat([Uint8Array.from(head), ...parts]));
}

/** A constructed element with some of its children made anew; one for which `change` gives the same bytes stays as it was. */
export function mapChildren(der: Uint8Array, change: (child: Uint8Array, tag: number) => Uint8Array): Uint8Array {
  const parent = tlvAt(der);
  const children = childrenOf(der, parent).map((child) => ({ old: whole(der, child), tag: child.tag }));
  const changed = children.map(({ old, tag }) => change(old, tag));
  return changed.every((made, at) => made === children[at]?.old) ? der : tlv(parent.tag, ...changed);
}

/** An OID in dots, from its content bytes. */
export function oidText(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of bytes) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function within(element: Tlv, limit: number): Tlv {
  if (element.end > limit) throw broken(element.start);
  return element;
}

function broken(at: number): Failure {
  return new Failure(`bytes at offset ${at} are not DER`);
}

/** SHA-256 in hex: how certificates, keys and contents are told apart. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
