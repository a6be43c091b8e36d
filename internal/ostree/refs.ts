import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** A name that a repository gives to a commit. */
export type Ref = {
  /** Where it stands below `refs/`: "heads/NAME", "remotes/REMOTE/NAME", "mirrors/COLLECTION/NAME". */
  readonly path: string;
  readonly commit: string;
  /** Set for an alias: it is a link to another name. */
  readonly alias?: true;
};

/** The refs of a repository, in order of path. What is no ref by its name or content is passed over, as ostree does; links never lead outside. */
export function refsOf(repository: string): Ref[] {
  const commits = new Map<string, string>();
  const aliases = new Map<string, string>();
  const look = (path: string): void => {
    const place = join(repository, 'refs', path);
    const found = lstatSync(place, { throwIfNoEntry: false });
    if (found?.isSymbolicLink() === true) aliases.set(path, normalize(join(dirname(path), readlinkSync(place))));
    else if (found?.isFile() === true) {
      const commit = /^[0-9a-f]{64}$/.exec(readFileSync(place, 'utf8').trim())?.[0];
      if (commit !== undefined) commits.set(path, commit);
    } else if (found?.isDirectory() === true)
      for (const name of readdirSync(place)) if (/^[-\w][-.\w]*$/.test(name)) look(`${path}/${name}`);
  };
  if (lstatSync(join(repository, 'refs'), { throwIfNoEntry: false })?.isDirectory() === true)
    for (const kind of ['heads', 'remotes', 'mirrors']) look(kind);
  const refs = [...commits].map(([path, commit]): Ref => ({ path, commit }));
  for (const [path, target] of aliases) {
    const commit = commits.get(target);
    if (commit !== undefined) refs.push({ path, commit, alias: true });
  }
  return refs.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The ref as ostree prints it: "NAME", "REMOTE:NAME", "(COLLECTION, NAME)". */
export function refName({ path }: Pick<Ref, 'path'>): string {
  const [kind, first = '', ...rest] = path.split('/');
  if (kind === 'remotes') return `${first}:${rest.join('/')}`;
  return kind === 'mirrors' ? `(${first}, ${rest.join('/')})` : [first, ...rest].join('/');
}

/**
 * Moves refs from one repository into another one on the same file system, where they take the place of refs of the same name. Moved and not
 * written, because their bytes are on stable storage already. An alias becomes a ref of its own, as `ostree pull-local` leaves it.
 *
 * A ref comes after its commit: ostree fails on one that leads nowhere.
 */
export function moveRefs(from: string, to: string, refs: readonly Ref[]): void {
  // Aliases first: what they lead to is about to leave.
  for (const { path, commit, alias } of [...refs].sort((a, b) => Number(b.alias ?? false) - Number(a.alias ?? false))) {
    const [source, place] = [join(from, 'refs', path), join(to, 'refs', path)];
    if (alias === true) {
      rmSync(source);
      writeFileSync(source, `${commit}\n`, { flag: 'wx', mode: 0o644 });
    }
    mkdirSync(dirname(place), { recursive: true });
    renameSync(source, place);
  }
}
