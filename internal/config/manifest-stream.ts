import { parseDocument } from 'yaml';

/** JSON as Kubernetes speaks it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonMap;
export type JsonMap = { readonly [key: string]: Json };

/** One object of a stream. */
export type StreamDocument = {
  /** Its place among the documents of the stream, from 1, those without content counted. */
  readonly index: number;
  /** Its first line, from 1. */
  readonly line: number;
  readonly value: JsonMap;
};

export type ManifestStream = {
  readonly documents: readonly StreamDocument[];
  /** Lines of documents that hold nothing but comments; a heading of the file is none. */
  readonly empty: readonly number[];
  /** What is odd and was read nevertheless. */
  readonly warnings: readonly string[];
  /** Why a part cannot be read. Nothing of the text stands in it: it may be secret. */
  readonly problems: readonly string[];
};

/**
 * Reads a stream of JSON objects or of YAML documents, as programs of Kubernetes do (kube/stream).
 *
 * A text that begins with `{` is tried as JSON, one object after the other. When the first or the second is none, all is read as YAML, of which
 * JSON with a comma too many is a form. YAML is that of Go's reader, version 1.1 without times: `yes` is true, `0644` is 420.
 */
export function readManifestStream(text: string): ManifestStream {
  const clean = text.replace(/^\uFEFF/, '');
  if (!/^\s*\{/.test(clean)) return readYaml(clean);
  const { documents, broken } = readJson(clean);
  if (broken === undefined) return { documents, empty: [], warnings: [], problems: [] };
  if (documents.length < 2) return readYaml(clean);
  return {
    documents,
    empty: [],
    warnings: [],
    problems: [`line ${broken}: object ${documents.length + 1} is no JSON`],
  };
}

function readJson(text: string): { readonly documents: readonly StreamDocument[]; readonly broken?: number } {
  const documents: StreamDocument[] = [];
  for (let from = 0; ;) {
    from += text.slice(from).search(/\S|$/);
    if (from >= text.length) return { documents };
    const line = lineAt(text, from);
    const end = endOfObject(text, from);
    if (end === undefined) return { documents, broken: line };
    try {
      // endOfObject saw braces, and JSON in braces is a map
      documents.push({ index: documents.length + 1, line, value: JSON.parse(text.slice(from, end)) as JsonMap });
    } catch {
      return { documents, broken: line };
    }
    from = end;
  }
}

/** Where the object that begins here ends. */
function endOfObject(text: string, from: number): number | undefined {
  if (text[from] !== '{') return undefined;
  let [depth, inText] = [0, false];
  for (let at = from; at < text.length; at += 1) {
    const letter = text[at];
    if (inText) {
      if (letter === '\\') at += 1;
      else if (letter === '"') inText = false;
    } else if (letter === '"') inText = true;
    else if (letter === '{') depth += 1;
    else if (letter === '}' && --depth === 0) return at + 1;
  }
  return undefined;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function readYaml(text: string): ManifestStream {
  const documents: StreamDocument[] = [];
  const [empty, warnings, problems]: [number[], string[], string[]] = [[], [], []];
  let index = 0;
  for (const { line, lines, broken } of partsOf(text)) {
    if (broken) {
      problems.push(`line ${line}: invalid Yaml document separator: only blanks or a comment may follow "---"`);
      continue;
    }
    index += 1;
    const document = parseDocument(lines.join('\n'), {
      version: '1.1',
      prettyErrors: false,
      customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !isTime(tag.tag, tag.format)),
    });
    const [errors, doubled] = [
      document.errors.filter(({ code }) => code !== 'DUPLICATE_KEY'),
      document.errors.filter(({ code }) => code === 'DUPLICATE_KEY'),
    ];
    const lineOf = (offset: number): number => line + lineAt(lines.join('\n'), offset) - 1;
    for (const { pos } of doubled)
      warnings.push(`line ${lineOf(pos[0])}: a key stands there twice; the last one counts`);
    const [first] = errors;
    if (first !== undefined) {
      problems.push(`line ${lineOf(first.pos[0])}: it is no YAML (${first.code})`);
      continue;
    }
    let value: Json | undefined;
    try {
      value = jsonOf(document.toJS({ mapAsMap: true, maxAliasCount: 1000 }));
    } catch {
      problems.push(`line ${line}: it unfolds to too much`);
      continue;
    }
    if (value === undefined || value === null) empty.push(line);
    else if (isJsonMap(value)) documents.push({ index, line, value });
    else problems.push(`line ${line}: it is ${Array.isArray(value) ? 'a list' : 'a single value'}, not an object`);
  }
  return { documents, empty, warnings, problems };
}

/** Texts that look like a time stay texts, and `1:30` is no number: for Go, too. */
function isTime(tag: string, format: string | undefined): boolean {
  return tag.endsWith(':timestamp') || format === 'TIME';
}

type Part = { readonly line: number; readonly lines: readonly string[]; readonly broken: boolean };

/** The parts between lines that begin with `---`. What only such lines stand before is no document of its own. */
function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let [start, lines]: [number, string[]] = [1, []];
  const close = (): void => {
    // Remarks before the first separator are the file's heading.
    const says = start === 1 ? /^\s*[^\s#]/ : /\S/;
    if (lines.some((line) => says.test(line))) parts.push({ line: start, lines, broken: false });
  };
  text.split(/\r?\n/).forEach((line, at) => {
    if (!line.startsWith('---')) {
      lines.push(line);
      return;
    }
    close();
    [start, lines] = [at + 2, []];
    if (!/^---\s*(#.*)?$/.test(line)) parts.push({ line: at + 1, lines: [], broken: true });
  });
  close();
  return parts;
}

export function isJsonMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function jsonOf(value: unknown): Json | undefined {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, inner]) => [keyText(key), jsonOf(inner) ?? null]));
  if (Array.isArray(value)) return value.map((inner) => jsonOf(inner) ?? null);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : undefined;
}

function keyText(key: unknown): string {
  return typeof key === 'string' ? key : key === null ? 'null' : JSON.stringify(key);
}
