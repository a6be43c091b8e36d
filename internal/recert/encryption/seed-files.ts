import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, errorCode, isNotFound } from '../../errors/errors.ts';
import type { Document } from '../document.ts';

export type RevisionFile = { readonly revision: number; readonly document: Extract<Document, { in: 'file' }> };

const wanted = /\/kube-apiserver-pod-(\d+)\/secrets\/encryption-config\/encryption-config$/;

/** The kube-apiserver's configuration files below some folders, newest revision first. Links to folders are followed, each folder once. */
export async function configurationFiles(folders: readonly string[]): Promise<RevisionFile[]> {
  const found: RevisionFile[] = [];
  const seen = new Set<string>();
  const search = async (folder: string): Promise<void> => {
    const here = await realpath(folder);
    if (seen.has(here)) return;
    seen.add(here);
    for (const entry of await readdir(here, { withFileTypes: true })) {
      const path = join(here, entry.name);
      if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(path)))) await search(path);
      const revision = entry.isFile() ? wanted.exec(path)?.[1] : undefined;
      if (revision !== undefined)
        found.push({ revision: Number(revision), document: { in: 'file', path, bytes: await readFile(path) } });
    }
  };
  for (const folder of folders) {
    try {
      await search(folder);
    } catch (error) {
      throw new Failure(`the folder "${folder}" cannot be searched: ${errorCode(error) ?? 'unknown error'}`, {
        next: 'run as root, and check the disk',
        cause: error,
      });
    }
  }
  return found.sort((a, b) => b.revision - a.revision);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isNotFound(error) || errorCode(error) === 'ELOOP') return false;
    throw error;
  }
}
