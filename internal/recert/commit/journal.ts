import { join } from 'node:path';
import { z } from 'zod';
import { Failure, Refusal } from '../../errors/errors.ts';
import { readTextIfPresent } from '../../host/files.ts';
import type { Host } from '../../host/host.ts';

/**
 * What a run is about to do to the world, on disk before it does it. Digests are SHA-256 in hex, of the bytes as they stand in etcd
 * (sealed, on a cluster with encryption at rest) and in files; `null` says absent. It holds no secret.
 *
 * | phase     | what is true                                                                       | what the next run does            |
 * |-----------|------------------------------------------------------------------------------------|-----------------------------------|
 * | `saving`  | copies of originals and staged files are being made; nothing that counts is changed | removes them                      |
 * | `writing` | copies are whole; any part of etcd and of the files may be new                       | puts every original back          |
 * | `written` | everything is new                                                                  | removes the copies                |
 * | `closed`  | the run ended, as `outcome` says; there are no copies                              | nothing                           |
 */
const journalSchema = z.strictObject({
  format: z.literal(1),
  phase: z.enum(['saving', 'writing', 'written', 'closed']),
  /** Names the run, its folder of originals and its staging folders. */
  run: z.string().regex(/^[0-9a-f]{12}$/),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  outcome: z.enum(['written', 'nothing was written', 'taken back']).optional(),
  etcd: z
    .strictObject({
      endpoint: z.string(),
      keys: z.array(z.strictObject({ key: z.string(), before: z.string().nullable(), after: z.string().nullable() })),
    })
    .optional(),
  /** The address at which etcd is known to its members. */
  member: z.strictObject({ id: z.string(), before: z.array(z.string()), after: z.array(z.string()) }).optional(),
  files: z.array(
    z.strictObject({
      path: z.string(),
      before: z.string().nullable(),
      after: z.string().nullable(),
      /** Other paths of the same inode, which become one inode again. */
      links: z.array(z.string()),
    }),
  ),
});

export type Journal = z.infer<typeof journalSchema>;
export type JournalledFile = Journal['files'][number];
export type JournalledKey = NonNullable<Journal['etcd']>['keys'][number];

export const journalFile = (stateFolder: string): string => join(stateFolder, 'journal.json');

/** The folder of a run's originals. */
export const originalsFolder = (stateFolder: string, journal: Journal): string =>
  join(stateFolder, `run-${journal.run}`);

/** Reads the journal of the last run; undefined when there was none. Throws on one that cannot be understood: guessing would lose keys. */
export async function readJournal(stateFolder: string): Promise<Journal | undefined> {
  const file = journalFile(stateFolder);
  const text = await readTextIfPresent(file);
  if (text === undefined) return undefined;
  try {
    return journalSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Refusal(`the journal "${file}" cannot be read`, {
      why: 'it is damaged, or of another version',
      next: `look into "${stateFolder}"; move the journal away only if etcd and files are as you want them`,
      cause: error,
    });
  }
}

/** Writes the journal durably: when this returns, the phase holds even if the power goes. */
export async function writeJournal(host: Host, stateFolder: string, journal: Journal): Promise<void> {
  try {
    await host.writeFile(journalFile(stateFolder), `${JSON.stringify(journal)}\n`);
  } catch (error) {
    throw new Failure(`the journal "${journalFile(stateFolder)}" cannot be written`, {
      cause: error,
      next: 'make room there, or give another folder with --state-dir',
    });
  }
}
