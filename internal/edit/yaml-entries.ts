import type { CST, Node, Pair, YAMLMap, YAMLSeq } from 'yaml';
import { isCollection, isMap, isPair, isScalar, isSeq } from 'yaml';
import { indentAt } from './json-layout.ts';
import type { YamlStyle } from './yaml-spelling.ts';

/** A member or an item as it stands: from its name or its dash to the end of its content. */
export type Entry = {
  readonly name: string;
  readonly start: number;
  /** Where its head ends: after the colon or the dash. */
  readonly head: number;
  readonly end: number;
  readonly node: Node | undefined;
};

export type Collection = YAMLMap.Parsed | YAMLSeq.Parsed;

/** The entries of a collection; undefined for one that is written as nobody writes it (explicit keys). */
export function entriesOf(collection: Collection): Entry[] | undefined {
  const entries = isMap(collection) ? collection.items.map((pair) => pairEntry(pair)) : itemEntries(collection);
  return entries.every((entry) => entry !== undefined) ? entries : undefined;
}

/** The name of a member as `toJS` has it. */
export function nameOf(pair: Pair): string {
  const key = pair.key;
  return isScalar(key) ? (typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))) : '';
}

function pairEntry(pair: Pair): Entry | undefined {
  const token = pair.srcToken;
  const range = isScalar(pair.key) ? pair.key.range : undefined;
  if (range === undefined || range === null || token?.start.some(({ type }) => type === 'explicit-key-ind') === true)
    return undefined;
  const colon = (token?.sep ?? []).find(({ type }) => type === 'map-value-ind');
  const head = colon === undefined ? range[1] : colon.offset + 1;
  const node = pair.value as Node | undefined; // a parsed document holds nodes
  return { name: nameOf(pair), start: range[0], head, end: Math.max(head, endOf(node)), node };
}

function itemEntries(list: YAMLSeq.Parsed): (Entry | undefined)[] {
  if (list.flow === true) {
    return list.items.map((item, at) => {
      const node: Node | undefined = isPair(item) ? undefined : item;
      const range = node?.range;
      return node === undefined || range === null || range === undefined
        ? undefined
        : { name: String(at), start: propsStart(list, at) ?? range[0], head: range[0], end: range[1], node };
    });
  }
  const tokens = (list.srcToken as CST.BlockSequence | undefined)?.items ?? []; // keepSourceTokens is set
  const dashes = tokens.flatMap(({ start }) => start.filter(({ type }) => type === 'seq-item-ind'));
  return list.items.map((item, at) => {
    const dash = dashes[at];
    return dash === undefined
      ? undefined
      : {
          name: String(at),
          start: dash.offset,
          head: dash.offset + 1,
          end: Math.max(dash.offset + 1, endOf(item)),
          node: item,
        };
  });
}

/** Where the anchor or the tag of a flow item begins. */
function propsStart(list: YAMLSeq.Parsed, at: number): number | undefined {
  const tokens = (list.srcToken as CST.FlowCollection | undefined)?.items ?? []; // keepSourceTokens is set
  return tokens[at]?.start.find(({ type }) => type === 'anchor' || type === 'tag')?.offset;
}

/** Where the content of a node ends; trailing comments and blank lines are not content. */
export function endOf(node: Node | undefined): number {
  if (node === undefined) return 0;
  if (isCollection(node) && node.flow !== true) {
    const last: unknown = node.items.at(-1);
    if (isPair(last)) return Math.max(pairEntry(last)?.end ?? 0, isScalar(last.key) ? (last.key.range?.[1] ?? 0) : 0);
    return isSeq(node) ? (itemEntries(node as YAMLSeq.Parsed).at(-1)?.end ?? 0) : 0; // parsed documents hold parsed nodes
  }
  return node.range?.[1] ?? 0;
}

/** Where the line of an offset ends, its line break not included. An offset behind a line break (after a block scalar) is still of that line. */
export function lineEnd(text: string, end: number): number {
  if (text.charAt(end - 1) === '\n') return text.charAt(end - 2) === '\r' ? end - 2 : end - 1;
  const next = text.indexOf('\n', end);
  if (next < 0) return text.length;
  return text.charAt(next - 1) === '\r' && next > end ? next - 1 : next;
}

/** Behind the line break of the line that `lineEnd` found. */
export function nextLine(text: string, end: number): number {
  const at = text.indexOf('\n', lineEnd(text, end));
  return at < 0 ? text.length : at + 1;
}

export function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

/** The beginning of an entry's line, or of the comment lines right above it, which speak of it; those at the top of a text speak of all. */
export function aboveComments(text: string, start: number): number {
  const line = lineStart(text, start);
  let at = line;
  while (at > 0 && /^[ \t]*#/.test(text.slice(lineStart(text, at - 1), at))) at = lineStart(text, at - 1);
  return at === 0 ? line : at;
}

/** The blanks that stand, or would stand, before an offset's column. */
export function columnOf(text: string, at: number): string {
  return ' '.repeat(at - lineStart(text, at));
}

/** True when only blanks stand before an offset in its line. */
export function hasOwnLine(text: string, at: number): boolean {
  return indentAt(text, at).length === at - lineStart(text, at);
}

/** What a document shows of its layout; what it does not show is two blanks, and dashes at the parent's indent. */
export function styleOf(text: string, root: Node | null): YamlStyle {
  const seen: { unit?: string; dash?: string } = {};
  const visit = (node: Node | undefined): void => {
    if (!isCollection(node) || node.flow === true || (seen.unit !== undefined && seen.dash !== undefined)) return;
    for (const { start, node: inner } of entriesOf(node as Collection) ?? []) {
      // a parsed document holds parsed nodes
      if (isMap(node) && isCollection(inner) && inner.flow !== true) {
        const first = entriesOf(inner as Collection)?.[0]?.start;
        const deeper = first === undefined ? '' : columnOf(text, first).slice(columnOf(text, start).length);
        if (isMap(inner) && deeper !== '') seen.unit ??= deeper;
        if (isSeq(inner)) seen.dash ??= deeper;
      }
      visit(inner);
    }
  };
  visit(root ?? undefined);
  return { unit: seen.unit ?? '  ', dash: seen.dash ?? '', lineEnd: /\r?\n/.exec(text)?.[0] ?? '\n' };
}
