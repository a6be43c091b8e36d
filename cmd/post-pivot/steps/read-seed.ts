import { nodeAddressesOf } from '../../../internal/config/seed-manifest.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';

export const readSeed: Step<PostPivot> = {
  name: 'read-seed',
  says: 'Read what the seed cluster was',
  run: async ({ seed }, io) => {
    io.say(
      `seed "${seed.cluster_name}.${seed.base_domain}", version ${seed.seed_cluster_ocp_version ?? 'unknown'}, node "${seed.sno_hostname}" at ${nodeAddressesOf(seed).join(' and ')}`,
    );
    return Promise.resolve();
  },
};
