import assert from 'node:assert/strict';
import type { FieldPath } from './json.ts';
import { textTree } from './text-tree.ts';
import type { Tree } from './tree.ts';

/** Trees as tests write them: a text in, a text out. */

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const written = (tree: Tree): string => new TextDecoder().decode(tree.bytes);

/** A text that must open. */
export function opened(text: string): Tree {
  const tree = textTree(bytes(text));
  assert.ok(tree, text);
  return tree;
}

/** What becomes of a text. */
export const edited = (text: string, edit: (tree: Tree) => Tree): string => written(edit(opened(text)));

/** The path of every value of a tree, from `path` down, a container before what it holds. */
export function pathsOf(tree: Tree, path: FieldPath = []): FieldPath[] {
  return [path, ...tree.keysAt(path).flatMap((key) => pathsOf(tree, [...path, key]))];
}
