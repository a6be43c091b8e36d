/*
 * What post-pivot does with the API of a cluster that has just come up under a new identity, in the order in which it does it.
 * Each of these may be run again after any crash: it looks at the cluster, and writes what is not yet as wished.
 */
export { openCluster, type Cluster, type ClusterOptions, type Kubeconfig } from './open.ts';
export type { Tell } from './tell.ts';

export { waitForApi } from './wait-for-api.ts';
export { approveOwnCsrs, type CsrReport } from './own-csrs.ts';
export { dropSeedMirrors } from './seed-mirrors.ts';
export { readManifests, type Manifest, type Manifests } from './manifests.ts';
export { applyManifests, type ApplyReport } from './apply.ts';
export { decideReleaseRegistry, overrideReleaseRegistry, type ReleaseRegistryFacts } from './release-registry.ts';
export { setClusterId } from './cluster-id.ts';
export { setNodeLabels, ownLabels } from './node-labels.ts';
export { clusterHealth } from './health.ts';
