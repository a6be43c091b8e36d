import { isDeepStrictEqual } from 'node:util';
import type { Document, Node } from 'yaml';
import { isAlias, isCollection, isMap, isScalar, isSeq, visit } from 'yaml';
import { Failure } from '../errors/errors.ts';
import { fromUtf8 } from './characters.ts';
import type { FieldPath } from './json.ts';
import { isJson } from './json.ts';
import { isList, orderAfterRename, pathText, placeOf } from './structure.ts';
import type { Structure } from './structure.ts';
import type { Plain } from './tree.ts';
import { parsed, spellings } from './yaml.ts';
import type { Collection, Entry } from './yaml-entries.ts';
import { aboveComments, columnOf, entriesOf, hasOwnLine, lineEnd, lineStart, nameOf, nextLine, styleOf } from './yaml-entries.ts';
import { blockLines, flowText, isPlainString, itemLines, literalLines, memberLines, nameText, scalarText } from './yaml-spelling.ts';

const subject = 'the text';

/** A YAML text of one document with a map or a list at its root; undefined for anything else. */
export function yamlStructure(text: string): Structure | undefined {
  const document = parsed(text);
  if (document === undefined || !isCollection(document.contents)) return undefined;
  const plain = plainOf(document);
  return plain === undefined ? undefined : structureOf(text, document, plain);
}

/**
 * A YAML text, edited by lines in block style and by spans in flow style. Every edit is read again and must give what was meant: what
 * cannot be written so is an error, never a document that says something else.
 */
function structureOf(text: string, document: Document.Parsed, plain: Plain): Structure {
  const root: Node | null = document.contents;
  const style = styleOf(text, root);

  const child = (node: Node | undefined, name: string | number): Node | undefined => {
    if (isMap(node)) return (node.items.findLast((pair) => nameOf(pair) === String(name))?.value ?? undefined) as Node | undefined; // nodes of a parsed document
    return isSeq(node) && typeof name === 'number' ? node.items[name] as Node | undefined : undefined;
  };
  /** The node at a path for reading: aliases are followed. */
  const nodeAt = (path: FieldPath): Node | undefined => {
    let node: Node | undefined = root ?? undefined;
    for (const name of [...path, undefined]) {
      if (isAlias(node)) node = node.resolve(document);
      if (name !== undefined) node = child(node, name);
    }
    return node;
  };
  /** The nodes on the way to a path. Throws for what stands in two places of the tree and in one of the text. */
  const wayTo = (path: FieldPath): Node[] => {
    const nodes: Node[] = [];
    for (let length = 0; length <= path.length; length += 1) {
      const name = path[length - 1];
      const node: Node | undefined = name === undefined ? root ?? undefined : child(nodes.at(-1), name);
      if (node === undefined) break;
      if (isAlias(node)) throw new Failure(`${subject} has an alias at ${pathText(path.slice(0, length))}, and what it stands for is written elsewhere`);
      if (isShared(node)) throw new Failure(`${subject} has an anchor at ${pathText(path.slice(0, length))}, and aliases stand for it elsewhere`);
      nodes.push(node);
    }
    return nodes;
  };
  const isShared = (node: Node): boolean => 'anchor' in node && typeof node.anchor === 'string' && aliasNames(root).has(node.anchor);
  /** Refuses to take a node away that aliases outside of it stand for. */
  const mayGo = (path: FieldPath, node: Node | undefined): void => {
    const outside = node === undefined ? undefined : aliasNames(root, node);
    visit(node ?? null, { Node: (_key, inner) => {
      if ('anchor' in inner && typeof inner.anchor === 'string' && outside?.has(inner.anchor) === true) throw new Failure(`${subject} has an anchor below ${pathText(path)}, and aliases stand for it elsewhere`);
    } });
  };
  const collectionAt = (path: FieldPath): { readonly node: Collection; readonly entries: readonly Entry[]; readonly inFlow: boolean } => {
    const way = wayTo(path);
    const node = way[path.length];
    const entries = isCollection(node) ? entriesOf(node as Collection) : undefined; // a parsed document holds parsed nodes
    if (entries === undefined) throw new Failure(`${subject} is written at ${pathText(path)} in a way that cannot be edited`);
    return { node: node as Collection, entries, inFlow: way.slice(0, -1).some(isFlow) };
  };

  /** The first of some texts that reads as it should. */
  const edited = (path: FieldPath, candidates: Iterable<string>, expected: Plain): Structure => {
    for (const candidate of candidates) {
      const again = parsed(candidate);
      const reads = again === undefined ? undefined : plainOf(again);
      if (again !== undefined && reads !== undefined && again.warnings.length <= document.warnings.length && isDeepStrictEqual(reads, expected)) return structureOf(candidate, again, reads);
    }
    throw new Failure(`${subject} cannot be edited at ${pathText(path)} so that it reads back`);
  };
  const cut = (start: number, end: number, piece: string): string => text.slice(0, start) + piece + text.slice(end);

  /** The text with a value in another's place, as candidates. `head` is where what bears the value ends; undefined for the root. */
  function* replacements(way: readonly Node[], entry: Entry | undefined, value: Plain): Generator<string> {
    const node = way.at(-1);
    const [start, end] = [node?.range?.[0] ?? entry?.head ?? 0, Math.max(entry?.end ?? 0, node?.range?.[1] ?? 0)];
    const source = text.slice(start, end);
    const outer = way.find(isFlow);
    if (outer !== undefined && (way.length > 1 && way.slice(0, -1).some(isFlow) || source.length > 2)) {
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
          const lines = node.type === 'PLAIN' ? literalLines(value, '', columnOf(text, entry?.start ?? 0) + style.unit) : undefined;
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
      if (block && !onHead) yield text.slice(0, starts) + ` ${inline}` + text.slice(starts, headLine) + text.slice(behind);
      else yield cut(source === '' ? starts : start, source === '' ? starts : behind, (source === '' ? ' ' : '') + inline);
      return;
    }
    if (isItem || entry === undefined) {
      const at = source === '' ? starts : start;
      const inner = isItem ? source !== '' && block ? columnOf(text, start) : `${column}  ` : columnOf(text, start);
      const lines = isItem ? itemLines(value, inner.slice(2), style).map((line, index) => (index === 0 ? line.slice(inner.length) : line)) : blockLines(value, inner, style).map((line, index) => (index === 0 ? line.slice(inner.length) : line));
      const piece = (source === '' ? ' ' : '') + lines.join(style.lineEnd);
      yield cut(at, source === '' ? at : behind, piece);
      yield cut(at, lineEnd(text, behind), piece);
      return;
    }
    const old = block ? entriesOf(node as Collection)?.[0] : undefined; // a parsed document holds parsed nodes
    const kept = old !== undefined && isSeq(node) === isList(value) ? columnOf(text, old.start) : column + (isList(value) ? style.dash : style.unit);
    const literal = literalLines(value, '', column + style.unit);
    const lines = literal?.slice(1) ?? blockLines(value, kept, style);
    const mark = literal?.[0] ?? '';
    // The head line keeps its comment, and comments between it and the first old line stay.
    if (block && !onHead) yield text.slice(0, starts) + mark + text.slice(starts, lineStart(text, old?.start ?? start)) + lines.join(style.lineEnd) + text.slice(behind);
    yield text.slice(0, starts) + mark + text.slice(Math.max(starts, end), lineEnd(text, Math.max(starts, behind))) + style.lineEnd + lines.join(style.lineEnd) + text.slice(lineEnd(text, Math.max(starts, behind)));
    yield text.slice(0, starts) + mark + style.lineEnd + lines.join(style.lineEnd) + text.slice(lineEnd(text, Math.max(starts, behind)));
  }
  const replace = (path: FieldPath, value: Plain): Structure => {
    const way = wayTo(path);
    mayGo(path, way[path.length]);
    const parent = path.length === 0 ? undefined : collectionAt(path.slice(0, -1));
    const entry = parent?.entries.findLast(({ name }) => name === String(path.at(-1)));
    return edited(path, replacements(way, entry, value), plainWith(plain, path, () => value));
  };

  /** The text with the entries `[from, to)` of a collection replaced by others; some remain, or some come. */
  function* withEntries({ node, entries }: ReturnType<typeof collectionAt>, from: number, to: number, linesOf: (indent: string) => readonly (readonly string[])[], flow: () => readonly string[]): Generator<string> {
    const [first, last, next, before] = [entries[from], entries[to - 1], entries[to], entries[from - 1]];
    const [zero, one] = entries;
    if (isFlow(node)) {
      const pieces = flow();
      const separator = zero !== undefined && one !== undefined ? text.slice(zero.end, one.start) : ', ';
      if (from < to && pieces.length > 0) yield cut(first?.start ?? 0, last?.end ?? 0, pieces.join(separator));
      else if (from < to) yield next !== undefined ? cut(first?.start ?? 0, next.start, '') : cut(before?.end ?? 0, last?.end ?? 0, '');
      else yield first !== undefined ? cut(first.start, first.start, pieces.map((piece) => piece + separator).join('')) : cut(before?.end ?? 0, before?.end ?? 0, pieces.map((piece) => separator + piece).join(''));
      return;
    }
    const indent = columnOf(text, zero?.start ?? 0);
    const lines = linesOf(indent).flat();
    const piece = lines.join(style.lineEnd);
    if (from < to && lines.length > 0) {
      yield cut(first?.start ?? 0, last?.end ?? 0, piece.slice(indent.length) + (text.charAt((last?.end ?? 0) - 1) === '\n' ? style.lineEnd : ''));
      yield cut(first?.start ?? 0, lineEnd(text, last?.end ?? 0), piece.slice(indent.length));
    } else if (from < to && first !== undefined && last !== undefined) {
      const after = nextLine(text, last.end);
      if (!hasOwnLine(text, first.start)) {
        // The first of an item's members stands behind the dash; the next one moves there, unless a comment stands between.
        yield next !== undefined && text.slice(after, next.start).trim() === '' ? cut(first.start, next.start, '') : cut(first.start, lineEnd(text, last.end), '');
      } else if (after === text.length && !text.endsWith('\n')) yield cut(lineEnd(text, lineStart(text, first.start)), text.length, '');
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
  const isJsonFlow = (path: FieldPath): boolean => {
    const range = wayTo(path).find(isFlow)?.range;
    return range !== undefined && range !== null && isJson(text.slice(range[0], range[1]));
  };

  return {
    subject,
    inJson: (_path, value) => value,
    bytes: () => {
      const bytes = fromUtf8(text);
      if (bytes === undefined) throw new Failure(`${subject} cannot be written as UTF-8`);
      return bytes;
    },
    at: (path) => plainAt(plain, path),
    textAt: (path) => {
      const value = plainAt(plain, path);
      return typeof value === 'string' ? value : undefined;
    },
    keysAt: (path) => {
      const node = nodeAt(path);
      if (isMap(node)) return node.items.map(nameOf);
      return isSeq(node) ? node.items.map((_, index) => index) : [];
    },
    shapeAt: (path) => {
      const value = plainAt(plain, path);
      if (value === undefined) return undefined;
      return typeof value !== 'object' || value === null ? 'leaf' : isList(value) ? 'list' : 'map';
    },
    replace,
    replaceItems: (list, from, to, items) => {
      const place = collectionAt(list);
      for (const entry of place.entries.slice(from, to)) mayGo([...list, entry.name], entry.node);
      const expected = (old: Plain | undefined): readonly Plain[] => (old !== undefined && isList(old) ? old : []).toSpliced(from, to - from, ...items);
      const left = expected(plainAt(plain, list));
      if (left.length === 0 || place.entries.length === 0) return replace(list, left);
      return edited(list, withEntries(place, from, to, (indent) => items.map((item) => itemLines(item, indent, style)), () => items.map((item) => flowText(item, isJsonFlow(list)))), plainWith(plain, list, () => left));
    },
    add: (path, value) => {
      const [parent, name] = [path.slice(0, -1), String(path.at(-1))];
      const place = collectionAt(parent);
      if (place.entries.length === 0) return replace(parent, { [name]: value });
      const at = placeOf(name, place.entries.map((entry) => entry.name));
      const flow = (): string[] => [flowText({ [name]: value }, isJsonFlow(parent)).slice(1, -1)];
      return edited(path, withEntries(place, at, at, (indent) => [memberLines(name, value, indent, style)], flow), plainWith(plain, path, () => value));
    },
    drop: (path) => {
      const [parent, name] = [path.slice(0, -1), String(path.at(-1))];
      const place = collectionAt(parent);
      const at = place.entries.findIndex((entry) => entry.name === name);
      mayGo(path, place.entries[at]?.node);
      if (place.entries.length === 1) return replace(parent, {});
      return edited(path, withEntries(place, at, at + 1, () => [], () => []), plainWith(plain, parent, (map) => Object.fromEntries(Object.entries(map ?? {}).filter(([other]) => other !== name))));
    },
    rename: (path, name) => {
      const [parent, old] = [path.slice(0, -1), String(path.at(-1))];
      const { node, entries, inFlow } = collectionAt(parent);
      const flow = inFlow || isFlow(node);
      const ends = entries.map((entry) => (flow ? entry.end : lineEnd(text, entry.end)));
      const order = orderAfterRename(entries.map((entry) => entry.name), old, name);
      const colonOf = (entry: Entry): string => /[ \t]*:$/.exec(text.slice(entry.start, entry.head))?.[0] ?? '';
      const spelling = isJsonFlow(parent) ? JSON.stringify(name) : nameText(name, flow);
      const pieces = entries.map((entry, at) => (entry.name === old ? spelling + colonOf(entry) + text.slice(entry.head, ends[at]) : text.slice(entry.start, ends[at])));
      const fresh = entries.map((entry, at) => text.slice(ends[at - 1] ?? 0, entry.start) + (pieces[order[at] ?? at] ?? '')).join('') + text.slice(ends.at(-1));
      return edited(path, [fresh], plainWith(plain, parent, (map) => Object.fromEntries(Object.entries(map ?? {}).map(([other, value]) => [other === old ? name : other, value as Plain]))));
    },
  };
}

function isFlow(node: Node | undefined): boolean {
  return isCollection(node) && node.flow === true;
}

function isCollectionWithMembers(value: Plain): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

/** Names that aliases use, outside of one node. */
function aliasNames(root: Node | null, without?: Node): ReadonlySet<string> {
  const names = new Set<string>();
  visit(root, { Node: (_key, node) => (node === without ? visit.SKIP : undefined), Alias: (_key, alias) => void names.add(alias.source) });
  return names;
}

/** A document as plain values; undefined where JSON has none (an alias bomb, an alias to nothing, a number without end). */
function plainOf(document: Document.Parsed): Plain | undefined {
  try {
    const plain: unknown = document.toJS();
    return isJsonValue(plain) ? plain : undefined;
  } catch {
    return undefined;
  }
}

function isJsonValue(value: unknown): value is Plain {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'string' || typeof value === 'boolean' || value === null;
  return Object.values(value).every(isJsonValue);
}

function plainAt(plain: Plain, path: FieldPath): Plain | undefined {
  let here: Plain | undefined = plain;
  for (const name of path) {
    if (here === undefined || here === null || typeof here !== 'object') return undefined;
    here = isList(here) ? typeof name === 'number' ? here[name] : undefined : Object.hasOwn(here, String(name)) ? here[String(name)] : undefined;
  }
  return here;
}

function plainWith(plain: Plain | undefined, path: FieldPath, change: (old: Plain | undefined) => Plain): Plain {
  const [name, ...rest] = path;
  if (name === undefined) return change(plain);
  if (plain === undefined || plain === null || typeof plain !== 'object') return change(undefined);
  if (isList(plain)) return plain.map((item, at) => (at === name ? plainWith(item, rest, change) : item));
  return { ...plain, [name]: plainWith(Object.hasOwn(plain, String(name)) ? plain[String(name)] : undefined, rest, change) };
}
