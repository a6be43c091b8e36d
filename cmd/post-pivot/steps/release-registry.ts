import { overrideReleaseRegistry } from '../../../internal/cluster/cluster.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';

/** After the manifests, which bring the site's mirrors. */
export const releaseRegistry: Step<PostPivot> = {
  name: 'release-registry',
  says: "Take the release from the site's registry",
  run: async (pivot, io) => {
    await overrideReleaseRegistry(await pivot.cluster(), { seed: pivot.seed, site: pivot.site }, io);
  },
};
