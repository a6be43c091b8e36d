import { setNameService } from '../../../internal/network/name-service.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';

export const nameService: Step<PostPivot> = {
  name: 'name-service',
  says: "Answer for the cluster's names",
  inputs: ({ siteDigest }) => [siteDigest],
  run: async (pivot) => {
    const { cluster_name: clusterName, base_domain: baseDomain } = pivot.site;
    const { addresses } = await pivot.node();
    await setNameService(pivot.host, { clusterName, baseDomain, address: addresses[0] ?? '' });
  },
};
