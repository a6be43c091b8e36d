import { aroundAll } from '../../edit/edit.ts';
import type { Place as TextPlace } from '../../edit/edit.ts';
import type { FieldPath } from '../../edit/json.ts';
import type { Stored } from '../../wire/wire.ts';
import { fieldAt, openStored, replaceAt, spanAt } from '../../wire/wire.ts';
import type { Document, Edit } from '../document.ts';

/**
 * Whether documents differ in nothing but the planned places, byte for byte.
 *
 * * A text (a file, a field): what stands around the places must be the same, in it and in each text on the way.
 * * A stored object in JSON or CBOR is the same outside of the planned fields.
 * * A stored object in protobuf has lengths around its fields, which must change: with the old values put back it must be what it was,
 *   to the last byte.
 */
export function outsideFaults(
  before: ReadonlyMap<string, Document>,
  after: ReadonlyMap<string, Document>,
  edits: readonly Edit[],
): string[] {
  const planned = Map.groupBy(edits, ({ place }) => place.document);
  return [...before].flatMap(([name, old]) => {
    const fresh = after.get(name);
    const places = planned.get(name) ?? [];
    const same =
      fresh !== undefined &&
      (places.length === 0
        ? Buffer.compare(old.bytes, fresh.bytes) === 0
        : old.in === 'file'
          ? sameAround(
              old.bytes,
              fresh.bytes,
              places.map(({ place }) => place.within),
            )
          : sameObject(old.bytes, fresh.bytes, places));
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
  const fields = [...Map.groupBy(edits, ({ place }) => JSON.stringify(place.field)).values()].map((group) => ({
    path: group[0]?.place.field ?? [],
    withins: group.map(({ place }) => place.within),
  }));
  const inside = fields.every(({ path, withins }) => {
    const [one, other] = [bytesAt(before, path), bytesAt(after, path)];
    return one !== undefined && other !== undefined && sameAround(one, other, withins);
  });
  if (!inside) return false;
  if (before.form !== 'protobuf')
    return (
      Buffer.compare(
        outside(
          before,
          fields.map(({ path }) => path),
        ),
        outside(
          after,
          fields.map(({ path }) => path),
        ),
      ) === 0
    );
  let back = after;
  for (const { path } of fields) {
    const value = fieldAt(before, path);
    if (value?.type === 'text') back = replaceAt(back, path, value.text);
    else if (value?.type === 'bytes') back = replaceAt(back, path, value.bytes);
    else return false;
  }
  return Buffer.compare(back.bytes, old) === 0;
}

/** The bytes of an object without some fields, each cut marked. */
function outside(stored: Stored, paths: readonly FieldPath[]): Uint8Array {
  const kept: Uint8Array[] = [];
  let at = 0;
  for (const { start, end } of paths
    .map((path) => spanAt(stored, path) ?? { start: 0, end: 0 })
    .toSorted((one, other) => one.start - other.start)) {
    kept.push(stored.bytes.subarray(at, start), new TextEncoder().encode(`|${start - at}|`));
    at = end;
  }
  return Buffer.concat([...kept, stored.bytes.subarray(at)]);
}

function bytesAt(stored: Stored, path: FieldPath): Uint8Array | undefined {
  const field = fieldAt(stored, path);
  return field?.type === 'bytes'
    ? field.bytes
    : field?.type === 'text'
      ? new TextEncoder().encode(field.text)
      : undefined;
}
