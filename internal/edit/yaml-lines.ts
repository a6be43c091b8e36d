import type { Node } from 'yaml';
import { isCollection, isScalar, isSeq } from 'yaml';
import { isJson } from './json.ts';
import { isList } from './structure.ts';
import type { Plain } from './tree.ts';
import { spellings } from './yaml.ts';
import type { Collection, Entry } from './yaml-entries.ts';
import { aboveComments, columnOf, entriesOf, hasOwnLine, lineEnd, lineStart, nextLine } from './yaml-entries.ts';
import type { YamlStyle } from './yaml-spelling.ts';
import { blockLines, flowText, isPlainString, itemLines, literalLines, scalarText } from './yaml-spelling.ts';

/** A text and its layout. */
export type YamlText = { readonly text: string; readonly style: YamlStyle };

/** A collection and what stands in it. */
export type Place = { readonly node: Collection; readonly entries: readonly Entry[] };

/*
 * Texts with one thing changed, as candidates, the nicest first. Which of them reads as it should is the parser's word
 * (`yaml-tree.ts`), so none of these has to know all of YAML.
 */

/** The text with another value at the end of a way of nodes. `entry` is what bears the value; undefined for the root. */
export function* replacements(
  { text, style }: YamlText,
  way: readonly Node[],
  entry: Entry | undefined,
  value: Plain,
): Generator<string> {
  const cut = cutter(text);
  const node = way.at(-1);
  const [start, end] = [node?.range?.[0] ?? entry?.head ?? 0, Math.max(entry?.end ?? 0, node?.range?.[1] ?? 0)];
  const source = text.slice(start, end);
  const outer = way.find(isFlow);
  if (outer !== undefined && ((way.length > 1 && way.slice(0, -1).some(isFlow)) || source.length > 2)) {
    const lead = start === entry?.head && !isCollection(node) && source === '' ? ' ' : '';
    yield cut(start, end, lead + flowText(value, isJson(text.slice(outer.range?.[0], outer.range?.[1]))));
    return;
  }
  const block = isCollection(node) && !isFlow(node);
  const behind = block ? lineEnd(text, end) : source.endsWith('\n') ? lineEnd(text, end) : end;
  if (isScalar(node) && source !== '' && !isCollectionWithMembers(value)) {
    if (typeof node.value === 'string' && typeof value === 'string') {
      for (const spelling of spellings(node, source, node.value, value)) {
        if (spelling !== value || isPlainString(value, false)) yield cut(start, end, spelling);
        const lines =
          node.type === 'PLAIN' ? literalLines(value, '', columnOf(text, entry?.start ?? 0) + style.unit) : undefined;
        if (lines !== undefined) yield cut(start, lineEnd(text, end), lines.join(style.lineEnd).trimStart());
      }
    }
    yield cut(start, behind, scalarText(value, false) ?? '');
    return;
  }
  const inline = literalLines(value, '', '') === undefined ? scalarText(value, false) : undefined;
  const starts = entry === undefined ? start : entry.head;
  const headLine = lineEnd(text, starts);
  const onHead = entry === undefined || start <= headLine;
  const column = columnOf(text, entry?.start ?? start);
  const isItem = entry !== undefined && text.charAt(entry.start) === '-' && entry.head === entry.start + 1;
  if (inline !== undefined) {
    // On the line of its head; a comment that stands there stays.
    if (block && !onHead)
      yield text.slice(0, starts) + ` ${inline}` + text.slice(starts, headLine) + text.slice(behind);
    else
      yield cut(source === '' ? starts : start, source === '' ? starts : behind, (source === '' ? ' ' : '') + inline);
    return;
  }
  if (isItem || entry === undefined) {
    const at = source === '' ? starts : start;
    const inner = isItem ? (source !== '' && block ? columnOf(text, start) : `${column}  `) : columnOf(text, start);
    const lines = isItem
      ? itemLines(value, inner.slice(2), style).map((line, index) => (index === 0 ? line.slice(inner.length) : line))
      : blockLines(value, inner, style).map((line, index) => (index === 0 ? line.slice(inner.length) : line));
    const piece = (source === '' ? ' ' : '') + lines.join(style.lineEnd);
    yield cut(at, source === '' ? at : behind, piece);
    yield cut(at, lineEnd(text, behind), piece);
    return;
  }
  const old = block ? entriesOf(node as Collection)?.[0] : undefined; // a parsed document holds parsed nodes
  const kept =
    old !== undefined && isSeq(node) === isList(value)
      ? columnOf(text, old.start)
      : column + (isList(value) ? style.dash : style.unit);
  const literal = literalLines(value, '', column + style.unit);
  const lines = literal?.slice(1) ?? blockLines(value, kept, style);
  const mark = literal?.[0] ?? '';
  // The head line keeps its comment, and comments between it and the first old line stay.
  if (block && !onHead)
    yield (
      text.slice(0, starts) +
      mark +
      text.slice(starts, lineStart(text, old?.start ?? start)) +
      lines.join(style.lineEnd) +
      text.slice(behind)
    );
  yield (
    text.slice(0, starts) +
    mark +
    text.slice(Math.max(starts, end), lineEnd(text, Math.max(starts, behind))) +
    style.lineEnd +
    lines.join(style.lineEnd) +
    text.slice(lineEnd(text, Math.max(starts, behind)))
  );
  yield (
    text.slice(0, starts) +
    mark +
    style.lineEnd +
    lines.join(style.lineEnd) +
    text.slice(lineEnd(text, Math.max(starts, behind)))
  );
}
/** The text with the entries `[from, to)` of a collection replaced by others; some remain, or some come. */
export function* withEntries(
  { text, style }: YamlText,
  { node, entries }: Place,
  from: number,
  to: number,
  linesOf: (indent: string) => readonly (readonly string[])[],
  flow: () => readonly string[],
): Generator<string> {
  const cut = cutter(text);
  const [first, last, next, before] = [entries[from], entries[to - 1], entries[to], entries[from - 1]];
  const [zero, one] = entries;
  if (isFlow(node)) {
    const pieces = flow();
    const separator = zero !== undefined && one !== undefined ? text.slice(zero.end, one.start) : ', ';
    if (from < to && pieces.length > 0) yield cut(first?.start ?? 0, last?.end ?? 0, pieces.join(separator));
    else if (from < to)
      yield next !== undefined ? cut(first?.start ?? 0, next.start, '') : cut(before?.end ?? 0, last?.end ?? 0, '');
    else
      yield first !== undefined
        ? cut(first.start, first.start, pieces.map((piece) => piece + separator).join(''))
        : cut(before?.end ?? 0, before?.end ?? 0, pieces.map((piece) => separator + piece).join(''));
    return;
  }
  const indent = columnOf(text, zero?.start ?? 0);
  const lines = linesOf(indent).flat();
  const piece = lines.join(style.lineEnd);
  if (from < to && lines.length > 0) {
    yield cut(
      first?.start ?? 0,
      last?.end ?? 0,
      piece.slice(indent.length) + (text.charAt((last?.end ?? 0) - 1) === '\n' ? style.lineEnd : ''),
    );
    yield cut(first?.start ?? 0, lineEnd(text, last?.end ?? 0), piece.slice(indent.length));
  } else if (from < to && first !== undefined && last !== undefined) {
    const after = nextLine(text, last.end);
    if (!hasOwnLine(text, first.start)) {
      // The first of an item's members stands behind the dash; the next one moves there, unless a comment stands between.
      yield next !== undefined && text.slice(after, next.start).trim() === ''
        ? cut(first.start, next.start, '')
        : cut(first.start, lineEnd(text, last.end), '');
    } else if (after === text.length && !text.endsWith('\n'))
      yield cut(lineEnd(text, lineStart(text, first.start)), text.length, '');
    else yield cut(lineStart(text, first.start), after, '');
  } else if (before !== undefined) {
    const after = nextLine(text, before.end);
    const ends = text.charAt(after - 1) === '\n';
    yield cut(after, after, ends ? piece + style.lineEnd : style.lineEnd + piece);
  } else if (first !== undefined) {
    const above = aboveComments(text, first.start);
    yield hasOwnLine(text, first.start)
      ? cut(above, above, piece + style.lineEnd)
      : cut(first.start, first.start, piece.slice(indent.length) + style.lineEnd + indent);
  }
}
function cutter(text: string): (start: number, end: number, piece: string) => string {
  return (start, end, piece) => text.slice(0, start) + piece + text.slice(end);
}

export function isFlow(node: Node | undefined): boolean {
  return isCollection(node) && node.flow === true;
}

function isCollectionWithMembers(value: Plain): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}
