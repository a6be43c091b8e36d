import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, messageOf } from '../../errors/errors.ts';
import { eachOf } from '../../host/each-of.ts';
import type { Replacement } from '../document.ts';

/** One file to write: where it really stands, and its content before and after (`undefined`: it goes). */
export type Target = {
  readonly path: string;
  /** Undefined: it is new. */
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
  /** Other planned paths of the same inode. A rename would part them, so they are linked again. */
  readonly links: readonly string[];
  /** The file whose attributes a new one gets. */
  readonly like?: string;
  /** Names of the inode outside the plan: they keep the old content, and a person must know. */
  readonly strangers: number;
};

/** Files looked at beside each other: one of the threads of Node's pool for each. */
const looksAtOnce = 4;

/**
 * The files of a plan as they stand on disk. Two documents may be one file: a projected volume shows its files below `..data`, a
 * link, and below the folder that the link names. Renaming to a link would replace the link, so paths are resolved first.
 *
 * @throws Failure when two documents of one file want different contents
 */
export async function targetsOf(replacements: readonly Replacement[]): Promise<Target[]> {
  const made: Target[] = [];
  const byInode = new Map<
    string,
    { paths: string[]; linkCount: number; before: Uint8Array; after: Uint8Array | undefined }
  >();
  for (const replacement of replacements)
    if (replacement.kind === 'created' && replacement.in === 'file') made.push(await newTarget(replacement));
  const standing = replacements.flatMap((replacement) => {
    if (replacement.kind === 'created' || replacement.document.in !== 'file') return [];
    return [{ ...replacement.document, after: replacement.kind === 'changed' ? replacement.after : undefined }];
  });
  for (const {
    path: named,
    bytes: before,
    after,
    found: { path, inode, linkCount },
  } of await eachOf(standing, looksAtOnce, async (one) => ({ ...one, found: await look(one.path) }))) {
    const known = byInode.get(inode);
    if (known === undefined) byInode.set(inode, { paths: [path], linkCount, before, after });
    else {
      if (!same(known.before, before) || !same(known.after, after))
        throw new Failure(
          `"${named}" and "${known.paths[0] ?? ''}" are the same file, and the plan wants them different`,
          { next: 'report this as a defect of recert' },
        );
      if (!known.paths.includes(path)) known.paths.push(path);
    }
  }
  const changed = [...byInode.values()].flatMap(({ paths, linkCount, before, after }) => {
    const [path, ...links] = paths;
    if (path === undefined || (after !== undefined && same(before, after))) return [];
    return [{ path, links, before, after, strangers: Math.max(0, linkCount - paths.length) }];
  });
  return [...changed, ...made];
}

/** A file that the plan makes. The folder is resolved, so that a link above it is no second name. */
async function newTarget({
  path: named,
  after,
  like,
}: Extract<Replacement, { kind: 'created'; in: 'file' }>): Promise<Target> {
  const path = join((await look(dirname(named))).path, basename(named));
  if ((await lstat(path).catch(() => undefined)) !== undefined)
    throw new Failure(`the file "${path}" is there already, and the plan makes it`, {
      next: 'see where it comes from, then start again',
    });
  return { path, links: [], before: undefined, after, like: (await look(like)).path, strangers: 0 };
}

async function look(named: string): Promise<{ path: string; inode: string; linkCount: number }> {
  try {
    const path = await realpath(named);
    const { dev, ino, nlink } = await stat(path, { bigint: true });
    return { path, inode: `${dev}:${ino}`, linkCount: Number(nlink) };
  } catch (error) {
    throw new Failure(`the file "${named}" cannot be looked at`, {
      why: messageOf(error),
      next: 'see who changes the files of the stopped cluster, then start again',
      cause: error,
    });
  }
}

function same(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === undefined || other === undefined ? one === other : Buffer.compare(one, other) === 0;
}
