import { readManifests, type Manifests } from '../../internal/cluster/cluster.ts';
import { places } from './places.ts';

/** What the site has applied to its cluster: what belongs to its configuration first, then the extra ones. */
export async function siteManifests(): Promise<readonly [own: Manifests, extra: Manifests]> {
  const options = { missingFolderIsFine: true };
  return [
    await readManifests(places.site.manifests, options),
    await readManifests(places.site.extraManifests, options),
  ];
}
