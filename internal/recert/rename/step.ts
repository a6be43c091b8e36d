import { textTree } from '../../edit/text-tree.ts';
import { utf8 } from '../../edit/characters.ts';
import type { Change } from './change.ts';
import { hiddenNote, noteLines } from './change.ts';
import type { Cluster } from './cluster.ts';
import { edited, NotThere, type Editor, type How } from './editor.ts';

/** The keys of the configuration that ask for a step; `always` for what every run does. */
export type Option =
  | 'always'
  | 'ip'
  | 'cluster_rename'
  | 'hostname'
  | 'kubeadmin_password_hash'
  | 'proxy'
  | 'install_config'
  | 'pull_secret'
  | 'user_ca_bundle'
  | 'proxy_trusted_ca_bundle'
  | 'machine_network_cidr'
  | 'chrony_config'
  | 'cn_san_replace_rules';

/** What a step wants to look at. Etcd keys and prefixes of them; patterns of paths below the customization folders; names of single files. */
export type Reads = {
  readonly objects?: readonly string[];
  /** Prefixes of which only the keys are wanted. */
  readonly keys?: readonly string[];
  readonly files?: readonly RegExp[];
  readonly singles?: readonly string[];
  /** Of a large prefix, only the values that hold these bytes (text in Latin-1). */
  readonly holding?: { readonly prefix: string; readonly text: string };
};

/** Told once a step finds something that it leaves alone. Free of secrets. */
export type Say = (fact: string) => void;

/** A row of the tables in README.md by its id, and which part of it: `domain/infrastructure`, `domain/jwks (files)`. */
export type RowId = `${string}/${string}`;

/** One row, or a part of one: a pure function from a cluster to changes. */
export type Step = {
  readonly row: RowId;
  readonly reads: Reads;
  readonly changes: (cluster: Cluster, say: Say) => Change[];
};

/** An object that must exist, unless `optional`. */
export function object(row: RowId, key: string, edit: (object: Editor) => void, { optional = false } = {}): Step {
  return {
    row,
    reads: { objects: [key] },
    changes: (cluster) => {
      if (cluster.object(key) === undefined && optional) return [];
      return [changeOf(cluster, key, edit)];
    },
  };
}

/** All objects whose key begins with a prefix and whose last name fits. */
export function objects(row: RowId, prefix: string, edit: (object: Editor) => void, name = /(?:)/): Step {
  return {
    row,
    reads: { objects: [prefix] },
    changes: (cluster) =>
      cluster
        .keys(prefix)
        .filter((key) => name.test(nameOf(key)))
        .map((key) => changeOf(cluster, key, edit)),
  };
}

/** `name`, and its revisions `name-7`: what the operators of static pods keep. */
export function revisions(row: RowId, folder: string, name: string, edit: (object: Editor) => void): Step {
  return objects(row, `${folder}${name}`, edit, new RegExp(`^${name}(?:-\\d+)?$`));
}

/** Keys that are deleted, each with all below its prefix. */
export function removals(row: RowId, prefixes: readonly string[], fits: (key: string) => boolean = () => true): Step {
  return {
    row,
    reads: { keys: prefixes },
    changes: (cluster) =>
      [...new Set(prefixes.flatMap((prefix) => cluster.keys(prefix)))]
        .filter(fits)
        .map((name) => ({ in: 'etcd', kind: 'removed', name, notes: [] })),
  };
}

/** Files edited as texts. */
export function texts(row: RowId, pattern: RegExp, edit: (text: string) => string, how: How = {}): Step {
  return {
    row,
    reads: { files: [pattern] },
    changes: (cluster) => cluster.files(pattern).map((path) => textChange(cluster, path, edit, how)),
  };
}

/** Single files edited as texts. */
export function singleTexts(row: RowId, name: string, edit: (text: string) => string, how: How = {}): Step {
  return {
    row,
    reads: { singles: [name] },
    changes: (cluster) => cluster.singles(name).map((path) => textChange(cluster, path, edit, how)),
  };
}

/** Files edited as JSON or YAML documents; `single`: single files of that name, too. */
export function documents(row: RowId, pattern: RegExp, edit: (document: Editor) => void, single?: string): Step {
  return {
    row,
    reads: { files: [pattern], ...(single === undefined ? {} : { singles: [single] }) },
    changes: (cluster) =>
      [...cluster.files(pattern), ...(single === undefined ? [] : cluster.singles(single))].map((path) =>
        documentChange(cluster, path, edit),
      ),
  };
}

export function changeOf(cluster: Cluster, key: string, edit: (object: Editor) => void): Change {
  return inDocument('etcd', key, () =>
    remembered(edit, key, cluster.value(key), () => {
      const tree = cluster.object(key);
      if (tree === undefined) throw new NotThere('');
      const { bytes, notes } = edited(tree, edit);
      return { in: 'etcd', kind: 'changed', name: key, after: bytes, notes };
    }),
  );
}

export function documentChange(cluster: Cluster, path: string, edit: (document: Editor) => void): Change {
  const before = cluster.bytes(path);
  return inDocument('file', path, () =>
    remembered(edit, path, before, () => {
      const tree = textTree(before);
      if (tree === undefined) throw new NotThere('', 'is neither a JSON nor a YAML document');
      const { bytes, notes } = edited(tree, edit);
      return { in: 'file', kind: 'changed', name: path, after: bytes, notes };
    }),
  );
}

export function textChange(cluster: Cluster, path: string, edit: (text: string) => string, how: How = {}): Change {
  const before = cluster.bytes(path);
  return inDocument('file', path, () =>
    remembered(edit, path, before, () => {
      const text = utf8(before);
      if (text === undefined) throw new NotThere('', 'is not UTF-8');
      const after = edit(text);
      return {
        in: 'file',
        kind: 'changed',
        name: path,
        after: new TextEncoder().encode(after),
        notes: after === text ? [] : how.secret === true ? [hiddenNote('', text, after)] : noteLines('', text, after),
      };
    }),
  );
}

/** What edits made of contents. An edit that a step makes anew each time, from what it sees in the cluster, is never found again here. */
const memory = new WeakMap<WeakKey, WeakMap<Uint8Array, Change>>();

/**
 * An edit is a pure function of its document, so the same edit of the very same content gives what it gave before: what the rehearsal
 * (rename.ts) made of documents that the new certificates leave alone needs no second making.
 */
function remembered(edit: WeakKey, name: string, before: Uint8Array | undefined, make: () => Change): Change {
  if (before === undefined) return make();
  const ofEdit = memory.get(edit) ?? new WeakMap<Uint8Array, Change>();
  memory.set(edit, ofEdit);
  const known = ofEdit.get(before);
  if (known?.name === name) return known;
  const change = make();
  ofEdit.set(before, change);
  return change;
}

/** A mandatory place that is missing, with the document it is missing in. */
export class MissingIn extends Error {
  readonly document: string;
  readonly path: string;
  readonly found: string | undefined;

  constructor(document: string, { path, found }: NotThere) {
    super(`${document} lacks ${path}`);
    this.document = document;
    this.path = path;
    this.found = found;
  }
}

export function inDocument<T>(where: 'etcd' | 'file', name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof NotThere ? new MissingIn(`${where}:${name}`, error) : error;
  }
}

const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);
