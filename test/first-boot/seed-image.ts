import { kubernetesPrograms } from '../cluster/apiserver/build.ts';
import { identityOf } from '../cluster/cluster.ts';
import type { Say } from '../vm/artefacts/cache.ts';
import { rootfs } from '../vm/artefacts/rootfs.ts';
import type { SeedOptions as ImageOptions } from '../vm/artefacts/seed-options.ts';
import { builtProgram, type StageCluster } from '../vm/stage.ts';
import { openshiftKinds } from './artefacts/crds.ts';
import { imageNames, podImages } from './artefacts/images.ts';
import { layer } from './artefacts/layer.ts';
import { seedHost, seedManifest, type SeedOptions } from './artefacts/seed.ts';

/*
 * The cluster of this lab as a seed image of test/vm, so that `ibi` can install it. Its OS has the lab's container runtime;
 * etcd's image is in its list; the program is the built executable, at the place where the seed's unit starts it.
 */

export type ClusterSeed = { readonly options: ImageOptions; readonly cluster: StageCluster };

export async function clusterSeed(seed: SeedOptions, say: Say): Promise<ClusterSeed> {
  const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(imageNames.etcd) ?? [];
  const base = await rootfs(say);
  const images = await podImages(await kubernetesPrograms(say), say);
  const manifest = seedManifest(identityOf(seed));
  return {
    options: {
      version: manifest.seed_cluster_ocp_version,
      manifest,
      os: { tree: 'host' },
      lcaCli: builtProgram,
      lcaCliInVar: true,
      // the lab's ISO has the program from its payload disk: a second one would only be streamed
      replace: { 'lca-cli': '#!/bin/sh\nexit 1\n' },
    },
    cluster: {
      software: await layer(base, say),
      host: await seedHost(seed, { kinds: await openshiftKinds(say), rootfs: base }, say),
      images: [{ archive: images.path('etcd.tar'), repository, tag }],
    },
  };
}
