import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../../errors/errors.ts';
import type { Etcd } from '../../etcd/etcd.ts';
import { namesIfPresent, syncFolder } from '../../host/files.ts';
import type { Host } from '../../host/host.ts';
import { originalsFolder, readJournal, writeJournal, type Journal } from './journal.ts';
import { endStaging } from './staging.ts';
import { takeBack } from './take-back.ts';

/** True when a run was cut off and the next one has to repair first: what is in etcd and files may be a mixture. */
export async function needsRepair(stateFolder: string): Promise<Journal | undefined> {
  const journal = await readJournal(stateFolder);
  return journal === undefined || journal.phase === 'closed' ? undefined : journal;
}

/** A dry run may not repair, and must not plan from a mixture. */
export async function refuseMixture(stateFolder: string): Promise<void> {
  const journal = await needsRepair(stateFolder);
  if (journal?.phase !== 'writing') return;
  throw new Refusal(
    `a run of ${journal.startedAt} was cut off while it wrote; etcd and files are a mixture of old and new`,
    {
      why: 'a look ahead writes nothing, so it cannot put the originals back',
      next: 'recert run, which puts them back first',
    },
  );
}

/** Brings the world to where a cut-off run found or left it, as the table in `journal.ts` says. */
export async function repair(
  host: Host,
  etcd: Etcd | undefined,
  stateFolder: string,
  say: (line: string) => void,
): Promise<void> {
  // A journal that was cut off before its rename. Nothing else makes such names here.
  for (const name of await namesIfPresent(stateFolder))
    if (/^\.[0-9a-f-]{36}\.tmp$/.test(name)) await rm(join(stateFolder, name), { force: true });
  const journal = await needsRepair(stateFolder);
  if (journal === undefined) return;
  switch (journal.phase) {
    case 'closed':
      return;
    case 'saving':
      say(`a run of ${journal.startedAt} was cut off before it wrote anything; its copies are removed`);
      return close(host, stateFolder, journal, 'nothing was written');
    case 'writing': {
      say(`a run of ${journal.startedAt} was cut off while it wrote; its originals are put back`);
      const { keys, files } = await takeBack(host, etcd, journal, originalsFolder(stateFolder, journal));
      say(`put back: ${keys} etcd values, ${files} files`);
      return close(host, stateFolder, journal, 'taken back');
    }
    case 'written':
      say(`a run of ${journal.startedAt} had written everything; its copies of the originals are removed`);
      return close(host, stateFolder, journal, 'written');
  }
}

/** Ends a run: staging folders and originals go, then the journal says so. In this order, since `closed` means that no copy is left. */
export async function close(
  host: Host,
  stateFolder: string,
  journal: Journal,
  outcome: NonNullable<Journal['outcome']>,
): Promise<void> {
  await endStaging(
    journal.files.flatMap(({ path, links }) => [path, ...links]),
    journal.run,
  );
  await rm(originalsFolder(stateFolder, journal), { recursive: true, force: true });
  await syncFolder(stateFolder);
  await writeJournal(host, stateFolder, { ...journal, phase: 'closed', endedAt: host.now().toISOString(), outcome });
}
