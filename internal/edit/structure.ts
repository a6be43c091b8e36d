import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../errors/errors.ts';
import type { FieldPath } from './json.ts';
import type { Plain, Tree } from './tree.ts';

/**
 * One way of writing a tree (JSON, YAML, CBOR, protobuf): what `treeOver` needs to make a Tree of it. The writers may rely on their
 * paths: `treeOver` has looked that what they change stands, and that what they add does not. Values come as JSON has them, so what
 * goes into a byte field comes in base64.
 */
export type Structure = {
  /** What errors call the document: a kind, or "the text". */
  readonly subject: string;
  readonly bytes: () => Uint8Array;
  readonly at: (path: FieldPath) => Plain | undefined;
  readonly textAt: (path: FieldPath) => string | undefined;
  readonly keysAt: (path: FieldPath) => readonly (string | number)[];
  readonly shapeAt: (path: FieldPath) => Shape | undefined;
  /** A value that is meant for a path, as JSON has it there. */
  readonly inJson: (path: FieldPath, value: Plain) => Plain;
  /** Replaces what stands at a path. */
  readonly replace: (path: FieldPath, value: Plain) => Structure;
  /** Replaces the items `[from, to)` of a list. */
  readonly replaceItems: (list: FieldPath, from: number, to: number, items: readonly Plain[]) => Structure;
  /** Adds a member to a map. */
  readonly add: (path: FieldPath, value: Plain) => Structure;
  /** Removes a member of a map. */
  readonly drop: (path: FieldPath) => Structure;
  readonly rename: (path: FieldPath, name: string) => Structure;
};

export type Shape = 'map' | 'list' | 'leaf';

/** A tree over a way of writing it: what is asked is checked here, once for all ways. */
export function treeOver(structure: Structure): Tree {
  const { subject } = structure;
  const known = (path: FieldPath): Shape => {
    const shape = structure.shapeAt(path);
    if (shape === undefined) throw new Failure(`${subject} has nothing at ${pathText(path)}`);
    return shape;
  };
  const wantedAt = (path: FieldPath, value: Plain): Plain => {
    if (!isPlain(value)) throw new Failure(`the value for ${pathText(path)} of ${subject} cannot be written as JSON`);
    return structure.inJson(path, value);
  };
  const listAbove = (path: FieldPath, most: number): number => {
    const [parent, index] = [path.slice(0, -1), path.at(-1)];
    if (path.length === 0 || structure.shapeAt(parent) !== 'list')
      throw new Failure(`${subject} has no list at ${pathText(parent)}`);
    const length = structure.keysAt(parent).length;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > length - 1 + most)
      throw new Failure(`${subject} has no place ${pathText(path)}: the list has ${length} items`);
    return index;
  };
  let bytes: Uint8Array | undefined;
  const tree: Tree = {
    get bytes() {
      return (bytes ??= structure.bytes());
    },
    at: structure.at,
    textAt: structure.textAt,
    keysAt: structure.keysAt,
    set: (path, value) => {
      if (path.length === 0) throw new Failure(`${subject} is not replaced as a whole`);
      if (typeof value === 'string' && structure.textAt(path) === value) return tree; // whatever its spelling
      const wanted = wantedAt(path, value);
      const shape = structure.shapeAt(path);
      if (shape === undefined) {
        const parent = structure.shapeAt(path.slice(0, -1));
        if (parent === 'list') listAbove(path, 0);
        if (parent !== 'map') throw new Failure(`${subject} has no map at ${pathText(path.slice(0, -1))}`);
        return treeOver(structure.add(path, wanted));
      }
      const old = structure.at(path);
      if (isDeepStrictEqual(old, wanted)) return tree;
      if (shape !== 'list' || !Array.isArray(old) || !isList(wanted)) return treeOver(structure.replace(path, wanted));
      const { head, tail } = commonEnds(old, wanted);
      return treeOver(structure.replaceItems(path, head, old.length - tail, wanted.slice(head, wanted.length - tail)));
    },
    remove: (path) => {
      if (path.length === 0) throw new Failure(`${subject} is not removed as a whole`);
      if (structure.shapeAt(path.slice(0, -1)) === 'list') {
        const index = listAbove(path, 0);
        return treeOver(structure.replaceItems(path.slice(0, -1), index, index + 1, []));
      }
      known(path);
      return treeOver(structure.drop(path));
    },
    rename: (path, name) => {
      known(path);
      const parent = path.slice(0, -1);
      if (path.length === 0 || structure.shapeAt(parent) !== 'map')
        throw new Failure(`${subject} has no name at ${pathText(path)}`);
      if (!name.isWellFormed()) throw new Failure(`the new name of ${pathText(path)} of ${subject} cannot be written`);
      if (String(path.at(-1)) === name) return tree;
      if (structure.shapeAt([...parent, name]) !== undefined)
        throw new Failure(`${subject} already has ${pathText([...parent, name])}`);
      return treeOver(structure.rename(path, name));
    },
    insert: (path, value) => {
      const index = listAbove(path, 1);
      return treeOver(structure.replaceItems(path.slice(0, -1), index, index, [wantedAt(path, value)]));
    },
  };
  return tree;
}

/** A path as people read it. */
export function pathText(path: FieldPath): string {
  return path.length === 0 ? 'its root' : `"${path.join('/')}"`;
}

export function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

/** Names in the order of Go: by the bytes of their UTF-8. */
export function byName(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** Where a new name goes among others: where they are in order, if they are; else at the end. */
export function placeOf(
  name: string,
  names: readonly string[],
  order: (one: string, other: string) => number = byName,
): number {
  const ordered = names.every((other, at) => at === 0 || order(names[at - 1] ?? '', other) < 0);
  const next = ordered ? names.findIndex((other) => order(other, name) > 0) : -1;
  return next < 0 ? names.length : next;
}

/**
 * The order of members after one of them got another name, as indexes of the old order: moved to where the names are in order, if
 * they were; else as they stood.
 */
export function orderAfterRename(
  names: readonly string[],
  old: string,
  name: string,
  order: (one: string, other: string) => number = byName,
): number[] {
  const all = names.map((_, at) => at);
  const from = names.indexOf(old);
  if (!names.every((other, at) => at === 0 || order(names[at - 1] ?? '', other) < 0)) return all;
  const rest = all.filter((at) => at !== from);
  return rest.toSpliced(
    placeOf(
      name,
      rest.map((at) => names[at] ?? ''),
      order,
    ),
    0,
    from,
  );
}

/** How many items at the beginning and at the end are the same: they keep their bytes. */
function commonEnds(
  old: readonly unknown[],
  fresh: readonly Plain[],
): { readonly head: number; readonly tail: number } {
  const shorter = Math.min(old.length, fresh.length);
  let head = 0;
  while (head < shorter && isDeepStrictEqual(old[head], fresh[head])) head += 1;
  let tail = 0;
  while (tail < shorter - head && isDeepStrictEqual(old.at(-1 - tail), fresh.at(-1 - tail))) tail += 1;
  return { head, tail };
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'boolean' || value === null;
  return Array.isArray(value)
    ? value.every(isPlain)
    : Object.entries(value).every(([name, member]) => name.isWellFormed() && isPlain(member));
}
