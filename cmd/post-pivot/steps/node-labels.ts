import { setNodeLabels } from '../../../internal/cluster/cluster.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { isMarked, mark } from '../marker.ts';

export const nodeLabels: Step<PostPivot> = {
  name: 'node-labels',
  says: 'Label the node',
  inputs: ({ siteDigest }) => [siteDigest],
  isDone: () => isMarked('set_node_labels'),
  run: async (pivot, io) => {
    const { hostname } = await pivot.node();
    await setNodeLabels(await pivot.cluster(), hostname, pivot.site.node_labels, io);
    await mark(pivot.host, 'set_node_labels');
  },
};
