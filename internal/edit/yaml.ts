import type { CST, Document, Scalar } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { FieldPath } from './json.ts';
import { encodeJsonString, habitOf, decodeJsonString } from './json-string.ts';
import { verbatimBlock } from './yaml-block.ts';
import { respell } from './respell.ts';

/** The document of a YAML text; undefined when it is no YAML or holds several documents. JSON is YAML. */
function parsed(text: string): Document.Parsed | undefined {
  const document = parseDocument(text, { keepSourceTokens: true });
  return document.errors.length > 0 ? undefined : document;
}

/** The whole text as plain values, for walking; undefined when it is no YAML. */
export function yamlTree(text: string): unknown {
  try {
    return parsed(text)?.toJS();
  } catch {
    return undefined; // an alias bomb, or an alias to nothing
  }
}

/** The string at a path of a YAML text, and the text with another string there. */
export type YamlString = {
  readonly value: string;
  /**
   * Keeps the style (plain, quoted, block) where that can hold the new value, else takes double quotes. Undefined where the value
   * cannot be written, and for an alias: writing there would change the anchor's place.
   */
  readonly replace: (value: string) => string | undefined;
};

/** The string at a path; an alias is followed. Reading the text is what costs, so both uses share one reading. */
export function yamlStringAt(text: string, path: FieldPath): YamlString | undefined {
  const document = parsed(text);
  const seen = document === undefined ? undefined : scalarAt(document, path, true);
  if (document === undefined || typeof seen?.value !== 'string') return undefined;
  const old = seen.value;
  return {
    value: old,
    replace: (value) => {
      const node = scalarAt(document, path, false);
      if (node?.range === undefined || node.range === null) return undefined;
      const [start, end] = node.range;
      for (const spelling of spellings(node, text.slice(start, end), old, value)) {
        const candidate = text.slice(0, start) + spelling + text.slice(end);
        // Which spelling a value bears is the parser's word, not ours: the first that reads back is taken.
        if (yamlStringAt(candidate, path)?.value === value) return candidate;
      }
      return undefined;
    },
  };
}

/** Spellings of a value, the one nearest to the found style first. */
function* spellings(node: Scalar, source: string, old: string, value: string): Generator<string> {
  const lineEnd = /\r?\n$/.exec(source)?.[0] ?? '';
  switch (node.type) {
    case 'PLAIN': yield value; break;
    case 'QUOTE_SINGLE':
      if (!/[^\P{Cc}\t]/u.test(value)) yield `'${value.replaceAll("'", "''")}'`;
      break;
    case 'QUOTE_DOUBLE': {
      const inside = source.slice(1, -1);
      if (isJsonInside(inside)) yield `"${respell(inside, decodeJsonString(inside), value, (part) => encodeJsonString(part, habitOf(inside)))}"`;
      break;
    }
    case 'BLOCK_LITERAL': case 'BLOCK_FOLDED': {
      const block = verbatimBlock(node.srcToken as CST.BlockScalar, old, value); // keepSourceTokens is set and the type is a block's
      if (block !== undefined) yield block;
      break;
    }
    case undefined: break;
    default: break;
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
    if (isMap(node)) node = node.items.findLast((pair) => isScalar(pair.key) && (pair.key.value === name || pair.key.source === name))?.value;
    else if (isSeq(node)) node = typeof name === 'number' ? node.items[name] : undefined;
    else return undefined;
  }
  if (isAlias(node) && followAlias) node = node.resolve(document);
  return isScalar(node) ? node : undefined;
}
