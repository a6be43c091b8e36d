import type { IRequestOp, ITxnRequest } from 'etcd3';
import { Failure } from '../errors/errors.ts';

/**
 * One change. `was` is the revision at which the key was last seen changed: the change is made only if that still holds. `'0'` says
 * that the key must not exist. Without `was` the change is made whatever is there.
 */
export type EtcdChange =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array; readonly was?: string }
  | { readonly kind: 'delete'; readonly key: string; readonly was?: string };

/** etcd's defaults: 128 operations in a transaction, 1.5 MiB in a request. The size leaves room for what is wrapped around. */
export const maxOperations = 128;
const maxBytes = 1.25 * 1024 * 1024;

/** Requests on their way at a time: etcd writes what waits together to its log at once. */
export const requestsAtOnce = 4;

/** Shares changes out to as few transactions as the limits of etcd allow, in their order. A value above the limit travels alone. */
export function batchesOf(changes: readonly EtcdChange[]): EtcdChange[][] {
  const seen = new Set<string>();
  const batches: EtcdChange[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const change of changes) {
    // etcd refuses two changes of one key in a transaction; in two transactions the guard of the second would fail.
    if (seen.has(change.key)) throw new Failure(`two changes of the etcd key "${change.key}" in one commit`);
    seen.add(change.key);
    const size = 2 * Buffer.byteLength(change.key) + (change.kind === 'put' ? change.value.length : 0) + 64;
    const last = batches.at(-1);
    if (last === undefined || last.length >= maxOperations || bytes + size > maxBytes) {
      batches.push([change]);
      bytes = size;
    } else {
      last.push(change);
      bytes += size;
    }
  }
  return batches;
}

/** One batch as etcd wants it: all changes if all guards hold, and otherwise the revisions that stand against it. */
export function transactionOf(batch: readonly EtcdChange[]): ITxnRequest {
  const guarded = batch.filter(({ was }) => was !== undefined);
  return {
    compare: guarded.map(({ key, was = '0' }) => ({
      key: Buffer.from(key),
      target: 'Mod',
      result: 'Equal',
      mod_revision: was,
    })),
    success: batch.map(operationOf),
    failure: guarded.map(({ key }) => ({ request_range: { key: Buffer.from(key), keys_only: true } })),
  };
}

function operationOf(change: EtcdChange): IRequestOp {
  const key = Buffer.from(change.key);
  if (change.kind === 'delete') return { request_delete_range: { key } };
  // A key that was there keeps its lease: an event that is rewritten must still expire.
  const keepsLease = change.was !== undefined && change.was !== '0';
  return {
    request_put: {
      key,
      value: Buffer.from(change.value.buffer, change.value.byteOffset, change.value.byteLength),
      ...(keepsLease ? { ignore_lease: true } : {}),
    },
  };
}
