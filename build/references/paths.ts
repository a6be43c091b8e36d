import { dirname, join, normalize } from 'node:path/posix';
import { proseOf, type Found, type Source } from './prose.ts';

/** Files and folders of the repository. */
export type Tree = {
  readonly files: ReadonlySet<string>;
  readonly folders: ReadonlySet<string>;
  heading(path: string): ReadonlySet<string>;
};

export function treeOf(sources: readonly Source[], others: readonly string[] = []): Tree {
  const files = new Set([...sources.map(({ path }) => path), ...others]);
  const folders = new Set<string>(['.']);
  for (const file of files) for (let at = dirname(file); at !== '.'; at = dirname(at)) folders.add(at);
  const texts = new Map(sources.map(({ path, text }) => [path, text]));
  return {
    files,
    folders,
    heading: (path) => new Set((texts.get(path) ?? '').split('\n').flatMap((line) => anchorOf(line) ?? [])),
  };
}

/** What a heading is linked by. */
function anchorOf(line: string): string | undefined {
  const [, heading] = /^#+\s+(.*)$/.exec(line) ?? [];
  return heading
    ?.toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

const tops = ['bench', 'build', 'cmd', 'ignition', 'internal', 'systemd-units', 'test'];
/** Not in front of a path: what makes it a part of a longer one, of an address, or of a pattern. */
const alone = String.raw`(?<![\w@/.$*{}<>…-])`;
const sourceFile = new RegExp(
  String.raw`${alone}(?:\.{1,2}/)*(?:[\w-][\w.-]*/)*[\w-][\w.-]*\.(?:ts|md|go)(?![\w*{-])`,
  'g',
);
const fromTop = new RegExp(String.raw`${alone}(?:${tops.join('|')})/[\w./-]*[\w-](?![\w*{<…]|/[*{<…])`, 'g');
const link = /\]\(([^)\s]+)\)/g;

/** Links and names of files in documents and comments that lead nowhere. */
export function deadPaths(source: Source, tree: Tree): Found[] {
  const { path } = source;
  return proseOf(source).flatMap(({ line, text, kind }) => {
    if (kind === 'text') return []; // what code does with a name is its own affair
    const links = kind === 'document' ? [...text.matchAll(link)].map(([, to = '']) => to) : [];
    const bare = text.replace(link, ']');
    const names = [...bare.matchAll(sourceFile), ...bare.matchAll(fromTop)].map(([name]) => name);
    return [
      ...links.filter((to) => !leads(to, path, tree)).map((to) => ({ line, what: `the link "${to}" leads nowhere` })),
      ...[...new Set(names)]
        .filter((name) => !isThere(name, path, tree))
        .map((name) => ({ line, what: `"${name}" is no file of the repository, as seen from here` })),
    ];
  });
}

function leads(to: string, from: string, tree: Tree): boolean {
  if (/^[a-z]+:/.test(to)) return true;
  const [file = '', anchor] = to.split('#');
  const target = file === '' ? from : normalize(join(dirname(from), file)).replace(/\/$/, '');
  if (!tree.files.has(target) && !tree.folders.has(target)) return false;
  return anchor === undefined || tree.heading(target).has(anchor);
}

/** A name counts from its file's own folder, from any folder above, and without a slash also from those below. */
function isThere(name: string, from: string, tree: Tree): boolean {
  const has = (path: string): boolean => tree.files.has(path) || tree.folders.has(path);
  const own = dirname(from);
  if (name.startsWith('.')) return has(normalize(join(own, name)));
  for (let at = own; ; at = dirname(at)) {
    if (has(normalize(join(at, name)))) return true;
    if (at === '.') break;
  }
  return (
    !name.includes('/') &&
    [...tree.files].some((file) => file.endsWith(`/${name}`) && (own === '.' || file.startsWith(`${own}/`)))
  );
}
