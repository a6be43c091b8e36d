import { exists } from '../../../internal/host/files.ts';
import { reach, reached, readRecord } from '../../../internal/seal/record.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { places } from '../places.ts';
import { runSiteHook } from '../site-hook.ts';

export const siteHook: Step<Ibi> = {
  name: 'site-hook',
  says: `Run the site's hook ${places.siteHook}`,
  inputs: ({ seed }) => [seed.installId],
  isDone: async ({ target, seed }) => reached(await readRecord(target.root), 'hook', seed.installId),
  run: async ({ host, target, seed }, io) => {
    if (!(await exists(places.siteHook))) {
      io.say('there is none');
      return;
    }
    await runSiteHook(host, places.siteHook, io.say);
    await reach(host, target.root, 'hook', seed.installId);
  },
};
