import { Failure } from '../errors/errors.ts';
import type { Change } from './layer.ts';
import { openLayer } from './layer.ts';
import type { Part, Place } from './part.ts';
import { placeText } from './part.ts';
import type { Hunk } from './respell.ts';

export type { Part, Place } from './part.ts';
export { placeText } from './part.ts';

/** The value at a place; undefined when nothing can be read there. PEM gives DER, everything else what is inside. */
export function readAt(document: Uint8Array, place: Place): Uint8Array | undefined {
  let inner: Uint8Array | undefined = document;
  for (const part of place) inner = inner === undefined ? undefined : openLayer(inner, part.in)?.innerAt(part);
  return inner;
}

/** The document with the value at a place replaced and every other byte as it was. Throws where nothing can be read or written. */
export function writeAt(document: Uint8Array, place: Place, value: Uint8Array): Uint8Array {
  return writeAll(document, [{ place, value }]);
}

export type Write = { readonly place: Place; readonly value: Uint8Array };

/**
 * The document with the values at several places replaced, each text on the way read and written once. Throws when a place cannot
 * be read or written, when two writes have one place, and when one lies inside another.
 */
export function writeAll(document: Uint8Array, writes: readonly Write[]): Uint8Array {
  return written(document, treeOf(writes), []).bytes;
}

/**
 * What stands around the values at these places, in the document and in each text on the way: equal for two documents exactly when
 * they differ in nothing but these values. Undefined where a place cannot be read.
 */
export function aroundAll(document: Uint8Array, places: readonly Place[]): string | undefined {
  return around(document, treeOf(places.map((place) => ({ place, value: new Uint8Array() }))));
}

/** Writes by their common beginnings. */
type Tree = {
  readonly value?: Uint8Array;
  readonly children: ReadonlyMap<string, { readonly part: Part; readonly tree: Tree }>;
};

function treeOf(writes: readonly Write[]): Tree {
  const leaves = writes.filter(({ place }) => place.length === 0);
  const [leaf] = leaves;
  if (leaves.length > 1 || (leaf !== undefined && writes.length > 1))
    throw new Failure('two values are to be written at one place');
  if (leaf !== undefined) return { value: leaf.value, children: new Map() };
  const groups = Map.groupBy(writes, ({ place }) => JSON.stringify(place[0]));
  const children = new Map<string, { part: Part; tree: Tree }>();
  for (const [key, group] of groups) {
    const part = group[0]?.place[0];
    if (part === undefined) continue;
    children.set(key, { part, tree: treeOf(group.map(({ place, value }) => ({ place: place.slice(1), value }))) });
  }
  return { children };
}

type Written = { readonly bytes: Uint8Array; readonly hunks: readonly Hunk[] };

function written(document: Uint8Array, tree: Tree, above: Place): Written {
  if (tree.value !== undefined)
    return {
      bytes: tree.value,
      hunks: [{ start: 0, end: document.length, text: Buffer.from(tree.value).toString('latin1') }],
    };
  const children = [...tree.children.values()];
  const [way, ...others] = new Set(children.map(({ part }) => part.in));
  if (way === undefined) return { bytes: document, hunks: [] };
  if (others.length > 0)
    throw new Failure(
      `the text at ${placeText(above)} is to be written in two ways, as ${way} and as ${others.join(', ')}`,
    );
  const layer = openLayer(document, way);
  const changes: Change[] = [];
  for (const { part, tree: inside } of children) {
    const here = [...above, part];
    const old = layer?.innerAt(part);
    if (old === undefined) throw new Failure(`nothing can be read at ${placeText(here)}`);
    const fresh = written(old, inside, here);
    if (Buffer.compare(old, fresh.bytes) !== 0) changes.push({ part, ...fresh });
  }
  if (changes.length === 0) return { bytes: document, hunks: [] };
  const closed = layer?.close(changes);
  const again = closed === undefined ? undefined : openLayer(closed.bytes, way);
  // The last line of defence for a node that must boot: a spelling that reads back otherwise never leaves this function.
  for (const { part, bytes } of changes) {
    const read = again?.innerAt(part);
    if (read === undefined || Buffer.compare(read, bytes) !== 0)
      throw new Failure(`the value at ${placeText([...above, part])} cannot be written so that it reads back`);
  }
  if (closed === undefined) throw new Failure(`the text at ${placeText(above)} cannot be written`);
  return closed;
}

function around(document: Uint8Array, tree: Tree): string | undefined {
  if (tree.value !== undefined) return '';
  const children = [...tree.children.values()];
  const [first] = children;
  const layer = first === undefined ? undefined : openLayer(document, first.part.in);
  if (layer === undefined) return undefined;
  const pieces = [layer.around(children.map(({ part }) => part))];
  for (const { part, tree: inside } of children) {
    const inner = layer.innerAt(part);
    const piece = inner === undefined ? undefined : around(inner, inside);
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  return pieces.map((piece) => `${piece.length}:${piece}`).join('|');
}
