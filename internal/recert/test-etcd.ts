import type { EtcdReader } from './document.ts';
import type { StoredReader } from './encryption/at-rest.ts';

/** An etcd in memory that holds these values and answers as the room `etcd` does: keys in order, each at its first revision. */
export function etcdHolding(values: Iterable<readonly [key: string, value: Uint8Array]>): EtcdReader & StoredReader {
  const entries = new Map(
    [...values]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, value]) => [key, { key, value, modRevision: '1' }] as const),
  );
  return {
    get: (key) => Promise.resolve(entries.get(key)),
    // eslint-disable-next-line @typescript-eslint/require-await -- nothing is waited for in memory
    async *list(prefix, { keysOnly = false } = {}) {
      for (const entry of entries.values())
        if (entry.key.startsWith(prefix)) yield keysOnly ? { ...entry, value: new Uint8Array() } : entry;
    },
  };
}
