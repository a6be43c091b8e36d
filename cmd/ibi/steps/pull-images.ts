import { pullImages } from '../../../internal/registry/pull.ts';
import { reach, reached, readRecord } from '../../../internal/seal/record.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { places } from '../places.ts';
import { imagesToPull, judgePulls, suspectLayers } from '../images.ts';

export const pullSeedImages: Step<Ibi> = {
  name: 'pull-images',
  says: "Pull the images of the seed's list into container storage",
  inputs: ({ seed }) => [seed.installId],
  notWanted: ({ config }) => (config.precacheDisabled ? 'the configuration says precacheDisabled' : undefined),
  isDone: async ({ target, seed }) => reached(await readRecord(target.root), 'images', seed.installId),
  run: async (ibi, io) => {
    const { host, registry, target, seed, options } = ibi;
    const { images, why } = await imagesToPull(ibi);
    io.say(why);
    const report = await pullImages(host, images, {
      registry,
      authFile: options.authFile,
      suspects: await suspectLayers(ibi, io.say),
      statusFile: places.precacheStatus,
      bestEffort: ibi.config.precacheBestEffort,
      say: io.say,
      warn: io.warn,
      signal: io.signal,
      onProgress: ({ bytes, totalBytes }) => {
        io.progress({ done: bytes, total: totalBytes, unit: 'bytes' });
      },
    });
    judgePulls(report, ibi.config.precacheBestEffort, io);
    await host.run('sync', ['-f', target.containers], { budgetMs: 20 * 60_000 });
    await reach(host, target.root, 'images', seed.installId);
  },
};
