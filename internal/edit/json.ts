import { decodeJsonString, encodeJsonString, habitOf } from './json-string.ts';
import type { Hunk } from './respell.ts';
import { respellHunks } from './respell.ts';

/**
 * JSON by span. A document is never parsed to an object and printed again: order, blanks, number spellings and duplicate keys
 * of the rest stay. Of a duplicated key the last one counts, as in Go and in JavaScript.
 */

/** Names of members and indexes of lists, outermost first. */
export type FieldPath = readonly (string | number)[];

/** A value as it stands in the text. Members are found when they are asked for, once: a walk costs as much as one reading. */
export type JsonToken = {
  readonly type: 'string' | 'object' | 'array' | 'scalar';
  readonly start: number;
  readonly end: number;
  readonly members: () => readonly JsonMember[];
};

/** `start` is where the member begins: its name's quote, or the value itself in an array. */
export type JsonMember = { readonly name: string | number; readonly start: number; readonly value: JsonToken };

/** True when the text is JSON; everything else here expects that. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The outermost value of a valid JSON text. */
export function jsonRoot(text: string): JsonToken {
  return tokenFrom(text, skipBlanks(text, 0));
}

/** The token at a path below another. */
export function jsonTokenAt(root: JsonToken, path: FieldPath): JsonToken | undefined {
  let token: JsonToken | undefined = root;
  for (const name of path) {
    if (token === undefined) return undefined;
    const wanted: string | number = token.type === 'object' ? String(name) : name;
    token = token.members().findLast((member) => member.name === wanted)?.value;
  }
  return token;
}

/** Names of an object's members, or indexes of an array, in their order. */
export function jsonKeysAt(root: JsonToken, path: FieldPath): (string | number)[] {
  return [
    ...new Set(
      jsonTokenAt(root, path)
        ?.members()
        .map((member) => member.name),
    ),
  ];
}

/** The string at a path; undefined when there is none or it is no string. */
export function jsonStringAt(text: string, root: JsonToken, path: FieldPath): string | undefined {
  const token = jsonTokenAt(root, path);
  return token?.type === 'string' ? decodeJsonString(text.slice(token.start + 1, token.end - 1)).value : undefined;
}

/** The text with the string at a path replaced; undefined when there is no string. */
export function replaceJsonString(text: string, root: JsonToken, path: FieldPath, value: string): string | undefined {
  const token = jsonTokenAt(root, path);
  if (token?.type !== 'string') return undefined;
  return (
    text.slice(0, token.start + 1) +
    respellJson(text.slice(token.start + 1, token.end - 1), value, text) +
    text.slice(token.end - 1)
  );
}

/**
 * The inside of a string token with a new value, in the habit of the document around it. `hunks` say which of its bytes differ; they
 * count for a text in which bytes are characters.
 */
export function respellJson(source: string, value: string, document: string, hunks?: readonly Hunk[]): string {
  const decoded = decodeJsonString(source);
  const ascii = !/[^\u0000-\u007f]/.test(decoded.value + value);
  const all = [{ start: 0, end: decoded.value.length, text: value }];
  return respellHunks(source, decoded, ascii ? (hunks ?? all) : all, (part) =>
    encodeJsonString(part, habitOf(document)),
  );
}

function membersIn(text: string, start: number, end: number): JsonMember[] {
  const members: JsonMember[] = [];
  const isObject = text.charAt(start) === '{';
  let at = skipBlanks(text, start + 1);
  while (at < end - 1) {
    let name: string | number = members.length;
    const start = at;
    if (isObject) {
      const key = tokenFrom(text, at);
      name = decodeJsonString(text.slice(key.start + 1, key.end - 1)).value;
      at = skipBlanks(text, skipBlanks(text, key.end) + 1); // over the colon
    }
    const value = tokenFrom(text, at);
    members.push({ name, start, value });
    at = skipBlanks(text, skipBlanks(text, value.end) + 1); // over the comma
  }
  return members;
}

function tokenFrom(text: string, start: number): JsonToken {
  switch (text.charAt(start)) {
    case '"':
      return { type: 'string', start, end: endOfString(text, start), members: () => [] };
    case '{':
      return container(text, 'object', start);
    case '[':
      return container(text, 'array', start);
    default: {
      scalarEnd.lastIndex = start;
      return { type: 'scalar', start, end: scalarEnd.exec(text)?.index ?? text.length, members: () => [] };
    }
  }
}

function container(text: string, type: 'object' | 'array', start: number): JsonToken {
  const end = endOfContainer(text, start);
  let members: JsonMember[] | undefined;
  return { type, start, end, members: () => (members ??= membersIn(text, start, end)) };
}

const scalarEnd = /[\s,\]}]|$/g;
const structure = /["[\]{}]/g;
const blanks = /[ \t\r\n]*/y;

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const quote = text.indexOf('"', at);
    if (quote < 0) break;
    let slashes = 0;
    while (text.charAt(quote - 1 - slashes) === '\\') slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    at = quote;
  }
  return text.length;
}

function endOfContainer(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length;) {
    structure.lastIndex = at;
    const mark = structure.exec(text);
    if (mark === null) break;
    const sign = mark[0];
    if (sign === '"') {
      at = endOfString(text, mark.index);
      continue;
    }
    depth += sign === '{' || sign === '[' ? 1 : -1;
    at = mark.index + 1;
    if (depth === 0) return at;
  }
  return text.length;
}

function skipBlanks(text: string, start: number): number {
  blanks.lastIndex = start;
  blanks.exec(text);
  return blanks.lastIndex;
}
