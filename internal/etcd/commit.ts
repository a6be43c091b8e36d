import type { Etcd3, ITxnResponse } from 'etcd3';
import { Failure } from '../errors/errors.ts';
import { batchesOf, transactionOf, type EtcdChange } from './transactions.ts';
import { failureOf, patiently, troubleOf, type Patience } from './trouble.ts';

/** What a commit did: the keys of each transaction, in the order in which they were made, and the revision after the last one. */
export type Committed = { readonly transactions: readonly (readonly string[])[]; readonly revision: string | undefined };

/**
 * Sends the changes batch by batch. When a batch fails, those before it stand: the error says how many.
 * @throws Failure naming the key whose guard does not hold
 */
export async function commitChanges(client: Etcd3, endpoint: string, patience: Patience, changes: readonly EtcdChange[]): Promise<Committed> {
  const transactions: string[][] = [];
  const batches = batchesOf(changes);
  let revision: string | undefined;
  for (const batch of batches) {
    try {
      revision = await makeBatch(client, batch, patience);
      transactions.push(batch.map(({ key }) => key));
    } catch (error) {
      const [first] = batch;
      const what = `writing ${batch.length === 1 ? `the key "${first?.key ?? ''}"` : `${batch.length} keys from "${first?.key ?? ''}" on`}`;
      const failure = failureOf(what, endpoint, error);
      throw new Failure(failure.message, { why: `${transactions.length} of ${batches.length} transactions were made before`, transient: failure.transient, cause: error, ...(failure.next === undefined ? {} : { next: failure.next }) });
    }
  }
  return { transactions, revision };
}

async function makeBatch(client: Etcd3, batch: readonly EtcdChange[], patience: Patience): Promise<string> {
  const answer = { wasLost: false };
  const response = await patiently(async () => {
    try {
      return await client.kv.txn(transactionOf(batch));
    } catch (error) {
      answer.wasLost ||= troubleOf(error).transient;
      throw error;
    }
  }, patience);
  // The transaction whose answer was lost may have been made: then it is its own work that the guards of the second one met.
  if (response.succeeded || (answer.wasLost && (await isMade(client, batch, patience)))) return response.header.revision;
  throw brokenGuard(batch, response);
}

async function isMade(client: Etcd3, batch: readonly EtcdChange[], patience: Patience): Promise<boolean> {
  for (const change of batch) {
    const { kvs: [found] } = await patiently(() => client.kv.range({ key: Buffer.from(change.key) }), patience);
    if (change.kind === 'delete' ? found !== undefined : found?.value.equals(change.value) !== true) return false;
  }
  return true;
}

function brokenGuard(batch: readonly EtcdChange[], response: ITxnResponse): Failure {
  const guarded = batch.filter(({ was }) => was !== undefined);
  const now = response.responses.map(({ response_range: { kvs } }) => kvs[0]?.mod_revision ?? '0');
  const at = guarded.findIndex(({ was }, index) => was !== now[index]);
  const { key = '', was = '' } = guarded[at] ?? {};
  const state = (revision: string): string => (revision === '0' ? 'absent' : `of revision ${revision}`);
  return new Failure(`the etcd key "${key}" was ${state(was)} when it was read and is ${state(now[at] ?? '')} now`, { next: 'stop whatever else writes to this etcd, then start again' });
}
