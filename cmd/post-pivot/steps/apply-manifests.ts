import { applyManifests as apply } from '../../../internal/cluster/cluster.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { siteManifests } from '../manifests.ts';

export const applyManifests: Step<PostPivot> = {
  name: 'apply-manifests',
  says: "Apply the site's manifests",
  run: async (pivot, io) => {
    const cluster = await pivot.cluster();
    for (const manifests of await siteManifests()) await apply(cluster, manifests, io);
  },
};
