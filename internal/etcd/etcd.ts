import type { Etcd3 } from 'etcd3';
import { Failure } from '../errors/errors.ts';
import { chunksOf, eachOf } from '../host/each-of.ts';
import { connect } from './connection.ts';
import { readEndpoint } from './endpoint.ts';
import { commitChanges, type Committed } from './commit.ts';
import { entriesOf, entryOf, type EtcdEntry, type ListOptions } from './pages.ts';
import { saveSnapshot } from './snapshot.ts';
import { alarmsOf, disarm, quotaOf, type EtcdSpace } from './space.ts';
import { maxOperations, requestsAtOnce, type EtcdChange } from './transactions.ts';
import { failureOf, patiently } from './trouble.ts';

/*
 * INVARIANTS
 * - Nothing is repeated unseen. A read is repeated while the trouble may pass; a transaction is repeated only if its keys show that
 *   the first one was not made.
 * - All reads of one listing are of one revision.
 * - No value of etcd stands in an error.
 */

export type EtcdOptions = {
  /** Time in which etcd may become reachable, at the start and after a lost connection, in milliseconds. Default: 10 s. */
  readonly budgetMs?: number;
  /** Ends every wait. */
  readonly stop?: AbortSignal;
};

export type EtcdMember = {
  readonly id: string;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
};

export type EtcdStatus = {
  readonly version: string;
  readonly revision: string;
  readonly databaseBytes: number;
  readonly inUseBytes: number;
};

/** A private etcd: nobody else writes to it while we do, which the guards of a commit prove. */
export type Etcd = AsyncDisposable & {
  /** `host:port` */
  readonly endpoint: string;
  /** The entries whose key begins with `prefix`, by key, all of one revision; fetched in pages. */
  list(prefix: string, options?: ListOptions): AsyncIterable<EtcdEntry>;
  get(key: string): Promise<EtcdEntry | undefined>;
  /** Reads many keys in few requests. Keys that are absent are left out. The requests may be of different revisions. */
  getAll(keys: readonly string[]): Promise<Map<string, EtcdEntry>>;
  /** Makes all changes in as few transactions as the limits of etcd allow. Each transaction is all or nothing; several are not. */
  commit(changes: readonly EtcdChange[]): Promise<Committed>;
  /** Saves the database to a 0600 file, in the form that `etcdctl snapshot restore` takes. Returns its size in bytes. */
  snapshot(path: string): Promise<number>;
  /** Forgets what keys were before now; waits until it is done. */
  compact(): Promise<void>;
  /** Gives free space of the database back to the file system. etcd answers nobody meanwhile. */
  defragment(): Promise<void>;
  /** What it has room for. */
  space(): Promise<EtcdSpace>;
  /** Forgets history, gives the free space back and takes the alarm for want of space away. Nothing that is stored now is lost. */
  makeRoom(): Promise<void>;
  status(): Promise<EtcdStatus>;
  revision(): Promise<string>;
  members(): Promise<EtcdMember[]>;
  updateMember(id: string, peerUrls: readonly string[]): Promise<void>;
};

const largeBudgetMs = 10 * 60_000;

/**
 * Opens the etcd at `host:port` or `http://host:port` and waits until it answers.
 * @throws UsageError for any other text, Failure naming the address when nobody answers
 */
export async function openEtcd(endpointText: string, options: EtcdOptions = {}): Promise<Etcd> {
  const endpoint = readEndpoint(endpointText);
  const patience = { budgetMs: options.budgetMs ?? 10_000, stop: options.stop ?? new AbortController().signal };
  const client: Etcd3 = await connect(endpoint, patience);
  const ask = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await patiently(call, patience);
    } catch (error) {
      throw failureOf(what, endpoint.address, error);
    }
  };
  const status = async (): Promise<EtcdStatus> => {
    const found = await ask('asking for the status', () => client.maintenance.status());
    return {
      version: found.version,
      revision: found.header.revision,
      databaseBytes: Number(found.dbSize),
      inUseBytes: Number(found.dbSizeInUse),
    };
  };

  const compact = async (): Promise<void> => {
    const { revision } = await status();
    await ask('compaction', async () => {
      try {
        await client.kv.compact({ revision, physical: true }, { deadline: Date.now() + largeBudgetMs });
      } catch (error) {
        // Said of the revision itself, too, when nothing was written since the last compaction.
        if (!(error instanceof Error && error.message.includes('required revision has been compacted'))) throw error;
      }
    });
  };
  const defragment = async (): Promise<void> => {
    await ask('defragmentation', () => client.maintenance.defragment());
  };

  return {
    endpoint: endpoint.address,
    list: (prefix, listOptions = {}) =>
      entriesOf(
        (request) => ask(`reading the keys of "${prefix}"`, () => client.kv.range(request)),
        prefix,
        listOptions,
      ),
    async get(key) {
      const { kvs } = await ask(`reading the key "${key}"`, () => client.kv.range({ key: Buffer.from(key) }));
      return kvs[0] === undefined ? undefined : entryOf(kvs[0]);
    },
    async getAll(keys) {
      const answers = await eachOf(chunksOf(keys, maxOperations), requestsAtOnce, (some) =>
        ask(`reading ${some.length} keys from "${some[0] ?? ''}" on`, () =>
          client.kv.txn({ success: some.map((key) => ({ request_range: { key: Buffer.from(key) } })) }),
        ),
      );
      return new Map(
        answers
          .flatMap(({ responses }) => responses.flatMap(({ response_range: { kvs } }) => kvs.map(entryOf)))
          .map((entry) => [entry.key, entry]),
      );
    },
    commit: (changes) => commitChanges(client, endpoint.address, patience, changes),
    snapshot: (path) => ask('the snapshot', () => saveSnapshot(client, path, patience.stop)),
    compact,
    defragment,
    async space() {
      const { databaseBytes } = await status();
      const alarms = await ask('asking for alarms', () => alarmsOf(client));
      return { alarms, databaseBytes, quotaBytes: await quotaOf(endpoint.address, patience.budgetMs) };
    },
    async makeRoom() {
      await compact();
      await defragment();
      await ask('disarming the alarm', () => disarm(client));
    },
    status,
    revision: async () => (await status()).revision,
    async members() {
      const { members } = await ask('listing the members', () => client.cluster.memberList({}));
      return members.map(({ ID, name, peerURLs, clientURLs }) => ({
        id: ID,
        name,
        peerUrls: peerURLs,
        clientUrls: clientURLs,
      }));
    },
    async updateMember(id, peerUrls) {
      if (peerUrls.length === 0) throw new Failure(`the etcd member "${id}" cannot be left without a peer URL`);
      await ask(`updating the member "${id}"`, () => client.cluster.memberUpdate({ ID: id, peerURLs: [...peerUrls] }));
    },
    [Symbol.asyncDispose]() {
      client.close();
      return Promise.resolve();
    },
  };
}
