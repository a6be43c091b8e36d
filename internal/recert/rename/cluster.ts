import type { Tree } from '../../edit/tree.ts';
import { Failure } from '../../errors/errors.ts';
import { objectTree } from '../../wire/object-tree.ts';
import type { Change } from './change.ts';

/**
 * A stopped cluster as the renaming steps see it: the objects and files that they asked to read, with every earlier change laid over.
 * It is never changed; `laid` gives another one.
 */
export type Cluster = {
  /** Keys of etcd that begin with a prefix, in order. */
  readonly keys: (prefix: string) => readonly string[];
  /** The object under a key; undefined when there is none. Throws a Failure naming the key when its value is no object. */
  readonly object: (key: string) => Tree | undefined;
  /** The bytes of that object. */
  readonly value: (key: string) => Uint8Array | undefined;
  /** Whole paths of the files below the customization folders whose path below their folder (it begins with `/`) fits; in order. */
  readonly files: (pattern: RegExp) => readonly string[];
  /** Whole paths of the single customization files of a name. */
  readonly singles: (name: string) => readonly string[];
  readonly bytes: (path: string) => Uint8Array;
};

/** A file as it was found: its path, its path below the customization folder (if it is in one), and whether it was given by itself. */
export type FoundFile = {
  readonly path: string;
  readonly below: string | undefined;
  readonly single: boolean;
  readonly bytes: Uint8Array;
};

/** What the steps asked to read. `undefined` bytes: the key alone was asked for. */
export type Contents = {
  readonly objects: ReadonlyMap<string, Uint8Array | undefined>;
  readonly files: readonly FoundFile[];
};

export function clusterOf({ objects, files }: Contents): Cluster {
  return view({ objects, files: new Map(files.map((file) => [file.path, file])) });
}

type State = {
  readonly objects: ReadonlyMap<string, Uint8Array | undefined>;
  readonly files: ReadonlyMap<string, FoundFile>;
};

function view({ objects, files }: State): Cluster & { readonly state: State } {
  return {
    state: { objects, files },
    keys: (prefix) => [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(),
    value: (key) => objects.get(key),
    object: (key) => {
      const bytes = objects.get(key);
      if (bytes === undefined) return undefined;
      const tree = objectTree(bytes);
      if (tree === undefined)
        throw new Failure(`the value of the etcd key "${key}" is no object that can be edited`, {
          next: 'see whether it is damaged: etcdctl get that key',
        });
      return tree;
    },
    files: (pattern) =>
      [...files.values()]
        .filter(({ below }) => below !== undefined && pattern.test(below))
        .map(({ path }) => path)
        .sort(),
    singles: (name) =>
      [...files.values()]
        .filter(({ path, single }) => single && path.endsWith(`/${name}`))
        .map(({ path }) => path)
        .sort(),
    bytes: (path) => {
      const file = files.get(path);
      if (file === undefined) throw new Error(`"${path}" was not read`); // a step that asks for more than it declared
      return file.bytes;
    },
  };
}

/** The cluster with some changes laid over. */
export function laid(cluster: Cluster, changes: readonly Change[]): Cluster {
  if (changes.length === 0) return cluster;
  const { state } = cluster as Cluster & { readonly state: State }; // every cluster is made here
  const [objects, files] = [new Map(state.objects), new Map(state.files)];
  for (const change of changes) {
    if (change.in === 'etcd') {
      if (change.kind !== 'changed') objects.delete(change.name);
      if (change.kind !== 'removed') objects.set(change.kind === 'moved' ? change.to : change.name, change.after);
      continue;
    }
    const file = files.get(change.name);
    if (file === undefined) continue;
    if (change.kind !== 'changed') files.delete(change.name);
    if (change.kind !== 'removed') {
      const path = change.kind === 'moved' ? change.to : change.name;
      const below =
        file.below === undefined
          ? undefined
          : file.below.slice(0, file.below.lastIndexOf('/')) + path.slice(path.lastIndexOf('/'));
      files.set(path, { ...file, path, below, bytes: change.after });
    }
  }
  return view({ objects, files });
}
