import { gunzipSync, gzipSync } from 'node:zlib';
import { dataUrlBytes, respellDataUrl } from '../../edit/data-url.ts';
import { latin1, utf8 } from '../../edit/characters.ts';
import type { FieldPath } from '../../edit/json.ts';
import { textTree } from '../../edit/text-tree.ts';
import type { Plain, Tree } from '../../edit/tree.ts';
import { hiddenNote, noteLines, noteOf, type Note } from './change.ts';

/** A mandatory value that is not there, or is not what it should be. The driver adds the document and the option. */
export class NotThere extends Error {
  readonly path: string;
  /** How it differs from what was expected; undefined when it is absent. */
  readonly found: string | undefined;

  constructor(path: string, found?: string) {
    super(`nothing usable at ${path}`);
    this.path = path;
    this.found = found;
  }
}

export type How = { readonly secret?: true };

/** Edits one document and remembers what a person will want to know. A path that must exist and does not throws NotThere. */
export type Editor = Pick<Tree, 'at' | 'textAt' | 'keysAt'> & {
  /** Sets or adds. */
  readonly set: (path: FieldPath, value: Plain, how?: How) => void;
  /** Sets what must exist already. */
  readonly replace: (path: FieldPath, value: Plain, how?: How) => void;
  readonly remove: (path: FieldPath) => void;
  readonly rename: (path: FieldPath, name: string) => void;
  readonly insert: (path: FieldPath, value: Plain) => void;
  /** The text at a path, which must exist, as another text. */
  readonly rewrite: (path: FieldPath, edit: (text: string) => string, how?: How) => void;
  /** The JSON or YAML text at a path, which must exist. */
  readonly within: (path: FieldPath, edit: (inner: Editor) => void) => void;
  /** The content of an Ignition file, the object at a path, as text; gzip is undone and done again. */
  readonly ignition: (path: FieldPath, edit: (text: string) => string, how?: How) => void;
  readonly fail: (path: FieldPath, found?: string) => never;
};

export type Edited = { readonly bytes: Uint8Array; readonly notes: readonly Note[] };

/** Runs an edit over a tree. */
export function edited(tree: Tree, edit: (editor: Editor) => void, above = ''): Edited {
  let now = tree;
  const notes: Note[] = [];
  const where = (path: FieldPath): string => `${above}${pointer(path)}`;
  const put = (next: Tree, path: FieldPath, before: unknown, after: unknown, how: How = {}): void => {
    if (next === now) return;
    now = next;
    notes.push((how.secret === true ? hiddenNote : noteOf)(where(path), before, after));
  };
  const value = (path: FieldPath): unknown => now.textAt(path) ?? now.at(path);
  const textAt = (path: FieldPath): string =>
    now.textAt(path) ?? editor.fail(path, now.at(path) === undefined ? undefined : 'is no text');
  const editor: Editor = {
    at: (path) => now.at(path),
    textAt: (path) => now.textAt(path),
    keysAt: (path) => now.keysAt(path),
    set: (path, fresh, how) => {
      if (same(value(path), fresh)) return;
      put(now.set(path, fresh), path, value(path), fresh, how);
    },
    replace: (path, fresh, how) => {
      if (now.at(path) === undefined) editor.fail(path);
      editor.set(path, fresh, how);
    },
    remove: (path) => {
      put(now.remove(path), path, value(path), undefined);
    },
    rename: (path, name) => {
      if (path.at(-1) !== name) put(now.rename(path, name), path.slice(0, -1), String(path.at(-1)), name);
    },
    insert: (path, fresh) => {
      put(now.insert(path, fresh), path, undefined, fresh);
    },
    rewrite: (path, change, how) => {
      const before = textAt(path);
      const after = change(before);
      if (after === before) return;
      now = now.set(path, after);
      notes.push(
        ...(how?.secret === true ? [hiddenNote(where(path), before, after)] : noteLines(where(path), before, after)),
      );
    },
    within: (path, change) => {
      const text = textAt(path);
      const inner = textTree(new TextEncoder().encode(text));
      if (inner === undefined) return editor.fail(path, 'is neither a JSON nor a YAML document');
      const done = edited(inner, change, `${where(path)} `);
      const after = utf8(done.bytes) ?? text; // trees of texts are UTF-8
      if (after === text) return;
      now = now.set(path, after);
      notes.push(...done.notes);
    },
    ignition: (path, change, how) => {
      const source = [...path, 'contents', 'source'];
      const url = textAt(source);
      const packed = now.at([...path, 'contents', 'compression']) === 'gzip';
      const before = contentOf(url, packed) ?? editor.fail(source, 'is no data URL of a text');
      const after = change(before);
      if (after === before) return;
      const fresh =
        urlWith(url, new TextEncoder().encode(after), packed) ?? editor.fail(source, 'cannot be written as a data URL');
      now = now.set(source, fresh);
      const file = `${where(path)} (${now.textAt([...path, 'path']) ?? 'no path'})`;
      notes.push(...(how?.secret === true ? [hiddenNote(file, before, after)] : noteLines(file, before, after)));
    },
    fail: (path, found) => {
      throw new NotThere(where(path), found);
    },
  };
  edit(editor);
  return { bytes: now.bytes, notes };
}

function contentOf(url: string, packed: boolean): string | undefined {
  const bytes = dataUrlBytes(url);
  if (bytes === undefined) return undefined;
  try {
    return utf8(packed ? new Uint8Array(gunzipSync(bytes)) : bytes);
  } catch {
    return undefined; // said to be gzip, and is not
  }
}

function urlWith(url: string, content: Uint8Array, packed: boolean): string | undefined {
  const bytes = packed ? new Uint8Array(gzipSync(content)) : content;
  const before = dataUrlBytes(url);
  return respellDataUrl(url, bytes, [{ start: 0, end: before?.length ?? 0, text: latin1(bytes) }]);
}

/** `/spec/config/storage`, as people write paths of objects. */
export function pointer(path: FieldPath): string {
  return path.map((step) => `/${String(step)}`).join('');
}

function same(before: unknown, after: Plain): boolean {
  return before === after || (typeof after === 'object' && JSON.stringify(before) === JSON.stringify(after));
}
