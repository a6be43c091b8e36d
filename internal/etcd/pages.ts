import type { Etcd3, IKeyValue } from 'etcd3';
import { Failure } from '../errors/errors.ts';

/** One key. `modRevision` is the revision of its last change, as a decimal number: it may exceed what a JavaScript number holds. */
export type EtcdEntry = { readonly key: string; readonly value: Uint8Array; readonly modRevision: string };

export type ListOptions = {
  /** Leave the values empty. */
  readonly keysOnly?: boolean;
  /** Read the state of this revision; default: that of the first page. */
  readonly revision?: string;
};

/** Sends one read; the caller adds patience and words. */
export type Read = (request: Parameters<Etcd3['kv']['range']>[0]) => ReturnType<Etcd3['kv']['range']>;

/** Keys of a page: few enough that a page of ordinary Secrets is some MB. Pages that turn out larger are followed by shorter ones. */
const pageKeys = 400;
const pageBytes = 8 * 1024 * 1024;

/**
 * The entries whose key begins with `prefix`, in the order of their keys, all as of one revision. A prefix is a prefix of text: give
 * it with its last slash, or `secrets` matches `secretsfoo/…` as well.
 */
export async function* entriesOf(read: Read, prefix: string, options: ListOptions): AsyncGenerator<EtcdEntry> {
  const end = endOfPrefix(prefix);
  let revision = options.revision;
  let limit = pageKeys;
  // An empty key is no key to etcd; the first one that there can be is `\0`.
  for (let from = prefix === '' ? Buffer.of(0) : Buffer.from(prefix); ;) {
    const page = await read({
      key: from,
      range_end: end,
      limit,
      keys_only: options.keysOnly === true,
      ...(revision === undefined ? {} : { revision }),
    });
    revision ??= page.header.revision;
    yield* page.kvs.map(entryOf);
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return;
    const size = page.kvs.reduce((sum, { value }) => sum + value.length, 0);
    if (size > pageBytes) limit = Math.max(8, Math.floor((page.kvs.length * pageBytes) / size));
    from = Buffer.concat([last.key, Buffer.of(0)]);
  }
}

export function entryOf({ key, value, mod_revision: modRevision }: IKeyValue): EtcdEntry {
  const text = key.toString('utf8');
  if (!Buffer.from(text).equals(key))
    throw new Failure(`etcd holds a key that is not text: 0x${key.subarray(0, 64).toString('hex')}`);
  return { key: text, value, modRevision };
}

/** The first key behind all keys of this prefix; `\0` means "to the end" to etcd. */
export function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at -= 1) {
    const byte = end[at] ?? 0;
    if (byte < 0xff) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  return Buffer.of(0);
}
