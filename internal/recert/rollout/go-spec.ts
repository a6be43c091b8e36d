import { utf8 } from '../../edit/characters.ts';
import { isList } from '../../edit/structure.ts';
import type { Plain } from '../../edit/tree.ts';
import { objectTree } from '../../wire/object-tree.ts';
import { rawOf } from '../../wire/protobuf-object.ts';
import type { WireField } from '../../wire/protobuf.ts';
import { fieldsIn, lengthDelimited, readVarint } from '../../wire/protobuf.ts';
import { openStored } from '../../wire/wire.ts';
import type { GoField } from './deployment-fields.ts';
import { goFields } from './deployment-fields.ts';

/** A message as JSON has it: what `omitempty` leaves out does not stand. */
export type Members = Readonly<Record<string, Plain>>;

/**
 * The spec of a stored Deployment, in any form; undefined for another kind, and for one that has a field which is not in our table:
 * what we do not know we cannot write as Go does.
 */
export function specOf(deployment: Uint8Array): Members | undefined {
  const stored = openStored(deployment);
  if (stored?.kind !== 'Deployment' || stored.apiVersion !== 'apps/v1') return undefined;
  try {
    if (stored.form !== 'protobuf') {
      const spec = objectTree(deployment)?.at(['spec']);
      return isMembers(spec) && isKnown('DeploymentSpec', spec) ? spec : undefined;
    }
    const raw = rawOf(stored.bytes).at(-1);
    const spec =
      raw === undefined ? undefined : fieldsIn(stored.bytes, raw.start, raw.end).findLast(({ number }) => number === 2);
    return spec === undefined ? undefined : messageFrom(stored.bytes, 'DeploymentSpec', spec);
  } catch (error) {
    if (error instanceof UnknownField) return undefined;
    throw error;
  }
}

export function isMembers(value: Plain | undefined): value is Members {
  return typeof value === 'object' && value !== null && !isList(value);
}

/** What `omitempty` leaves out. */
export function isZero(value: Plain): boolean {
  return (
    value === '' ||
    value === 0 ||
    value === false ||
    value === null ||
    (isList(value) && value.length === 0) ||
    (isMembers(value) && Object.keys(value).length === 0)
  );
}

/** Leaves the reading at once, from any depth; never seen outside of this file. */
class UnknownField extends Error {}

function messageFrom(
  bytes: Uint8Array,
  message: string,
  span: { readonly start: number; readonly end: number },
): Record<string, Plain> {
  const known = goFields(message) ?? [];
  const present = Map.groupBy(fieldsIn(bytes, span.start, span.end), ({ number }) => number);
  const members: Record<string, Plain> = {};
  for (const field of known) {
    const own = present.get(field.number) ?? [];
    present.delete(field.number);
    const last = own.at(-1);
    if (last === undefined) continue;
    if (field.mark === 'embedded') Object.assign(members, messageFrom(bytes, field.type, last));
    else if (field.shape === 'list')
      members[field.name] = own.map((item) => valueFrom(bytes, field.type, item) ?? null);
    else if (field.shape === 'map')
      members[field.name] = Object.fromEntries(own.map((entry) => entryFrom(bytes, field, entry)));
    else {
      const value = valueFrom(bytes, field.type, last);
      if (value !== undefined && !(field.mark === 'omitted' && isZero(value))) members[field.name] = value; // as JSON has it
    }
  }
  if (present.size > 0) throw new UnknownField();
  return members;
}

function valueFrom(bytes: Uint8Array, type: string, field: WireField): Plain | undefined {
  const isNumber = type === 'int' || type === 'bool';
  if (field.wireType !== (isNumber ? 0 : lengthDelimited)) throw new UnknownField();
  switch (type) {
    case 'int':
      return integer(bytes, field);
    case 'bool':
      return integer(bytes, field) !== 0;
    case 'text':
      return textFrom(bytes, field);
    case 'quantity': {
      const text = inside(bytes, field, 1);
      return text === undefined ? '0' : textFrom(bytes, text) || '0';
    }
    case 'int-or-string': {
      const [kind, number, text] = [inside(bytes, field, 1), inside(bytes, field, 2), inside(bytes, field, 3)];
      if (kind !== undefined && integer(bytes, kind) === 1) return text === undefined ? '' : textFrom(bytes, text);
      return number === undefined ? 0 : integer(bytes, number);
    }
    case 'time': {
      const seconds = inside(bytes, field, 1);
      return seconds === undefined
        ? undefined
        : new Date(integer(bytes, seconds) * 1000).toISOString().replace('.000Z', 'Z');
    }
    case 'raw': {
      const json = inside(bytes, field, 1);
      return json === undefined ? undefined : (JSON.parse(textFrom(bytes, json)) as Plain); // JSON that the API server made
    }
    default:
      return messageFrom(bytes, type, field);
  }
}

function entryFrom(bytes: Uint8Array, { type }: GoField, entry: WireField): [string, Plain] {
  const [key, value] = [inside(bytes, entry, 1), inside(bytes, entry, 2)];
  return [
    key === undefined ? '' : textFrom(bytes, key),
    value === undefined ? (type === 'quantity' ? '0' : '') : (valueFrom(bytes, type, value) ?? ''),
  ];
}

function inside(bytes: Uint8Array, { start, end }: WireField, number: number): WireField | undefined {
  return fieldsIn(bytes, start, end).findLast((field) => field.number === number);
}

function integer(bytes: Uint8Array, { start, end }: WireField): number {
  const value = Number(BigInt.asIntN(64, readVarint(bytes, start, end).value));
  if (!Number.isSafeInteger(value)) throw new UnknownField();
  return value;
}

function textFrom(bytes: Uint8Array, { start, end }: WireField): string {
  const text = utf8(bytes.subarray(start, end));
  if (text === undefined) throw new UnknownField();
  return text;
}

/** True when a message that is stored as JSON or CBOR has no member that our table lacks. */
function isKnown(message: string, value: Plain): boolean {
  const known = flatFields(message);
  return (
    isMembers(value) &&
    Object.entries(value).every(([name, member]) => {
      const field = known.get(name);
      if (field === undefined) return false;
      if (goFields(field.type) === undefined || member === null) return true;
      return field.shape === 'list'
        ? isList(member) && member.every((item) => isKnown(field.type, item))
        : isKnown(field.type, member);
    })
  );
}

function flatFields(message: string): Map<string, GoField> {
  return new Map(
    (goFields(message) ?? []).flatMap((field) =>
      field.mark === 'embedded' ? [...flatFields(field.type)] : [[field.name, field] as const],
    ),
  );
}
