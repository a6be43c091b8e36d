import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';

/**
 * The install record: what was put on this disk, by whom, how far it got. It stands on the root file system beside the
 * OSTree repository (`/sysroot/ostree/.ibi` on the installed host) and is what a later run trusts, because the live
 * system's memory is gone after a power cut.
 */
const installRecordSchema = z.looseObject({
  format: z.literal(1),
  /** Names the installation: configuration and seed digest. */
  installId: z.string(),
  /** Names the configuration alone. */
  configDigest: z.string(),
  /** "open" until everything is proven; "sealed" is written last. */
  state: z.enum(['open', 'sealed']),
  program: z.string(),
  disk: z.record(z.string(), z.unknown()),
  seed: z.object({ reference: z.string(), digest: z.string(), version: z.string(), stateroot: z.string() }),
  /** When each milestone was reached, durably; the value after the blank, if any, says of what. */
  milestones: z.record(z.string(), z.string()),
  sealedAt: z.string().optional(),
  result: z.record(z.string(), z.unknown()).optional(),
});

export type InstallRecord = z.infer<typeof installRecordSchema>;

/** Where our things stand on the target's root file system. */
export const recordFolder = 'ostree/.ibi';

const recordPath = (root: string): string => join(root, recordFolder, 'record.json');

/** The record as it was when the disk had just been written. Never replaced. */
const firstRecordPath = (root: string): string => join(root, recordFolder, 'first-record.json');

/** The installation's name: 32 hex digits. */
export function installIdOf(configDigest: string, seedDigest: string): string {
  return createHash('sha256').update(`${configDigest}\n${seedDigest}`).digest('hex').slice(0, 32);
}

/** Reads the record of the root file system mounted at `root`; undefined when there is none that we can read. */
export async function readRecord(root: string): Promise<InstallRecord | undefined> {
  return readFrom(recordPath(root));
}

/**
 * Reads the record of a root file system whose journal is not replayed. After a power cut such a view shows the metadata of some moment
 * of the last half minute, in which a file that was replaced then (the record, at each milestone) may not be found. The first one is:
 * it is as old as the last clean unmount, which followed it.
 */
export async function readRecordBeforeReplay(root: string): Promise<InstallRecord | undefined> {
  const found = await readFrom(recordPath(root)).catch(() => undefined); // an entry may lead to an inode that is none yet
  return found ?? (await readFrom(firstRecordPath(root)));
}

async function readFrom(path: string): Promise<InstallRecord | undefined> {
  const text = await readTextIfPresent(path);
  if (text === undefined) return undefined;
  try {
    return installRecordSchema.parse(JSON.parse(text));
  } catch {
    return undefined; // torn or of another format: this disk counts as not ours
  }
}

/** Writes the record durably. */
export async function writeRecord(host: Host, root: string, record: InstallRecord): Promise<void> {
  await host.writeFile(recordPath(root), `${JSON.stringify(record, undefined, 1)}\n`, { mode: 0o644 });
}

/** Writes the record of a disk that was just written. The file system must be unmounted before anything else is done with it. */
export async function writeFirstRecord(host: Host, root: string, record: InstallRecord): Promise<void> {
  await host.writeFile(firstRecordPath(root), `${JSON.stringify(record, undefined, 1)}\n`, { mode: 0o644 });
  await writeRecord(host, root, record);
}

/** Notes that a milestone was reached. Call it only after its effect is on stable storage. */
export async function reach(host: Host, root: string, milestone: string, of = ''): Promise<void> {
  const record = await readRecord(root);
  if (record === undefined) throw new Error(`no install record below "${root}"`);
  await writeRecord(host, root, {
    ...record,
    milestones: { ...record.milestones, [milestone]: `${host.now().toISOString()} ${of}`.trimEnd() },
  });
}

/** True when the milestone was reached, of exactly this. */
export function reached(record: InstallRecord | undefined, milestone: string, of = ''): boolean {
  const value = record?.milestones[milestone];
  return value !== undefined && value.slice(value.indexOf(' ') < 0 ? value.length : value.indexOf(' ')).trim() === of;
}
