import type { FieldPath } from './json.ts';

/** A value as JSON has it. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

/**
 * Something with members that is edited in place: a JSON or YAML text (`textTree`), or a stored object in any encoding
 * (`objectTree` of the room `wire`). Immutable: an edit gives another tree. Every byte that an edit does not mean stays: order, blanks,
 * number spellings, comments, unknown fields. What is new is written as the document's own writer would write it.
 *
 * Paths are those of the JSON form: names of members, indexes of lists. Of a duplicated name the last one counts.
 */
export type Tree = {
  /** The whole document, with all edits so far. */
  readonly bytes: Uint8Array;
  /** The value at a path as JSON has it (byte fields in base64); undefined where nothing stands. In protobuf the known fields only. */
  readonly at: (path: FieldPath) => Plain | undefined;
  /** The text at a path: that of a string, or of a byte field whose bytes are UTF-8; undefined for anything else. */
  readonly textAt: (path: FieldPath) => string | undefined;
  /** Names of the members of a map in their order, indexes of a list; empty where there is neither. */
  readonly keysAt: (path: FieldPath) => readonly (string | number)[];
  /**
   * Replaces the value at a path, or adds it as a new member of the map at the path's parent, which must exist. A new member goes where
   * the names are in order, if they were in order before; else to the end. In a byte field a string stands for its UTF-8 bytes. A value
   * that is equal to the present one changes no byte.
   *
   * @throws Failure naming the path, never a value, where the parent does not exist or the value cannot be written
   */
  readonly set: (path: FieldPath, value: Plain) => Tree;
  /** Removes a member of a map or an item of a list. Throws where there is none. */
  readonly remove: (path: FieldPath) => Tree;
  /** Gives a member of a map another name; its value keeps its bytes. It goes where the names are in order, if they were; else it stays. Throws where there is none, or the new name is taken. */
  readonly rename: (path: FieldPath, name: string) => Tree;
  /** Puts a value into the list at the path's parent, before the item that has the index now; at the list's length, at its end. */
  readonly insert: (path: FieldPath, value: Plain) => Tree;
};
