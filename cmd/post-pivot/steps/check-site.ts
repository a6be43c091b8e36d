import type { Step } from '../../../internal/steps/step.ts';
import { UsageError } from '../../../internal/errors/errors.ts';
import type { PostPivot } from '../context.ts';
import { checkAll } from '../checks.ts';
import { places } from '../places.ts';
import { isMarked } from '../marker.ts';
import { refuseTaken } from './take-site.ts';

/** All that can be known before anything is changed. Once the cluster has its identity, there is nothing left to refuse. */
export const checkSite: Step<PostPivot> = {
  name: 'check-site',
  says: 'Hold the site against seed and host',
  run: async (pivot, io) => {
    if (await isMarked('recert')) {
      io.say('the cluster has its identity already');
      return;
    }
    try {
      await checkAll(pivot.host, pivot.site, pivot.seed, places.site, io);
    } catch (error) {
      if (error instanceof UsageError) await refuseTaken(pivot, error);
      throw error;
    }
  },
};
