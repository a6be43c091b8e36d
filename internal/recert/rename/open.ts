import { latin1 } from '../../edit/characters.ts';
import type { Document, EtcdReader } from '../document.ts';
import { findBelow, readFiles, singleFiles } from '../find/find-files.ts';
import type { Contents, FoundFile } from './cluster.ts';
import type { Reads } from './step.ts';

/** What was read: as the steps see it, and as documents, by name. */
export type Opened = { readonly contents: Contents; readonly found: ReadonlyMap<string, Document> };

export type Source = {
  readonly etcd: EtcdReader;
  readonly folders: readonly string[];
  readonly files: readonly string[];
};

/**
 * Reads what steps ask for, each prefix once. What nobody asks for is not kept: an etcd is events in the main.
 */
export async function openContents(source: Source, reads: Reads): Promise<Opened> {
  const found = new Map<string, Document>();
  const objects = new Map<string, Uint8Array | undefined>();
  const keep = (key: string, bytes: Uint8Array, modRevision: string): void => {
    found.set(`etcd:${key}`, { in: 'etcd', key, bytes, modRevision });
    objects.set(key, bytes);
  };
  const { holding } = reads;
  const wanted = outermost(reads.objects ?? []);
  for (const prefix of outermost([...wanted, ...(holding === undefined ? [] : [holding.prefix])])) {
    for await (const { key, value, modRevision } of source.etcd.list(prefix)) {
      if (
        wanted.some((one) => key.startsWith(one)) ||
        (holding !== undefined && key.startsWith(holding.prefix) && latin1(value).includes(holding.text))
      )
        keep(key, value, modRevision);
    }
  }
  for (const prefix of outermost(reads.keys ?? [])) {
    for await (const { key, modRevision } of source.etcd.list(prefix, { keysOnly: true })) {
      if (objects.has(key)) continue;
      found.set(`etcd:${key}`, { in: 'etcd', key, bytes: new Uint8Array(), modRevision });
      objects.set(key, undefined);
    }
  }
  const files = await openFiles(source, reads);
  for (const { path, bytes } of files) found.set(`file:${path}`, { in: 'file', path, bytes });
  return { contents: { objects, files }, found };
}

/** What was read, with the contents that its documents have now. */
export function withContents({ objects, files }: Contents, documents: ReadonlyMap<string, Document>): Contents {
  const now = (name: string, bytes: Uint8Array): Uint8Array => documents.get(name)?.bytes ?? bytes;
  return {
    objects: new Map(
      [...objects].map(([key, bytes]) => [key, bytes === undefined ? undefined : now(`etcd:${key}`, bytes)]),
    ),
    files: files.map((file) => ({ ...file, bytes: now(`file:${file.path}`, file.bytes) })),
  };
}

async function openFiles({ folders, files }: Source, reads: Reads): Promise<FoundFile[]> {
  const patterns = reads.files ?? [];
  const below =
    patterns.length === 0
      ? new Map<string, string>()
      : await findBelow(folders, (path) => patterns.some((pattern) => pattern.test(path)));
  const singles = (await singleFiles(files)).filter(
    (path) => reads.singles?.some((name) => path.endsWith(`/${name}`)) === true,
  );
  const given = new Set(singles);
  const opened: FoundFile[] = [];
  for await (const document of readFiles([...new Set([...below.keys(), ...singles])].sort(), () => {
    /* a file of this size is none of these */
  })) {
    if (document.in === 'file')
      opened.push({
        path: document.path,
        below: below.get(document.path),
        single: given.has(document.path),
        bytes: document.bytes,
      });
  }
  return opened;
}

/** The prefixes without those that begin with another one. */
function outermost(prefixes: readonly string[]): string[] {
  const sorted = [...new Set(prefixes)].sort();
  return sorted.filter((prefix, index) => !sorted.slice(0, index).some((other) => prefix.startsWith(other)));
}
