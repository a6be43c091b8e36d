import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { definedTwice, definitionsIn, unknownIds } from './references/ids.ts';
import { outsidePapers } from './references/paper.ts';
import { deadPaths, treeOf } from './references/paths.ts';
import type { Source } from './references/prose.ts';

/**
 * The repository explains itself: fails on a reference that resolves to nothing. A paper outside, an id that no README defines or two do, a
 * link or a file's name that leads nowhere.
 */

/** Made by others or by programs, and the test of this check, which is full of what it shows being found. */
const notOurs =
  /^(?:LICENSE|package-lock\.json|test\/cluster\/fixture\.json|.*\/go\.(?:mod|sum)|build\/check-references\.test\.ts)$/;
/** Folders of what is fetched or made. */
const made = new Set(['node_modules', 'dist', '.tap', '.git']);

/** A line for each reference that resolves to nothing, as `path:line: what`. */
export function danglingReferences(sources: readonly Source[], others: readonly string[] = []): string[] {
  const definitions = sources.filter(({ path }) => path.endsWith('.md')).flatMap(definitionsIn);
  const tree = treeOf(sources, others);
  return [
    ...definedTwice(definitions),
    ...sources.flatMap((source) =>
      [...outsidePapers(source), ...unknownIds(source, definitions), ...deadPaths(source, tree)].map((found) => ({
        path: source.path,
        ...found,
      })),
    ),
  ].map(({ path, line, what }) => `${path}:${line}: ${what}`);
}

if (process.argv[1] === import.meta.filename) {
  const top = dirname(import.meta.dirname);
  const paths: string[] = [];
  for await (const entry of glob(['**/*', '**/.*', '**/.*/**'], {
    cwd: top,
    withFileTypes: true,
    exclude: (entry) => made.has(entry.name),
  }))
    if (entry.isFile()) paths.push(join(entry.parentPath, entry.name).slice(top.length + 1));
  const [own, others] = [paths.filter((path) => !notOurs.test(path)), paths.filter((path) => notOurs.test(path))];
  const sources = await Promise.all(own.map(async (path) => ({ path, text: await readFile(join(top, path), 'utf8') })));
  const faults = danglingReferences(sources, others);
  process.stdout.write(faults.map((fault) => `${fault}\n`).join(''));
  if (faults.length > 0) process.exitCode = 1;
}
