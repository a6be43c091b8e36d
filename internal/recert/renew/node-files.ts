import { dirname } from 'node:path';
import { fieldAt, openStored } from '../../wire/wire.ts';
import type { Document, Edit, Place } from '../document.ts';
import { stringsAt, treeOf } from '../find/tree.ts';

/**
 * The machine-config daemon compares each file that the node's configuration lays down with what is on the disk, and a node that differs is
 * degraded. So where a file in that configuration changes, the node's copy has to be among the changes.
 *
 * The node's configuration is `currentconfig`, as the daemon keeps it; a rendered configuration of the masters where that file is not given.
 * Folders may be mounted anywhere (`/kubernetes` for `/etc/kubernetes`): a copy is known by the end of its path, and so is the folder it would
 * stand in. A file that is not in its folder is not on the node, and nothing is asked for.
 *
 * @returns a sentence for each file of which the copy was not looked for
 */
export function filesWithoutCopy(
  documents: ReadonlyMap<string, Document>,
  edits: readonly Edit[],
  folders: readonly string[],
): string[] {
  const isCurrent = (name: string): boolean => /^file:.*\/currentconfig$/.test(name);
  const isRendered = (name: string): boolean => /\/machineconfigs\/rendered-master-[^/]+$/.test(name);
  const hasCurrent = [...documents.keys()].some(isCurrent);
  const read = [...documents.keys()].filter((name) => name.startsWith('file:'));
  if (read.length === 0) return []; // etcd alone was asked for, and its owner sees to the files
  const missing = new Set<string>();
  for (const { place } of edits) {
    if (hasCurrent ? !isCurrent(place.document) : !isRendered(place.document)) continue;
    const path = laidDownPath(documents, place);
    if (path === undefined) continue;
    const ends = [path, path.replace(/^\/etc(?=\/)/, '')];
    const isRead = read.some((name) => ends.some((end) => name.endsWith(end)));
    if (!isRead && !ends.flatMap(foldersAbove).some((above) => folders.some((folder) => folder.endsWith(above))))
      missing.add(path);
  }
  return [...missing].map(
    (path) =>
      `the node's configuration lays down "${path}", which changes, and the node's copy is in none of the given folders; add "${path}" to crypto_files, or its folder to crypto_dirs`,
  );
}

/** `/etc/kubernetes/x/a.crt`: `/etc/kubernetes/x`, `/etc/kubernetes`, `/etc`. */
function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === '/' ? [] : [above, ...foldersAbove(above)];
}

/** The path that an Ignition file of a configuration is laid down at, for a place inside its content. */
function laidDownPath(
  documents: ReadonlyMap<string, Document>,
  { document: name, field, within }: Place,
): string | undefined {
  const document = documents.get(name);
  if (document === undefined) return undefined;
  if (document.in === 'etcd') {
    const at = field.lastIndexOf('contents');
    const stored = at < 0 ? undefined : openStored(document.bytes);
    const path = stored === undefined ? undefined : fieldAt(stored, [...field.slice(0, at), 'path']);
    return path?.type === 'text' ? path.text : undefined;
  }
  const [tree] = within;
  if (tree?.in !== 'json' && tree?.in !== 'yaml') return undefined;
  const at = tree.path.lastIndexOf('contents');
  const read = at < 0 ? undefined : treeOf(document.bytes);
  return read === undefined ? undefined : stringsAt(read.tree, [...tree.path.slice(0, at), 'path']).at(0)?.text;
}
