import { join } from 'node:path';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { Failure, Refusal } from '../../errors/errors.ts';
import type { EtcdChange } from '../../etcd/transactions.ts';
import type { Etcd } from '../../etcd/etcd.ts';
import { isOutOfSpace } from '../../etcd/space.ts';
import { writeStreamDurably } from '../../host/files.ts';
import type { Replacement } from '../document.ts';
import type { JournalledKey } from './journal.ts';
import { digestOf } from '../../pki/der.ts';

/** How a clear value is stored under its key: encryption at rest, or nothing. */
export type Seal = (key: string, clear: Uint8Array) => Uint8Array;

/** One key to write, as it stands in etcd and as it will. `undefined`: absent. */
export type KeyWrite = {
  readonly key: string;
  readonly was: string;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
};

/**
 * The etcd part of a plan, sealed, with the stored originals read again: what was decrypted for the plan is not what must be put back.
 * A value that would be written as it stands is left out.
 *
 * @throws Failure naming a key that changed since the plan was made
 */
export async function keyWritesOf(etcd: Etcd, replacements: readonly Replacement[], seal: Seal): Promise<KeyWrite[]> {
  const wanted = replacements.flatMap((replacement) => {
    if (replacement.kind === 'created')
      return replacement.in === 'etcd'
        ? [{ key: replacement.key, was: '0', after: seal(replacement.key, replacement.after) }]
        : [];
    if (replacement.document.in !== 'etcd') return [];
    const { key, modRevision: was } = replacement.document;
    return [{ key, was, after: replacement.kind === 'changed' ? seal(key, replacement.after) : undefined }];
  });
  const found = await etcd.getAll(wanted.map(({ key }) => key));
  return wanted.flatMap(({ key, was, after }): KeyWrite[] => {
    const now = found.get(key);
    if ((now?.modRevision ?? '0') !== was)
      throw new Failure(`the etcd key "${key}" changed while the plan was made`, {
        next: 'stop whatever else writes to this etcd, then start again',
      });
    if (now !== undefined && after !== undefined && Buffer.compare(now.value, after) === 0) return [];
    return [{ key, was, before: now?.value, after }];
  });
}

export const journalledKey = ({ key, before, after }: KeyWrite): JournalledKey => ({
  key,
  before: before === undefined ? null : digestOf(before),
  after: after === undefined ? null : digestOf(after),
});

export const changeOf = ({ key, was, after }: KeyWrite): EtcdChange =>
  after === undefined ? { kind: 'delete', key, was } : { kind: 'put', key, value: after, was };

const valuesFile = (folder: string): string => join(folder, 'etcd-values.jsonl');

/** Characters written at a time: a write for each of thousands of lines took half a second. */
const enough = 512 * 1024;

/** Saves the original values, one JSON line for a key. */
export async function saveValues(folder: string, writes: readonly KeyWrite[]): Promise<void> {
  const lines = function* lines(): Generator<Uint8Array> {
    let some = '';
    for (const { key, before } of writes) {
      if (before === undefined) continue;
      const { buffer, byteOffset, byteLength } = before;
      // Put together by hand: base64 needs no escaping, and JSON.stringify would look for it in every value.
      some += `{"key":${JSON.stringify(key)},"value":"${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}"}\n`;
      if (some.length < enough) continue;
      yield Buffer.from(some);
      some = '';
    }
    yield Buffer.from(some);
  };
  await writeStreamDurably(valuesFile(folder), Readable.from(lines()));
}

const savedLine = z.strictObject({ key: z.string(), value: z.base64() });

async function readValues(folder: string): Promise<Map<string, Uint8Array>> {
  const values = new Map<string, Uint8Array>();
  for await (const line of createInterface({ input: createReadStream(valuesFile(folder)), crlfDelay: Infinity })) {
    const { key, value } = savedLine.parse(JSON.parse(line));
    values.set(key, Buffer.from(value, 'base64'));
  }
  return values;
}

/**
 * Puts the saved values back where the run's own stand. What is neither the original nor the run's is somebody else's: then nothing
 * is touched. Returns the number of keys put back.
 *
 * An etcd that is out of space has room made: the history that a run has written is what fills it. Where that is not enough for all
 * values at once they are put back one by one, with room made each time.
 */
export async function takeBackKeys(etcd: Etcd, folder: string, keys: readonly JournalledKey[]): Promise<number> {
  if (keys.length === 0) return 0;
  const saved = await readValues(folder);
  const all = await changesBack(etcd, folder, keys, saved);
  try {
    if (all.length > 0) await etcd.commit(all);
  } catch (error) {
    if (!isOutOfSpace(error)) throw error;
    await takeBackInRoom(etcd, () => changesBack(etcd, folder, keys, saved));
  }
  return all.length;
}

async function takeBackInRoom(etcd: Etcd, left: () => Promise<readonly EtcdChange[]>): Promise<void> {
  for (let before = Infinity; ;) {
    await etcd.makeRoom();
    const changes = await left();
    if (changes.length === 0) return;
    const isStuck = changes.length >= before;
    before = changes.length;
    try {
      for (const change of changes) await etcd.commit([change]);
      return;
    } catch (error) {
      if (isStuck || !isOutOfSpace(error)) throw error;
    }
  }
}

async function changesBack(
  etcd: Etcd,
  folder: string,
  keys: readonly JournalledKey[],
  saved: ReadonlyMap<string, Uint8Array>,
): Promise<EtcdChange[]> {
  const found = await etcd.getAll(keys.map(({ key }) => key));
  return keys.flatMap(({ key, before, after }): EtcdChange[] => {
    const now = found.get(key);
    const digest = now === undefined ? null : digestOf(now.value);
    if (digest === before) return [];
    if (digest !== after)
      throw new Refusal(`the etcd key "${key}" is neither as the interrupted run found it nor as it left it`, {
        next: `see who changed it; its original stands in "${valuesFile(folder)}"`,
      });
    const was = now?.modRevision ?? '0';
    const value = saved.get(key);
    if (before === null) return [{ kind: 'delete', key, was }];
    if (value === undefined || digestOf(value) !== before)
      throw new Refusal(`the original of the etcd key "${key}" is not among the saved ones`, {
        next: `look into "${folder}"`,
      });
    return [{ kind: 'put', key, value, was }];
  });
}
