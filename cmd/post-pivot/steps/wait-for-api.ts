import { messageOf } from '../../../internal/errors/errors.ts';
import { approveOwnCsrs, waitForApi as untilReady } from '../../../internal/cluster/cluster.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';

/** From here on the node's own requests for certificates are approved, as long as the run goes on. */
export const waitForApi: Step<PostPivot> = {
  name: 'wait-for-api',
  says: 'Wait for the API, and approve what this node asks of it',
  run: async (pivot, io) => {
    const cluster = await pivot.cluster();
    await untilReady(cluster, io);
    const { hostname } = await pivot.node();
    const ending = new AbortController();
    const done = approveOwnCsrs(
      cluster,
      { nodeName: hostname, signal: ending.signal },
      { ...io, signal: ending.signal },
    );
    done.catch((error: unknown) => {
      if (!ending.signal.aborted)
        io.warn(`requests of this node for certificates are no longer approved: ${messageOf(error)}`);
    });
    pivot.beside.push({
      done,
      end: () => {
        ending.abort();
      },
    });
  },
};
