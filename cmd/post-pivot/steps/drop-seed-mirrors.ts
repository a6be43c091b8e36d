import { dropSeedMirrors as drop } from '../../../internal/cluster/cluster.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { siteManifests } from '../manifests.ts';

export const dropSeedMirrors: Step<PostPivot> = {
  name: 'drop-seed-mirrors',
  says: "Take away the seed's mirrors and catalogs",
  run: async (pivot, io) => {
    const [own, extra] = await siteManifests();
    await drop(await pivot.cluster(), io, [...own.manifests, ...extra.manifests]);
  },
};
