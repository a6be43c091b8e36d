import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, Failure, Interrupted, messageOf } from '../../errors/errors.ts';
import type { Etcd } from '../../etcd/etcd.ts';
import { isOutOfSpace } from '../../etcd/space.ts';
import { eachOf } from '../../host/each-of.ts';
import { syncFolder } from '../../host/files.ts';
import type { Host } from '../../host/host.ts';
import { digestOf } from '../../pki/der.ts';
import type { Replacement } from '../document.ts';
import { changeOf, journalledKey, keyWritesOf, saveValues, type KeyWrite, type Seal } from './etcd-side.ts';
import { originalsFolder, writeJournal, type Journal } from './journal.ts';
import { close, needsRepair } from './repair.ts';
import {
  contentOf,
  copyOriginals,
  endStaging,
  removeFile,
  stageAttributes,
  stageContent,
  swap,
  syncsAtOnce,
} from './staging.ts';
import { openStateFolder } from './state-folder.ts';
import { fileCopies, takeBack } from './take-back.ts';
import { targetsOf, type Target } from './targets.ts';

/*
 * The only writer of recert.
 *
 * INVARIANTS
 * - The journal is ahead of the world: what it does not announce is not done.
 * - Between the phases `saving` and `writing` everything that can fail for want of space or rights has been done.
 * - Whatever ends a run, the next one knows what to do from the journal and from what stands in each place; see the table in journal.ts.
 * - A failure puts back what was written before it is reported.
 */

export type CommitInput = {
  /** Absent: the plan has files only. */
  readonly etcd?: Etcd;
  readonly replacements: readonly Replacement[];
  readonly seal: Seal;
  /** The peer addresses of etcd's one member, as found and as they are to be. */
  readonly member?: MemberChange;
  readonly stateFolder: string;
  /** Called before the first write: from here on a request to stop no longer stops, because stopping would be more work than ending. */
  readonly onWriting?: () => void;
};

export type MemberChange = {
  readonly id: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
};

export type Written = { readonly keys: number; readonly transactions: number; readonly files: number };

/** Writes the plan, all of it or nothing of it. What a cut-off run left must have been repaired before the plan was made. */
export async function commit(host: Host, input: CommitInput, say: (line: string) => void): Promise<Written> {
  const { etcd, stateFolder } = input;
  await openStateFolder(stateFolder);
  if ((await needsRepair(stateFolder)) !== undefined)
    throw new Failure(`the journal in "${stateFolder}" is open: the plan may be of a mixture`, {
      next: 'start again: the next run repairs first',
    });
  const targets = await targetsOf(input.replacements);
  for (const { path, strangers } of targets)
    if (strangers > 0)
      say(
        `"${path}" has ${strangers} more ${strangers === 1 ? 'name' : 'names'} outside the plan, which ${strangers === 1 ? 'keeps' : 'keep'} the old content`,
      );
  const writes = await etcdPart(input);
  const journal = announce(host, input, targets, writes);

  await writeJournal(host, stateFolder, journal);
  try {
    // Side by side: most of either is waiting for a disk, or for etcd.
    await eachOf(
      [() => saveOriginals(host, input, journal, targets, writes), () => stage(host, journal, targets)],
      2,
      (work) => work(),
    );
    if (host.stop.aborted) throw new Interrupted('stopped on request before anything was written');
    await writeJournal(host, stateFolder, { ...journal, phase: 'writing' });
  } catch (error) {
    // The journal says `saving`, or `writing` with nothing written: either way a later run cleans up if this cannot.
    await close(host, stateFolder, journal, 'nothing was written').catch((trouble: unknown) => {
      say(`what was prepared could not be removed (${messageOf(trouble)}); the next run does it`);
    });
    throw error;
  }

  input.onWriting?.();
  let transactions = 0;
  try {
    if (etcd !== undefined && writes.length > 0)
      transactions = (await etcd.commit(writes.map(changeOf))).transactions.length;
    if (etcd !== undefined && input.member !== undefined) await etcd.updateMember(input.member.id, input.member.after);
    await replaceFiles(journal, targets);
    await writeJournal(host, stateFolder, { ...journal, phase: 'written' });
  } catch (error) {
    throw await undone(host, input, journal, error);
  }
  try {
    await close(host, stateFolder, journal, 'written');
  } catch (error) {
    throw new Failure(
      `everything is written, but the originals in "${originalsFolder(stateFolder, journal)}" cannot be removed`,
      { why: 'they hold the old private keys', next: 'remove the folder', cause: error },
    );
  }
  say('the copies of the originals, which held private keys, are removed');
  return { keys: writes.length, transactions, files: targets.reduce((sum, { links }) => sum + 1 + links.length, 0) };
}

async function etcdPart({ etcd, replacements, seal }: CommitInput): Promise<KeyWrite[]> {
  if (etcd !== undefined) return keyWritesOf(etcd, replacements, seal);
  if (
    replacements.some(
      (replacement) => (replacement.kind === 'created' ? replacement.in : replacement.document.in) === 'etcd',
    )
  )
    throw new Failure('the plan writes to etcd, and there is no etcd');
  return [];
}

function announce(
  host: Host,
  { etcd, member }: CommitInput,
  targets: readonly Target[],
  writes: readonly KeyWrite[],
): Journal {
  return {
    format: 1,
    phase: 'saving',
    run: randomBytes(6).toString('hex'),
    startedAt: host.now().toISOString(),
    ...(etcd === undefined ? {} : { etcd: { endpoint: etcd.endpoint, keys: writes.map(journalledKey) } }),
    ...(member === undefined
      ? {}
      : { member: { id: member.id, before: [...member.before], after: [...member.after] } }),
    files: targets.map(({ path, links, before, after }) => ({
      path,
      links: [...links],
      before: before === undefined ? null : digestOf(before),
      after: after === undefined ? null : digestOf(after),
    })),
  };
}

/** Copies of everything that will change. The snapshot is for a person; the values are what a run puts back. */
async function saveOriginals(
  host: Host,
  { etcd, stateFolder }: CommitInput,
  journal: Journal,
  targets: readonly Target[],
  writes: readonly KeyWrite[],
): Promise<void> {
  const folder = originalsFolder(stateFolder, journal);
  try {
    await mkdir(fileCopies(folder), { recursive: true, mode: 0o700 });
    const ofEtcd: (() => Promise<unknown>)[] =
      etcd === undefined || writes.length === 0
        ? []
        : [() => etcd.snapshot(join(folder, 'etcd.snapshot')), () => saveValues(folder, writes)];
    const ofFiles = (): Promise<void> =>
      copyOriginals(
        host,
        targets.flatMap(({ path, before }) => (before === undefined ? [] : [path])),
        fileCopies(folder),
      );
    await eachOf<() => Promise<unknown>, unknown>([...ofEtcd, ofFiles], 3, (work) => work());
    await syncFolder(folder);
    await syncFolder(stateFolder);
  } catch (error) {
    throw new Failure(`the originals cannot be saved in "${folder}"`, {
      cause: error,
      next:
        error instanceof Failure && error.next !== undefined
          ? error.next
          : `make room there, or give another folder with --state-dir`,
    });
  }
  for (const { path, before } of targets) {
    if (before === undefined) continue;
    const copy = await contentOf(join(fileCopies(folder), path));
    if (copy === undefined || Buffer.compare(copy, before) !== 0)
      throw new Failure(`the file "${path}" changed while the plan was made`, {
        next: 'stop whatever else writes to it, then start again',
      });
  }
}

/** New files, whole and synced, beside the old ones. */
async function stage(host: Host, journal: Journal, targets: readonly Target[]): Promise<void> {
  const kept = targets.flatMap(({ path, after, like = path }) => (after === undefined ? [] : [{ path, after, like }]));
  try {
    await stageAttributes(host, kept, journal.run);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new Failure(`new files cannot be staged: ${error.stderrTail.split('\n').at(-1) ?? error.message}`, {
      cause: error,
      next: 'look at that file system (df, dmesg)',
    });
  }
  await eachOf(kept, syncsAtOnce, ({ path, after }) => stageContent(path, journal.run, after));
}

async function replaceFiles(journal: Journal, targets: readonly Target[]): Promise<void> {
  for (const { path, links, after } of targets) {
    if (after === undefined) await removeFile(path, links);
    else await swap(path, links, journal.run);
  }
  await endStaging(
    targets.flatMap(({ path, links }) => [path, ...links]),
    journal.run,
  );
}

/** Takes a failed write back; the failure that is reported is the first one, with what became of it. */
async function undone(
  host: Host,
  { etcd, stateFolder }: CommitInput,
  journal: Journal,
  error: unknown,
): Promise<Failure> {
  const details = {
    cause: error,
    ...(error instanceof Failure && error.next !== undefined ? { next: error.next } : {}),
  };
  try {
    // With the alarm raised etcd takes no value back, and a cluster that is started on it is read-only.
    if (isOutOfSpace(error)) await etcd?.makeRoom();
    await takeBack(host, etcd, journal, originalsFolder(stateFolder, journal));
    await close(host, stateFolder, journal, 'taken back');
    return new Failure(messageOf(error), {
      ...details,
      why: 'what had been written was taken back: nothing is changed',
    });
  } catch (trouble) {
    return new Failure(messageOf(error), {
      ...details,
      why: `taking it back failed, too: ${messageOf(trouble)}; the originals stand in "${originalsFolder(stateFolder, journal)}", and the next run puts them back`,
    });
  }
}
