import { proseOf, type Found, type Source } from './prose.ts';

/** An id of a table in a README: `family/name`. */
export type Definition = { readonly id: string; readonly path: string; readonly line: number };

const idCell = /^\| `([a-z][a-z-]*\/[a-z0-9-]+)` \|/;

/** The rows of all tables whose first column is called `id`. */
export function definitionsIn({ path, text }: Source): Definition[] {
  const found: Definition[] = [];
  let inTable = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\| id \|/.test(line)) inTable = true;
    else if (!line.startsWith('|')) inTable = false;
    const [, id] = inTable ? (idCell.exec(line) ?? []) : [];
    if (id !== undefined) found.push({ id, path, line: index + 1 });
  }
  return found;
}

/** Ids that are defined a second time. */
export function definedTwice(definitions: readonly Definition[]): (Found & { readonly path: string })[] {
  const first = new Map<string, Definition>();
  return definitions.flatMap((definition) => {
    const known = first.get(definition.id);
    if (known === undefined) {
      first.set(definition.id, definition);
      return [];
    }
    const { id, path, line } = definition;
    return [{ path, line, what: `the id "${id}" is defined in ${known.path}:${known.line}, too` }];
  });
}

/**
 * Ids in a file that no table defines. What begins with the family of a table is an id, unless it is a path; and so is whatever code calls
 * a row.
 */
export function unknownIds(source: Source, definitions: readonly Definition[]): Found[] {
  const known = new Set(definitions.map(({ id }) => id));
  const families = [...new Set(definitions.map(({ id }) => id.slice(0, id.indexOf('/'))))].join('|') || '-';
  const ofFamily = new RegExp(String.raw`(?<![\w./~@*:{}$-])(?:${families})/[a-z][a-z0-9-]*(?![\w/*{-]|\.\w)`, 'g');
  const used = [
    ...proseOf(source).flatMap(({ line, text }) => [...text.matchAll(ofFamily)].map(([id]) => ({ line, id }))),
    ...source.text.split('\n').flatMap((text, index) => {
      const [, , row = ''] = /\brow: (['"`])([a-z-]+\/[^'"`]*)\1/.exec(text) ?? [];
      return row.split(' ').flatMap((id) => (id.includes('/') ? [{ line: index + 1, id }] : []));
    }),
  ];
  return [...new Map(used.map((one) => [`${one.line} ${one.id}`, one])).values()]
    .filter(({ id }) => !known.has(id))
    .map(({ line, id }) => ({ line, what: `the id "${id}" stands in no table of a README` }));
}
