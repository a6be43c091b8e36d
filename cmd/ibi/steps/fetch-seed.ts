import { eachOf } from '../../../internal/host/each-of.ts';
import { openArchiveTar } from '../../../internal/seed/archive-tar.ts';
import { stageSeed } from '../../../internal/seed/stage.ts';
import { finishStaging, isStaged } from '../../../internal/seed/staging.ts';
import { reach, reached, readRecord } from '../../../internal/seal/record.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { learnSeed } from '../seed-on-disk.ts';
import { seedLayers } from '../seed-layers.ts';
import { stagingFolder } from '../written.ts';

export const fetchSeed: Step<Ibi> = {
  name: 'fetch-seed',
  says: 'Stream the seed image onto the disk',
  inputs: ({ seed }) => [seed.installId],
  isDone: async ({ target, seed }) =>
    reached(await readRecord(target.root), 'restored', seed.installId) || (await isStaged(stagingFolder(target), seed.image.digest)),
  run: async (ibi, io) => {
    const { host, target, seed } = ibi;
    await using tar = await openArchiveTar(host, io.say);
    await using layers = await seedLayers(ibi, io);
    const { staging, settled } = await stageSeed(host, { reference: seed.image.pinned, layers: layers.layers, folder: stagingFolder(target), tar });
    // Before the mark: a staging that counts as complete is not looked at again.
    await eachOf([() => settled, () => learnSeed(ibi, staging)], 2, (work) => work());
    await finishStaging(host, staging, seed.image.digest);
    await reach(host, target.root, 'fetched', seed.installId);
  },
};
