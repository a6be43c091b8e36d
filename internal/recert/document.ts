import type { Place as TextPlace } from '../edit/edit.ts';
import { placeText } from '../edit/edit.ts';
import type { FieldPath } from '../edit/json.ts';

/**
 * What is asked of an etcd, as the room `etcd` answers it. Values are clear text: on a cluster with encryption at rest the caller puts
 * the decryption in between.
 */
export type EtcdReader = {
  readonly list: (
    prefix: string,
    options?: { readonly keysOnly?: boolean },
  ) => AsyncIterable<{ readonly key: string; readonly value: Uint8Array; readonly modRevision: string }>;
};

/**
 * One etcd value or one file, as it was found. It is never changed: edits are laid over it.
 * The bytes of an etcd value are clear text: encryption at rest is taken away when it is opened, and put on again by the commit.
 */
export type Document =
  | { readonly in: 'etcd'; readonly key: string; readonly bytes: Uint8Array; readonly modRevision: string }
  | { readonly in: 'file'; readonly path: string; readonly bytes: Uint8Array };

/** The name of a document in maps, messages and reports: `etcd:/kubernetes.io/…` or `file:/etc/kubernetes/…`. */
export function documentName(
  document: { readonly in: 'etcd'; readonly key: string } | { readonly in: 'file'; readonly path: string },
): string {
  return document.in === 'etcd' ? `etcd:${document.key}` : `file:${document.path}`;
}

/** Where a value lives: the document, the field of the stored object (etcd only), and the way through text and encodings inside it. */
export type Place = { readonly document: string; readonly field: FieldPath; readonly within: TextPlace };

/** A place for people: `etcd:/kubernetes.io/secrets/a/b data/tls.crt, pem block 0`. Free of values. */
export function placeName({ document, field, within }: Place): string {
  return `${document}${field.length === 0 ? '' : ` ${field.join('/')}`}${within.length === 0 ? '' : `, ${placeText(within)}`}`;
}

/** One value to write. Crypto and renames both yield edits, so there is one plan to print, one check, one commit, one report. */
export type Edit = {
  readonly place: Place;
  readonly value: Uint8Array;
  /** What a person reads in the plan: `certificate "CN=…" signed by "CN=…"`. Never a secret. */
  readonly reason: string;
  /** Two edits of one place are an error, unless the later one says that it was made from the value of the earlier. */
  readonly buildsOn?: Edit;
};

/** What the commit writes: the whole new content of a document, its removal, or a new one. The commit knows nothing of certificates. */
export type Replacement =
  | { readonly kind: 'changed'; readonly document: Document; readonly after: Uint8Array }
  | { readonly kind: 'removed'; readonly document: Document }
  | { readonly kind: 'created'; readonly in: 'etcd'; readonly key: string; readonly after: Uint8Array }
  /** A file that is not there yet; mode, owner, label and other attributes are those of the file `like`, in the same folder. */
  | {
      readonly kind: 'created';
      readonly in: 'file';
      readonly path: string;
      readonly after: Uint8Array;
      readonly like: string;
    };

/** The name of the document that a replacement changes, removes or makes. */
export function replacedName(replacement: Replacement): string {
  if (replacement.kind !== 'created') return documentName(replacement.document);
  return replacement.in === 'etcd' ? `etcd:${replacement.key}` : `file:${replacement.path}`;
}
