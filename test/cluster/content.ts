import type { KubeObject, Encoding } from './stored.ts';

/** What a generated cluster holds, before it is put into etcd and on disk. */
export type Content = {
  readonly objects: readonly StoredObject[];
  readonly files: readonly FileContent[];
};

/** `encoding` when it is not the kind's usual one; `bytes` for a value that is no object, and then the key is given. */
export type StoredObject =
  { readonly object: KubeObject; readonly encoding?: Encoding } | { readonly key: string; readonly bytes: Buffer };

/** `path` is that on the node: `/etc/kubernetes/…`. */
export type FileContent =
  | {
      readonly path: string;
      readonly text: string | Buffer;
      readonly mode: number;
      /** User and group; root when left out. */ readonly owner?: number;
    }
  | { readonly path: string; readonly link: string };

/** The folder of the node as the caller of recert mounts it. */
export function mountedPath(path: string): string {
  const mounts: readonly (readonly [string, string])[] = [
    ['/var/lib/kubelet/', '/kubelet/'],
    ['/etc/kubernetes/', '/kubernetes/'],
    ['/etc/machine-config-daemon/', '/machine-config-daemon/'],
    ['/var/lib/ovn-ic/', '/ovn-ic/'],
  ];
  const mount = mounts.find(([from]) => path.startsWith(from));
  return mount === undefined ? path : `${mount[1]}${path.slice(mount[0].length)}`;
}
