import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';

/** The cluster begins to run. It is disabled in the seed, so that nothing of it runs before it has its identity. */
export const startKubelet: Step<PostPivot> = {
  name: 'start-kubelet',
  says: 'Start kubelet, and with it the cluster',
  run: async ({ host }) => {
    await host.run('systemctl', ['enable', '--now', 'kubelet'], { budgetMs: 5 * 60_000 });
  },
};
