import { clusterHealth } from '../../../internal/cluster/cluster.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';

/** What is still settling is nobody's failure: operators take their time. */
export const showHealth: Step<PostPivot> = {
  name: 'show-health',
  says: 'Look at the cluster',
  run: async (pivot, io) => {
    for (const { good, text } of await clusterHealth(await pivot.cluster(), io.signal))
      if (good) io.say(text);
      else io.warn(text);
  },
};
