import { Failure } from '../../errors/errors.ts';
import type { Etcd } from '../../etcd/etcd.ts';
import type { Replacement } from '../document.ts';

/** What etcd adds to a key and its value when it stores them: the revision as key, both lengths, room in a page. */
const overheadBytes = 512;

/** Pages are filled by halves at worst, and what was written before is dropped only by a compaction. */
const growth = 1.5;

/** A database grows by pages and in steps even for little. */
const leastBytes = 64 * 1024;

/** Bytes by which the plan makes the database grow, at most. */
export function bytesNeeded(replacements: readonly Replacement[]): number {
  const written = replacements.reduce((sum, one) => {
    if (one.kind === 'removed') return sum + (one.document.in === 'etcd' ? overheadBytes : 0);
    const inEtcd = one.kind === 'created' ? one.in === 'etcd' : one.document.in === 'etcd';
    return inEtcd ? sum + one.after.length + overheadBytes : sum;
  }, 0);
  return written === 0 ? 0 : Math.ceil(written * growth) + leastBytes;
}

/**
 * Sees that etcd can take the plan, before any of it is written. Where it cannot, room is made first: history is what fills a database whose
 * content has fitted until now.
 *
 * @throws Failure when there is too little room even then; nothing that is stored was changed
 */
export async function makeRoomFor(
  etcd: Etcd,
  replacements: readonly Replacement[],
  say: (fact: string) => void,
): Promise<void> {
  const needed = bytesNeeded(replacements);
  if (needed === 0 || (await lackOf(etcd, needed)) <= 0) return;
  const before = (await etcd.space()).databaseBytes;
  await etcd.makeRoom();
  const { databaseBytes, quotaBytes = 0 } = await etcd.space();
  say(`etcd was short of room: its history is dropped, ${mib(before)} MiB became ${mib(databaseBytes)}`);
  const lack = await lackOf(etcd, needed);
  if (lack > 0)
    throw new Failure(
      `etcd "${etcd.endpoint}" has room for ${mib(quotaBytes - databaseBytes)} MiB below its quota of ${mib(quotaBytes)} MiB, and the plan may need ${mib(needed)}`,
      {
        why: 'nothing was written; its history is dropped already',
        next: `stop etcd and start it again on the same data with --quota-backend-bytes=${Math.max(quotaBytes * 2, quotaBytes + 2 * needed)}`,
      },
    );
}

/** Bytes that are missing; not above zero when there is room, or when nobody knows. */
async function lackOf(etcd: Etcd, needed: number): Promise<number> {
  const { databaseBytes, quotaBytes } = await etcd.space();
  return quotaBytes === undefined ? 0 : databaseBytes + needed - quotaBytes;
}

/** Takes a raised alarm away before anything is read or repaired: with it etcd refuses to write, and what raised it may be gone. */
export async function clearAlarms(etcd: Etcd, say: (fact: string) => void): Promise<void> {
  const { alarms } = await etcd.space();
  refuseCorrupt(etcd, alarms);
  if (!alarms.includes('NOSPACE')) return;
  await etcd.makeRoom();
  say('etcd had raised the alarm NOSPACE: its history is dropped, its file is smaller, the alarm is disarmed');
}

/** What a run that writes nothing has to say of alarms. */
export async function tellAlarms(etcd: Etcd, warn: (fact: string) => void): Promise<void> {
  const { alarms } = await etcd.space();
  refuseCorrupt(etcd, alarms);
  if (alarms.includes('NOSPACE'))
    warn('etcd has raised the alarm NOSPACE and takes no writes; a run drops its history and disarms the alarm first');
}

function refuseCorrupt(etcd: Etcd, alarms: readonly string[]): void {
  if (alarms.includes('CORRUPT'))
    throw new Failure(`etcd "${etcd.endpoint}" has raised the alarm CORRUPT: its data is not whole`, {
      next: 'take the data of the cluster from a good copy: etcdctl snapshot restore',
    });
}

const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
