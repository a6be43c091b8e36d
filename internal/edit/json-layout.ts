import type { Habit } from './json-string.ts';
import { encodeJsonString } from './json-string.ts';
import type { FieldPath, JsonMember, JsonToken } from './json.ts';
import { jsonTokenAt } from './json.ts';
import { isList } from './structure.ts';
import type { Plain } from './tree.ts';

/** How a JSON text is laid out, told by what stands in it. */
export type Layout = {
  /** One level of indentation where each member has a line of its own; undefined where all stand on one line. */
  readonly unit: string | undefined;
  readonly lineEnd: string;
  /** Between a name and its value. */
  readonly colon: string;
  /** Between two members of one line. */
  readonly comma: string;
};

/** As `json.Marshal` writes. */
const compact: Layout = { unit: undefined, lineEnd: '\n', colon: ':', comma: ',' };

/** The layout of the container at a path: its own where it has members, else that of the nearest one around it that has. */
export function layoutAt(text: string, root: JsonToken, path: FieldPath): Layout {
  for (let length = path.length; length >= 0; length -= 1) {
    const token = jsonTokenAt(root, path.slice(0, length));
    const [first, second] = token?.members() ?? [];
    if (token === undefined || first === undefined) continue;
    const above = length === 0 ? compact : layoutAt(text, root, path.slice(0, length - 1));
    const lead = text.slice(token.start + 1, first.start);
    const isPretty = lead.includes('\n');
    const inherited = isPretty ? ': ' : above.unit === undefined ? above.colon : ':';
    return {
      unit: isPretty ? unitOf(afterLine(lead), indentOfEnd(text, token)) : undefined,
      lineEnd: lead.includes('\r\n') ? '\r\n' : '\n',
      colon: colonIn(text, token.members()) ?? inherited,
      comma: isPretty
        ? ','
        : second === undefined
          ? above.unit === undefined
            ? above.comma
            : ','
          : text.slice(first.value.end, second.start),
    };
  }
  return compact;
}

/** What stands between two members of a container that has some. */
export function separatorIn(text: string, token: JsonToken, layout: Layout): string {
  const [first, second] = token.members();
  if (first === undefined) return layout.comma;
  if (second !== undefined) return text.slice(first.value.end, second.start);
  return layout.unit === undefined ? layout.comma : `,${text.slice(token.start + 1, first.start)}`;
}

/** The blanks at the beginning of the line in which an offset lies. */
export function indentAt(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', at - 1) + 1, at))?.[0] ?? '';
}

/** A value as its document's writer would write it: Go's spelling; in a document with lines, `indent` is that of the value's own line. */
export function spelled(value: Plain, layout: Layout, indent: string, habit: Habit): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return JSON.stringify(value);
  if (typeof value === 'string') return `"${encodeJsonString(value, habit)}"`;
  const inner = indent + (layout.unit ?? '');
  const items = isList(value)
    ? value.map((item) => spelled(item, layout, inner, habit))
    : Object.entries(value).map(([name, member]) => spelledMember(name, member, layout, inner, habit));
  const [open, close] = isList(value) ? '[]' : '{}';
  if (items.length === 0) return `${open}${close}`;
  if (layout.unit === undefined) return `${open}${items.join(layout.comma)}${close}`;
  const line = layout.lineEnd + inner;
  return `${open}${line}${items.join(`,${line}`)}${layout.lineEnd}${indent}${close}`;
}

export function spelledMember(name: string, value: Plain, layout: Layout, indent: string, habit: Habit): string {
  return `"${encodeJsonString(name, habit)}"${layout.colon}${spelled(value, layout, indent, habit)}`;
}

function colonIn(text: string, [first]: readonly JsonMember[]): string | undefined {
  return first === undefined || typeof first.name === 'number'
    ? undefined
    : /"([ \t\r\n]*:[ \t\r\n]*)$/.exec(text.slice(first.start, first.value.start))?.[1];
}

function afterLine(blanks: string): string {
  return blanks.slice(blanks.lastIndexOf('\n') + 1);
}

function indentOfEnd(text: string, token: JsonToken): string {
  const last = token.members().at(-1);
  return last === undefined ? '' : afterLine(text.slice(last.value.end, token.end - 1));
}

function unitOf(inner: string, outer: string): string {
  return inner.length > outer.length && inner.startsWith(outer) ? inner.slice(outer.length) : '  ';
}
