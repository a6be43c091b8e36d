import type { CST, Document, Scalar } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { FieldPath } from './json.ts';
import { encodeJsonString, habitOf, decodeJsonString } from './json-string.ts';
import { verbatimBlock } from './yaml-block.ts';
import type { Hunk } from './respell.ts';
import { respell, splice } from './respell.ts';

/** The document of a YAML text; undefined when it is no YAML or holds several documents. JSON is YAML. */
export function parsed(text: string): Document.Parsed | undefined {
  const document = parseDocument(text, { keepSourceTokens: true });
  return document.errors.length > 0 ? undefined : document;
}

/** The whole text as plain values, for walking; undefined when it is no YAML. */
export function yamlTree(text: string): unknown {
  const document = parsed(text);
  return document === undefined ? undefined : dataOf(document);
}

/** A document as plain values; undefined for an alias bomb, or an alias to nothing. */
export function dataOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch {
    return undefined;
  }
}

/** A YAML text, read once for all its paths. */
export type Yaml = {
  /** The string at a path; an alias is followed. */
  readonly stringAt: (path: FieldPath) => string | undefined;
  /** Where the string at a path stands, quotes or block header included; undefined for an alias. */
  readonly spanAt: (path: FieldPath) => { readonly start: number; readonly end: number } | undefined;
  /**
   * Other strings at some paths. Keeps the style (plain, quoted, block) where that can hold the new value, else takes double quotes.
   * Undefined where a value cannot be written, and for an alias: writing there would change the anchor's place.
   */
  readonly hunksFor: (changes: readonly { readonly path: FieldPath; readonly value: string }[]) => Hunk[] | undefined;
};

/** Opens a YAML text of one document; undefined when it is none. */
export function openYaml(text: string): Yaml | undefined {
  const document = parsed(text);
  return document === undefined ? undefined : yamlOf(text, document);
}

function yamlOf(text: string, document: Document.Parsed): Yaml {
  const stringAt = (path: FieldPath): string | undefined => {
    const value = scalarAt(document, path, true)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  const spanAt = (path: FieldPath): { start: number; end: number } | undefined => {
    const range = scalarAt(document, path, false)?.range;
    return range === undefined || range === null ? undefined : { start: range[0], end: range[1] };
  };
  const candidates = (path: FieldPath, value: string): Hunk[] => {
    const [node, span, old] = [scalarAt(document, path, false), spanAt(path), stringAt(path)];
    if (node === undefined || span === undefined || old === undefined) return [];
    return [...spellings(node, text.slice(span.start, span.end), old, value)].map((spelling) => ({
      ...span,
      text: spelling,
    }));
  };
  return {
    stringAt,
    spanAt,
    hunksFor: (changes) => {
      const choices = changes.map(({ path, value }) => ({ path, value, hunks: candidates(path, value) }));
      const nearest = choices.map(({ hunks }) => hunks[0]);
      if (!nearest.every((hunk) => hunk !== undefined)) return undefined;
      // Which spelling a value bears is the parser's word, not ours: all nearest ones at once as a rule, else one by one.
      const read = openYaml(splice(text, nearest));
      if (changes.every(({ path, value }) => read?.stringAt(path) === value)) return nearest;
      const chosen = choices.map(({ path, value, hunks }) =>
        hunks.find((hunk) => openYaml(splice(text, [hunk]))?.stringAt(path) === value),
      );
      return chosen.every((hunk) => hunk !== undefined) ? chosen : undefined;
    },
  };
}

/** Spellings of a value, the one nearest to the found style first. */
export function* spellings(node: Scalar, source: string, old: string, value: string): Generator<string> {
  const lineEnd = /\r?\n$/.exec(source)?.[0] ?? '';
  switch (node.type) {
    case 'PLAIN':
      yield value;
      break;
    case 'QUOTE_SINGLE':
      if (!/[^\P{Cc}\t]/u.test(value)) yield `'${value.replaceAll("'", "''")}'`;
      break;
    case 'QUOTE_DOUBLE': {
      const inside = source.slice(1, -1);
      if (isJsonInside(inside))
        yield `"${respell(inside, decodeJsonString(inside), value, (part) => encodeJsonString(part, habitOf(inside)))}"`;
      break;
    }
    case 'BLOCK_LITERAL':
    case 'BLOCK_FOLDED': {
      const block = verbatimBlock(node.srcToken as CST.BlockScalar, old, value); // keepSourceTokens is set and the type is a block's
      if (block !== undefined) yield block;
      break;
    }
    case undefined:
      break;
    default:
      break;
  }
  yield `"${encodeJsonString(value, 'plain')}"${node.type?.startsWith('BLOCK') === true ? lineEnd : ''}`;
}

/** Double quotes of YAML know more escapes than JSON, and line folding; only the common part is edited in place. */
function isJsonInside(inside: string): boolean {
  try {
    JSON.parse(`"${inside}"`);
    return true;
  } catch {
    return false;
  }
}

function scalarAt(document: Document.Parsed, path: FieldPath, followAlias: boolean): Scalar | undefined {
  let node: unknown = document.contents;
  for (const name of path) {
    if (isAlias(node) && followAlias) node = node.resolve(document);
    if (isMap(node))
      node = node.items.findLast(
        (pair) => isScalar(pair.key) && (pair.key.value === name || pair.key.source === name),
      )?.value;
    else if (isSeq(node)) node = typeof name === 'number' ? node.items[name] : undefined;
    else return undefined;
  }
  if (isAlias(node) && followAlias) node = node.resolve(document);
  return isScalar(node) ? node : undefined;
}
