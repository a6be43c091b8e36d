import { aroundAll } from '../edit/edit.ts';
import type { Place as TextPlace } from '../edit/edit.ts';
import type { FieldPath } from '../edit/json.ts';
import type { Stored } from '../wire/wire.ts';
import { fieldAt, openStored, replaceAt } from '../wire/wire.ts';
import type { Document, Edit } from './document.ts';

/**
 * Whether documents differ in nothing but the planned places, byte for byte.
 *
 * * A text (a file, a field): what stands around the places must be the same, in it and in each text on the way.
 * * A stored object in JSON is a text of which the fields are places.
 * * A stored object in protobuf or CBOR has lengths around its fields, which must change: with the old values put back it must be
 *   what it was, to the last byte.
 */
export function outsideFaults(before: ReadonlyMap<string, Document>, after: ReadonlyMap<string, Document>, edits: readonly Edit[]): string[] {
  const planned = Map.groupBy(edits, ({ place }) => place.document);
  return [...before].flatMap(([name, old]) => {
    const fresh = after.get(name);
    const places = planned.get(name) ?? [];
    const same = fresh !== undefined && (places.length === 0 ? Buffer.compare(old.bytes, fresh.bytes) === 0 : old.in === 'file' ? sameAround(old.bytes, fresh.bytes, places.map(({ place }) => place.within)) : sameObject(old.bytes, fresh.bytes, places));
    return same ? [] : [`${name} differs outside of the planned places`];
  });
}

function sameAround(old: Uint8Array, fresh: Uint8Array, places: readonly TextPlace[]): boolean {
  const [before, after] = [aroundAll(old, places), aroundAll(fresh, places)];
  return before !== undefined && before === after;
}

function sameObject(old: Uint8Array, fresh: Uint8Array, edits: readonly Edit[]): boolean {
  const [before, after] = [openStored(old), openStored(fresh)];
  if (before === undefined || after === undefined) return false;
  const fields = [...Map.groupBy(edits, ({ place }) => JSON.stringify(place.field)).values()].map((group) => ({ path: group[0]?.place.field ?? [], withins: group.map(({ place }) => place.within) }));
  const inside = fields.every(({ path, withins }) => {
    const [one, other] = [bytesAt(before, path), bytesAt(after, path)];
    return one !== undefined && other !== undefined && sameAround(one, other, withins);
  });
  if (!inside) return false;
  if (before.form === 'json') return sameAround(old, fresh, fields.map(({ path }) => [{ in: 'json', path }]));
  let back = after;
  for (const { path } of fields) {
    const value = fieldAt(before, path);
    if (value?.type === 'text') back = replaceAt(back, path, value.text);
    else if (value?.type === 'bytes') back = replaceAt(back, path, value.bytes);
    else return false;
  }
  return Buffer.compare(back.bytes, old) === 0;
}

function bytesAt(stored: Stored, path: FieldPath): Uint8Array | undefined {
  const field = fieldAt(stored, path);
  return field?.type === 'bytes' ? field.bytes : field?.type === 'text' ? new TextEncoder().encode(field.text) : undefined;
}
