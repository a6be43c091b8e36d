import { latin1 } from '../../edit/characters.ts';
import type { Tell } from './candidates.ts';
import type { Document, EtcdReader } from '../document.ts';
import type { Externals } from './external.ts';
import { externalsIn, externalsOf, textsOfFiles } from './external.ts';
import { findFiles, readFiles } from './find-files.ts';
import { externalScopes, objectScopes } from './scope.ts';

/** A cluster as it lies there: what others made, and everything to look through, one document after the other. */
export type Opened = {
  readonly externals: Externals;
  readonly documents: AsyncIterable<Document> | Iterable<Document>;
  /** The folders that were searched. */
  readonly folders: readonly string[];
};

/**
 * Opens etcd and files. The list of files is made first, so that an unreadable folder ends the run before anything is looked at; the
 * documents themselves come one by one, because all of them together may be larger than memory.
 */
export async function openCluster(
  {
    etcd,
    folders,
    files,
    externals: named = [],
  }: {
    readonly etcd?: EtcdReader | undefined;
    readonly folders: readonly string[];
    readonly files: readonly string[];
    readonly externals?: readonly string[];
  },
  tell: Tell,
): Promise<Opened> {
  const paths = await findFiles(folders, files);
  const externals =
    etcd === undefined ? await externalsOnDisk(paths, named, tell) : await externalsIn(etcd, named, tell);
  return { externals, documents: documentsOf(etcd, paths, tell), folders };
}

/** Etcd first, then files: where a thing was first found is where it is named. */
async function* documentsOf(
  etcd: EtcdReader | undefined,
  paths: readonly string[],
  tell: Tell,
): AsyncGenerator<Document> {
  if (etcd !== undefined) {
    for (const { prefix } of objectScopes) {
      for await (const { key, value, modRevision } of etcd.list(prefix))
        yield { in: 'etcd', key, bytes: value, modRevision };
    }
  }
  yield* readFiles(paths, tell);
}

async function externalsOnDisk(paths: readonly string[], named: readonly string[], tell: Tell): Promise<Externals> {
  const texts = await textsOfFiles(named);
  for await (const { bytes } of readFiles(
    paths.filter((path) => externalScopes.files.test(path)),
    tell,
  ))
    texts.push(latin1(bytes));
  return externalsOf(texts, tell);
}
