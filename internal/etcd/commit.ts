import type { Etcd3, ITxnResponse } from 'etcd3';
import { Failure } from '../errors/errors.ts';
import { eachOf } from '../host/each-of.ts';
import { batchesOf, requestsAtOnce, transactionOf, type EtcdChange } from './transactions.ts';
import { failureOf, patiently, troubleOf, type Patience } from './trouble.ts';

/** What a commit did: the keys of each transaction, and the revision after the last one. */
export type Committed = { readonly transactions: readonly (readonly string[])[]; readonly revision: string | undefined };

/**
 * Sends the changes in batches, a few at a time. When one fails no more are sent, and those that were made stand: the error says how many.
 * @throws Failure naming the key whose guard does not hold
 */
export async function commitChanges(client: Etcd3, endpoint: string, patience: Patience, changes: readonly EtcdChange[]): Promise<Committed> {
  const batches = batchesOf(changes);
  const revisions: string[] = [];
  let failed: { readonly batch: readonly EtcdChange[]; readonly error: unknown } | undefined;
  await eachOf(batches, requestsAtOnce, async (batch) => {
    if (failed !== undefined) return;
    try {
      revisions.push(await makeBatch(client, batch, patience));
    } catch (error) {
      failed ??= { batch, error };
    }
  });
  if (failed !== undefined) {
    const { batch, error } = failed;
    const what = `writing ${batch.length === 1 ? `the key "${batch[0]?.key ?? ''}"` : `${batch.length} keys from "${batch[0]?.key ?? ''}" on`}`;
    const failure = failureOf(what, endpoint, error);
    throw new Failure(failure.message, { why: `${revisions.length} of ${batches.length} transactions were made`, transient: failure.transient, cause: error, ...(failure.next === undefined ? {} : { next: failure.next }) });
  }
  return { transactions: batches.map((batch) => batch.map(({ key }) => key)), revision: revisions.reduce<string | undefined>((latest, one) => (latest === undefined || BigInt(one) > BigInt(latest) ? one : latest), undefined) };
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
