import { z } from 'zod';
import { multipathArguments } from '../../internal/disk/disk.ts';
import { Failure } from '../../internal/errors/errors.ts';
import { bootBytesOf } from '../../internal/ostree/boot-space.ts';
import { readRecord, writeRecord } from '../../internal/seal/record.ts';
import { bootedDeployment } from '../../internal/seed/booted.ts';
import { kernelArguments } from '../../internal/seed/kernel-arguments.ts';
import { parseSeedManifest } from '../../internal/config/seed-manifest.ts';
import { requireVersion } from '../../internal/seed/format.ts';
import { originOf } from '../../internal/seed/origin.ts';
import type { Staging } from '../../internal/seed/staging.ts';
import type { Ibi } from './context.ts';

const seedFactsSchema = z.object({ commit: z.string(), kernelArguments: z.array(z.string()), bootBytes: z.number() });

/** What deployment and proof need to know of the seed, also when its members are gone from the disk. */
export type SeedFacts = z.infer<typeof seedFactsSchema>;

/** Reads and checks the members of a staged seed and keeps what later steps need in the install record. */
export async function learnSeed({ host, target, config, seed }: Ibi, staging: Staging): Promise<void> {
  requireVersion(parseSeedManifest(await staging.member('manifest.json'), '"manifest.json"'), config.seedVersion);
  const { commit } = bootedDeployment(await staging.member('rpm-ostree.json'));
  await originOf(staging, seed.image.pinned);
  const facts: SeedFacts = {
    commit,
    kernelArguments: kernelArguments(await staging.member('mco-currentconfig.json')),
    bootBytes: await bootBytesOf(host, staging.repository, commit),
  };
  const record = await readRecord(target.root);
  if (record === undefined)
    throw new Failure('the disk carries no install record', { next: 'write it again: ibi run' });
  await writeRecord(host, target.root, { ...record, result: { ...record.result, ...facts } });
}

/**
 * What the seed says, and what this disk needs beside it.
 *
 * @throws Failure when the seed was not fetched to this disk
 */
export async function seedOnDisk({ target, disk }: Ibi): Promise<SeedFacts> {
  const facts = seedFactsSchema.safeParse((await readRecord(target.root))?.result);
  if (!facts.success) throw new Failure('the seed is not on the disk', { next: 'fetch it: ibi run --from fetch-seed' });
  const { kernelArguments: given } = facts.data;
  return {
    ...facts.data,
    kernelArguments: disk.paths === undefined ? given : [...given, ...multipathArguments(given)],
  };
}
