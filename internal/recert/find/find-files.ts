import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, Failure, isNotFound } from '../../errors/errors.ts';
import type { Document } from '../document.ts';

/**
 * Names of files that may hold keys, certificates and tokens: the reference's patterns, and `*.pem.mcdorig`, which it lacks (scope/files). A
 * name that begins with a dot is none of them; letters count as they stand.
 */
const wanted =
  /^(?!\.)(?:.*\.(?:pem|crt|key|pub)(?:\.mcdorig)?|currentconfig|mcs-machine-config-content\.json|.*kubeconfig|kubeConfig|token)$/;

/** Left-overs of pods that are gone: nobody reads them, and they hold junk (scope/files). */
const leftOver = 'kubernetes.io~empty-dir';

/** Nothing of a cluster that holds a key is larger. */
const mostBytes = 32 * 1024 * 1024;

/**
 * Paths of the wanted files below some folders, and the single files, each once, as real paths. Folders are followed through links,
 * as projected volumes need (`..data`); a file that is itself a link is not taken: what it points at is found where it stands.
 *
 * @throws Failure naming the folder or file that cannot be read
 */
export async function findFiles(folders: readonly string[], files: readonly string[]): Promise<string[]> {
  const below = await findBelow(folders, (path) => wanted.test(path.slice(path.lastIndexOf('/') + 1)));
  return [...new Set([...below.keys(), ...(await singleFiles(files))])].sort();
}

/**
 * Files below some folders, found the same way: their real paths, each with its path below the folder it was found in, which begins with
 * `/`. `fits` is asked of that path. Names that begin with a dot are left out.
 */
export async function findBelow(
  folders: readonly string[],
  fits: (below: string) => boolean,
): Promise<Map<string, string>> {
  const search: Search = { seen: new Set(), found: new Map(), fits };
  for (const folder of folders) await searchIn(await real(folder), '', search);
  return search.found;
}

/** The real paths of single files. */
export async function singleFiles(files: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  for (const file of files) {
    const path = await real(file);
    if (!(await stat(path)).isFile()) throw new Failure(`"${file}" is not a file`, { next: 'give folders as folders' });
    paths.push(path);
  }
  return paths;
}

type Search = {
  readonly seen: Set<string>;
  readonly found: Map<string, string>;
  readonly fits: (below: string) => boolean;
};

async function searchIn(folder: string, below: string, search: Search): Promise<void> {
  // A folder is visited once under its real path: links in a circle end here, and `..data` costs nothing.
  if (search.seen.has(folder) || folder.includes(leftOver)) return;
  search.seen.add(folder);
  for (const entry of await entriesOf(folder)) {
    const [path, name] = [join(folder, entry.name), `${below}/${entry.name}`];
    if (entry.isDirectory()) await searchIn(path, name, search);
    else if (entry.isSymbolicLink()) await followed(path, name, search);
    else if (entry.isFile() && !entry.name.startsWith('.') && search.fits(name)) search.found.set(path, name);
  }
}

async function followed(link: string, below: string, search: Search): Promise<void> {
  try {
    if ((await stat(link)).isDirectory()) await searchIn(await realpath(link), below, search);
  } catch (error) {
    // A link to nothing, or in a circle, is no folder.
    if (!isNotFound(error) && errorCode(error) !== 'ELOOP') throw unreadable('link', link, error);
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw unreadable('folder', folder, error);
  }
}

async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw unreadable('path', path, error);
  }
}

/** Reads the files one after the other. One that is too large to be what it is named for is told of and left out. */
export async function* readFiles(paths: readonly string[], fact: (text: string) => void): AsyncGenerator<Document> {
  for (const path of paths) {
    try {
      const { size } = await stat(path);
      if (size > mostBytes) {
        fact(`file:${path} has ${size} bytes and was not read`);
        continue;
      }
      yield { in: 'file', path, bytes: new Uint8Array(await readFile(path)) };
    } catch (error) {
      if (isNotFound(error))
        throw new Failure(`"${path}" vanished while it was read`, {
          next: "stop what still works on the cluster's files",
        });
      throw unreadable('file', path, error);
    }
  }
}

function unreadable(what: string, path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (isNotFound(error)) return new Failure(`there is no "${path}"`, { next: 'correct the list of folders and files' });
  return new Failure(`the ${what} "${path}" cannot be read: ${errorCode(error) ?? 'unknown error'}`, {
    next: 'run as root, and check the disk',
    cause: error,
  });
}
