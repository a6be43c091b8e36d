import { isDeepStrictEqual } from 'node:util';
import type { Document, Node } from 'yaml';
import { isAlias, isCollection, isMap, isSeq, visit } from 'yaml';
import { Failure } from '../errors/errors.ts';
import { fromUtf8 } from './characters.ts';
import type { FieldPath } from './json.ts';
import { isJson } from './json.ts';
import { isList, orderAfterRename, pathText, placeOf } from './structure.ts';
import type { Structure } from './structure.ts';
import type { Plain } from './tree.ts';
import { dataOf, parsed } from './yaml.ts';
import type { Collection, Entry } from './yaml-entries.ts';
import { entriesOf, lineEnd, nameOf, styleOf } from './yaml-entries.ts';
import { isFlow, replacements, withEntries } from './yaml-lines.ts';
import { flowText, itemLines, memberLines, nameText } from './yaml-spelling.ts';

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
    if (isMap(node))
      return (node.items.findLast((pair) => nameOf(pair) === String(name))?.value ?? undefined) as Node | undefined; // nodes of a parsed document
    return isSeq(node) && typeof name === 'number' ? (node.items[name] as Node | undefined) : undefined;
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
      const node: Node | undefined = name === undefined ? (root ?? undefined) : child(nodes.at(-1), name);
      if (node === undefined) break;
      if (isAlias(node))
        throw new Failure(
          `${subject} has an alias at ${pathText(path.slice(0, length))}, and what it stands for is written elsewhere`,
        );
      if (isShared(node))
        throw new Failure(
          `${subject} has an anchor at ${pathText(path.slice(0, length))}, and aliases stand for it elsewhere`,
        );
      nodes.push(node);
    }
    return nodes;
  };
  const isShared = (node: Node): boolean =>
    'anchor' in node && typeof node.anchor === 'string' && aliasNames(root).has(node.anchor);
  /** Refuses to take a node away that aliases outside of it stand for. */
  const mayGo = (path: FieldPath, node: Node | undefined): void => {
    const outside = node === undefined ? undefined : aliasNames(root, node);
    visit(node ?? null, {
      Node: (_key, inner) => {
        if ('anchor' in inner && typeof inner.anchor === 'string' && outside?.has(inner.anchor) === true)
          throw new Failure(`${subject} has an anchor below ${pathText(path)}, and aliases stand for it elsewhere`);
      },
    });
  };
  const collectionAt = (
    path: FieldPath,
  ): { readonly node: Collection; readonly entries: readonly Entry[]; readonly inFlow: boolean } => {
    const way = wayTo(path);
    const node = way[path.length];
    const entries = isCollection(node) ? entriesOf(node as Collection) : undefined; // a parsed document holds parsed nodes
    if (entries === undefined)
      throw new Failure(`${subject} is written at ${pathText(path)} in a way that cannot be edited`);
    return { node: node as Collection, entries, inFlow: way.slice(0, -1).some(isFlow) };
  };

  /** The first of some texts that reads as it should. */
  const edited = (path: FieldPath, candidates: Iterable<string>, expected: Plain): Structure => {
    for (const candidate of candidates) {
      const again = parsed(candidate);
      const reads = again === undefined ? undefined : plainOf(again);
      if (
        again !== undefined &&
        reads !== undefined &&
        again.warnings.length <= document.warnings.length &&
        isDeepStrictEqual(reads, expected)
      )
        return structureOf(candidate, again, reads);
    }
    throw new Failure(`${subject} cannot be edited at ${pathText(path)} so that it reads back`);
  };
  const replace = (path: FieldPath, value: Plain): Structure => {
    const way = wayTo(path);
    mayGo(path, way[path.length]);
    const parent = path.length === 0 ? undefined : collectionAt(path.slice(0, -1));
    const entry = parent?.entries.findLast(({ name }) => name === String(path.at(-1)));
    return edited(
      path,
      replacements({ text, style }, way, entry, value),
      plainWith(plain, path, () => value),
    );
  };

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
      const expected = (old: Plain | undefined): readonly Plain[] =>
        (old !== undefined && isList(old) ? old : []).toSpliced(from, to - from, ...items);
      const left = expected(plainAt(plain, list));
      if (left.length === 0 || place.entries.length === 0) return replace(list, left);
      return edited(
        list,
        withEntries(
          { text, style },
          place,
          from,
          to,
          (indent) => items.map((item) => itemLines(item, indent, style)),
          () => items.map((item) => flowText(item, isJsonFlow(list))),
        ),
        plainWith(plain, list, () => left),
      );
    },
    add: (path, value) => {
      const [parent, name] = [path.slice(0, -1), String(path.at(-1))];
      const place = collectionAt(parent);
      if (place.entries.length === 0) return replace(parent, { [name]: value });
      const at = placeOf(
        name,
        place.entries.map((entry) => entry.name),
      );
      const flow = (): string[] => [flowText({ [name]: value }, isJsonFlow(parent)).slice(1, -1)];
      return edited(
        path,
        withEntries({ text, style }, place, at, at, (indent) => [memberLines(name, value, indent, style)], flow),
        plainWith(plain, path, () => value),
      );
    },
    drop: (path) => {
      const [parent, name] = [path.slice(0, -1), String(path.at(-1))];
      const place = collectionAt(parent);
      const at = place.entries.findIndex((entry) => entry.name === name);
      mayGo(path, place.entries[at]?.node);
      if (place.entries.length === 1) return replace(parent, {});
      return edited(
        path,
        withEntries(
          { text, style },
          place,
          at,
          at + 1,
          () => [],
          () => [],
        ),
        plainWith(plain, parent, (map) =>
          Object.fromEntries(Object.entries(map ?? {}).filter(([other]) => other !== name)),
        ),
      );
    },
    rename: (path, name) => {
      const [parent, old] = [path.slice(0, -1), String(path.at(-1))];
      const { node, entries, inFlow } = collectionAt(parent);
      const flow = inFlow || isFlow(node);
      const ends = entries.map((entry) => (flow ? entry.end : lineEnd(text, entry.end)));
      const order = orderAfterRename(
        entries.map((entry) => entry.name),
        old,
        name,
      );
      const colonOf = (entry: Entry): string => /[ \t]*:$/.exec(text.slice(entry.start, entry.head))?.[0] ?? '';
      const spelling = isJsonFlow(parent) ? JSON.stringify(name) : nameText(name, flow);
      const pieces = entries.map((entry, at) =>
        entry.name === old
          ? spelling + colonOf(entry) + text.slice(entry.head, ends[at])
          : text.slice(entry.start, ends[at]),
      );
      const fresh =
        entries
          .map((entry, at) => text.slice(ends[at - 1] ?? 0, entry.start) + (pieces[order[at] ?? at] ?? ''))
          .join('') + text.slice(ends.at(-1));
      return edited(
        path,
        [fresh],
        plainWith(plain, parent, (map) =>
          Object.fromEntries(
            Object.entries(map ?? {}).map(([other, value]) => [other === old ? name : other, value as Plain]),
          ),
        ),
      );
    },
  };
}

/** Names that aliases use, outside of one node. */
function aliasNames(root: Node | null, without?: Node): ReadonlySet<string> {
  const names = new Set<string>();
  visit(root, {
    Node: (_key, node) => (node === without ? visit.SKIP : undefined),
    Alias: (_key, alias) => void names.add(alias.source),
  });
  return names;
}

/** A document as plain values; undefined where JSON has none (an alias bomb, an alias to nothing, a number without end). */
function plainOf(document: Document.Parsed): Plain | undefined {
  const plain = dataOf(document);
  return isJsonValue(plain) ? plain : undefined;
}

function isJsonValue(value: unknown): value is Plain {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' || typeof value === 'boolean' || value === null;
  return Object.values(value).every(isJsonValue);
}

function plainAt(plain: Plain, path: FieldPath): Plain | undefined {
  let here: Plain | undefined = plain;
  for (const name of path) {
    if (here === undefined || here === null || typeof here !== 'object') return undefined;
    here = isList(here)
      ? typeof name === 'number'
        ? here[name]
        : undefined
      : Object.hasOwn(here, String(name))
        ? here[String(name)]
        : undefined;
  }
  return here;
}

function plainWith(plain: Plain | undefined, path: FieldPath, change: (old: Plain | undefined) => Plain): Plain {
  const [name, ...rest] = path;
  if (name === undefined) return change(plain);
  if (plain === undefined || plain === null || typeof plain !== 'object') return change(undefined);
  if (isList(plain)) return plain.map((item, at) => (at === name ? plainWith(item, rest, change) : item));
  return {
    ...plain,
    [name]: plainWith(Object.hasOwn(plain, String(name)) ? plain[String(name)] : undefined, rest, change),
  };
}
