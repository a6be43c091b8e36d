import { placeText, writeAll } from '../edit/edit.ts';
import { Failure, messageOf } from '../errors/errors.ts';
import type { FieldPath } from '../edit/json.ts';
import type { Stored } from '../wire/wire.ts';
import { fieldAt, openStored, replaceAt } from '../wire/wire.ts';
import type { Document, Edit, Replacement } from './document.ts';
import { documentName } from './document.ts';

/**
 * Lays the edits over the documents: one new content for each document that changes. Two edits of one place are an error, unless the
 * later was made from the value of the earlier and says so.
 */
export function overlay(documents: ReadonlyMap<string, Document>, edits: readonly Edit[]): Replacement[] {
  const superseded = new Set(edits.map(({ buildsOn }) => buildsOn));
  const groups = Map.groupBy(
    edits.filter((edit) => !superseded.has(edit)),
    ({ place }) => place.document,
  );
  return [...groups].flatMap(([name, group]): Replacement[] => {
    const document = documents.get(name);
    if (document === undefined) throw new Failure(`there is no document "${name}" to edit`);
    refuseDoubles(group);
    const after = named(name, () =>
      document.in === 'file' ? written(document.bytes, group) : object(name, document.bytes, group),
    );
    return Buffer.compare(after, document.bytes) === 0 ? [] : [{ kind: 'changed', document, after }];
  });
}

/** Rooms below know places, not documents. */
function named<T>(name: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (messageOf(error).includes(name)) throw error;
    throw new Failure(`${name} cannot be changed: ${messageOf(error)}`, {
      next: 'rewrite this file or object in plain form, or leave it out',
      cause: error,
    });
  }
}

/** The documents as they are when the replacements are written. */
export function laidOver(
  documents: ReadonlyMap<string, Document>,
  replacements: readonly Replacement[],
): Map<string, Document> {
  const after = new Map(documents);
  for (const one of replacements)
    if (one.kind === 'changed') after.set(documentName(one.document), { ...one.document, bytes: one.after });
  return after;
}

function object(name: string, bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let stored = openStored(bytes);
  if (stored === undefined) throw new Failure(`"${name}" holds no object`);
  for (const [, group] of Map.groupBy(edits, ({ place }) => JSON.stringify(place.field))) {
    const path: FieldPath = group[0]?.place.field ?? [];
    stored = replaced(stored, path, group, name);
  }
  return stored.bytes;
}

function replaced(stored: Stored, path: FieldPath, edits: readonly Edit[], name: string): Stored {
  const field = fieldAt(stored, path);
  switch (field?.type) {
    case 'bytes':
      return replaceAt(stored, path, written(field.bytes, edits));
    case 'text':
      return replaceAt(
        stored,
        path,
        new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
          written(new TextEncoder().encode(field.text), edits),
        ),
      );
    case 'container':
    case 'other':
    case undefined:
      throw new Failure(`"${name}" has no value at "${path.join('/')}"`);
  }
}

function written(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  return writeAll(
    bytes,
    edits.map(({ place, value }) => ({ place: place.within, value })),
  );
}

function refuseDoubles(edits: readonly Edit[]): void {
  const seen = new Map<string, Edit>();
  for (const edit of edits) {
    const { document, field, within } = edit.place;
    const key = JSON.stringify([field, within]);
    const other = seen.get(key);
    if (other !== undefined)
      throw new Failure(
        `two changes of one place: "${other.reason}" and "${edit.reason}" at "${document}" ${field.join('/')}, ${placeText(within)}`,
        { next: 'report this; nothing was changed' },
      );
    seen.set(key, edit);
  }
}
