import { randomUUID } from 'node:crypto';
import { setClusterId } from '../../../internal/cluster/cluster.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { isMarked, mark } from '../marker.ts';

export const clusterId: Step<PostPivot> = {
  name: 'cluster-id',
  says: 'Set the cluster id',
  inputs: ({ siteDigest }) => [siteDigest],
  isDone: () => isMarked('set_cluster_id'),
  run: async (pivot, io) => {
    const given = pivot.site.cluster_id;
    if (given === '') io.warn('the site gives no cluster_id; continuing with a new one');
    await setClusterId(await pivot.cluster(), given === '' ? randomUUID() : given, io);
    await mark(pivot.host, 'set_cluster_id');
  },
};
