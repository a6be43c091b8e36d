import type { Etcd3, ITxnResponse } from 'etcd3';
import { Failure } from '../errors/errors.ts';
import { eachOf } from '../host/each-of.ts';
import { batchesOf, requestsAtOnce, transactionOf, type EtcdChange } from './transactions.ts';
import { failureOf, patiently, troubleOf, type Patience } from './trouble.ts';

/** What a commit did: the keys of each transaction. */
export type Committed = { readonly transactions: readonly (readonly string[])[] };

/**
 * Sends the changes in batches, a few at a time. When one fails no more are sent, and those that were made stand: the error says how many.
 * @throws Failure naming the key whose guard does not hold
 */
export async function commitChanges(
  client: Etcd3,
  endpoint: string,
  patience: Patience,
  changes: readonly EtcdChange[],
): Promise<Committed> {
  const batches = batchesOf(changes);
  let made = 0;
  try {
    await eachOf(batches, requestsAtOnce, async (batch) => {
      try {
        await makeBatch(client, batch, patience);
      } catch (error) {
        throw failureOf(
          `writing ${batch.length === 1 ? `the key "${batch[0]?.key ?? ''}"` : `${batch.length} keys from "${batch[0]?.key ?? ''}" on`}`,
          endpoint,
          error,
        );
      }
      made += 1;
    });
  } catch (error) {
    // Told when all that were under way are over: only then it is known how many were made.
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.message, {
      why: `${made} of ${batches.length} transactions were made`,
      transient: error.transient,
      cause: error.cause ?? error,
      ...(error.next === undefined ? {} : { next: error.next }),
    });
  }
  return { transactions: batches.map((batch) => batch.map(({ key }) => key)) };
}

async function makeBatch(client: Etcd3, batch: readonly EtcdChange[], patience: Patience): Promise<void> {
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
  if (response.succeeded || (answer.wasLost && (await isMade(client, batch, patience)))) return;
  throw brokenGuard(batch, response);
}

async function isMade(client: Etcd3, batch: readonly EtcdChange[], patience: Patience): Promise<boolean> {
  for (const change of batch) {
    const {
      kvs: [found],
    } = await patiently(() => client.kv.range({ key: Buffer.from(change.key) }), patience);
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
  return new Failure(`the etcd key "${key}" was ${state(was)} when it was read and is ${state(now[at] ?? '')} now`, {
    next: 'stop whatever else writes to this etcd, then start again',
  });
}
