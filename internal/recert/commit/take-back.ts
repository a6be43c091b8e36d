import { join } from 'node:path';
import { Refusal } from '../../errors/errors.ts';
import type { Etcd } from '../../etcd/etcd.ts';
import type { Host } from '../../host/host.ts';
import { takeBackKeys } from './etcd-side.ts';
import type { Journal, JournalledFile } from './journal.ts';
import { contentOf, endStaging, removeFile, stageCopy, swap } from './staging.ts';
import { digestOf } from '../../pki/der.ts';

/** Originals of files stand below the run's folder by their whole path. */
export const fileCopies = (originals: string): string => join(originals, 'files');

/**
 * Puts every original back that the run replaced. What each place holds decides, not how far the run says it came: a place with
 * the run's content gets its original, a place with the original is left alone, and anything else is somebody else's and stops this
 * before the first write. May itself be cut off and done again.
 */
export async function takeBack(
  host: Host,
  etcd: Etcd | undefined,
  journal: Journal,
  originals: string,
): Promise<{ keys: number; files: number }> {
  if (journal.etcd !== undefined && etcd === undefined) {
    throw new Refusal(
      `an interrupted run wrote to etcd "${journal.etcd.endpoint}"; without it nothing can be taken back`,
      { next: 'give etcd_endpoint' },
    );
  }
  const replaced: JournalledFile[] = [];
  for (const file of journal.files) if (await isReplaced(file, originals)) replaced.push(file);
  const keys =
    etcd === undefined || journal.etcd === undefined ? 0 : await takeBackKeys(etcd, originals, journal.etcd.keys);
  if (etcd !== undefined && journal.member !== undefined) await takeBackMember(etcd, journal.member);
  // Staged files of the run itself are worthless now, and would be in the way.
  await endStaging(
    journal.files.flatMap(({ path, links }) => [path, ...links]),
    journal.run,
  );
  for (const { path, links, before } of replaced) {
    if (before === null) {
      await removeFile(path, links);
      continue;
    }
    await stageCopy(host, join(fileCopies(originals), path), path, journal.run);
    await swap(path, links, journal.run);
  }
  await endStaging(
    journal.files.flatMap(({ path, links }) => [path, ...links]),
    journal.run,
  );
  return { keys, files: replaced.length };
}

/** The member's addresses are the run's or the original ones; anything else is somebody else's. */
async function takeBackMember(etcd: Etcd, { id, before, after }: NonNullable<Journal['member']>): Promise<void> {
  const urls = (await etcd.members()).find((member) => member.id === id)?.peerUrls ?? [];
  if (urls.join() === before.join()) return;
  if (urls.join() !== after.join())
    throw new Refusal(
      `the peer address of the etcd member "${id}" is "${urls.join(', ')}", neither as the interrupted run found it nor as it left it`,
      { next: `set it to ${before.join(', ')}: etcdctl member update` },
    );
  await etcd.updateMember(id, before);
}

async function isReplaced(file: JournalledFile, originals: string): Promise<boolean> {
  let replaced = false;
  for (const path of [file.path, ...file.links]) {
    const content = await contentOf(path);
    const digest = content === undefined ? null : digestOf(content);
    if (digest === file.before) continue;
    if (digest !== file.after) {
      throw new Refusal(`the file "${path}" is neither as the interrupted run found it nor as it left it`, {
        next: `see who changed it; its original is "${join(fileCopies(originals), file.path)}"`,
      });
    }
    replaced = true;
  }
  return replaced;
}
