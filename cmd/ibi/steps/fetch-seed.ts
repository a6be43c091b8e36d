import { join } from 'node:path';
import { eachOf } from '../../../internal/host/each-of.ts';
import { isBare } from '../../../internal/ostree/repository-mode.ts';
import { shareObjects } from '../../../internal/ostree/share-objects.ts';
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
    reached(await readRecord(target.root), 'restored', seed.installId) ||
    (await isStaged(stagingFolder(target), seed.image.digest)),
  run: async (ibi, io) => {
    const { host, target, seed } = ibi;
    await using tar = await openArchiveTar(host, io.say);
    await using layers = await seedLayers(ibi, io);
    const request = { reference: seed.image.pinned, layers: layers.layers, folder: stagingFolder(target), tar };
    const sharing = await isBare(join(target.root, 'ostree/repo'));
    if (sharing) io.say('objects of the operating system that this disk holds already are linked, not written again');
    const putObjects = (repository: string): Promise<void> => shareObjects(host, target.root, repository);
    let { staging, settled } = await stageSeed(host, sharing ? { ...request, putObjects } : request);
    if (sharing && !(await isBare(staging.repository))) {
      await settled;
      io.say(
        'the repository of the seed keeps its objects in another way than the one of this disk; the seed is fetched again, with all of them',
      );
      ({ staging, settled } = await stageSeed(host, request));
    }
    // Before the mark: a staging that counts as complete is not looked at again.
    await eachOf([() => settled, () => learnSeed(ibi, staging)], 2, (work) => work());
    await finishStaging(host, staging, seed.image.digest);
    await reach(host, target.root, 'fetched', seed.installId);
  },
};
