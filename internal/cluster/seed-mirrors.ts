import type { Cluster } from './open.ts';
import { findKind, listAll, remove, removeAll } from './calls.ts';
import type { Kind } from './kinds.ts';
import type { Manifest } from './manifests.ts';
import { listAt, nameOf, namespaceOf, textAt, type JsonMap } from './object.ts';
import type { Tell } from './tell.ts';

const mirrorKinds = [
  {
    apiVersion: 'operator.openshift.io/v1alpha1',
    kind: 'ImageContentSourcePolicy',
    definition: 'imagecontentsourcepolicies.operator.openshift.io',
    rules: 'repositoryDigestMirrors',
  },
  {
    apiVersion: 'config.openshift.io/v1',
    kind: 'ImageDigestMirrorSet',
    definition: 'imagedigestmirrorsets.config.openshift.io',
    rules: 'imageDigestMirrors',
  },
] as const;
const catalogKind = {
  apiVersion: 'operators.coreos.com/v1alpha1',
  kind: 'CatalogSource',
  definition: 'catalogsources.operators.coreos.com',
} as const;

/**
 * Deletes what the seed said about mirrors and catalogues; the site brings its own (kube/mirrors). Kinds that the API does not serve and
 * objects that are gone are nothing to do.
 *
 * @param site manifests that will be applied next: an object that one of them replaces is left to it, so that a second run does not take
 * down what the first has put up, and the machine-config operator renders once
 */
export async function dropSeedMirrors(cluster: Cluster, tell: Tell, site: readonly Manifest[] = []): Promise<void> {
  for (const name of [...mirrorKinds, catalogKind]) {
    const kind = await findKind(cluster, name, tell, name.definition);
    if (kind === undefined) tell.say(`the API serves no ${name.kind}: none to drop`);
    else await dropAll(cluster, kind, tell, site);
  }
}

async function dropAll(cluster: Cluster, kind: Kind, tell: Tell, site: readonly Manifest[]): Promise<void> {
  const found = await listAll(cluster, kind, tell);
  const kept = found.filter((object) => site.some((manifest) => replaces(manifest, object)));
  const old = found.filter((object) => !kept.includes(object));
  if (kept.length === 0 && !kind.namespaced && old.length > 0) await removeAll(cluster, kind, tell);
  else for (const object of old) await remove(cluster, kind, object, tell);
  if (old.length > 0) tell.say(`dropped the seed's ${kind.resource}: ${old.map(nameOf).join(', ')}`);
}

function replaces({ object, applyType }: Manifest, live: JsonMap): boolean {
  return (
    applyType === 'replace' &&
    textAt(object, 'kind') === textAt(live, 'kind') &&
    textAt(object, 'apiVersion') === textAt(live, 'apiVersion') &&
    nameOf(object) === nameOf(live) &&
    // Only that of a kind with namespaces is compared: where there is none, a manifest may still name one.
    (namespaceOf(live) === '' || namespaceOf(live) === (namespaceOf(object) || 'default'))
  );
}

/** The registries (what stands before the first slash) that the API has digest mirrors for. */
export async function mirrorSourcesOf(cluster: Cluster, tell: Tell): Promise<string[]> {
  const sources: string[] = [];
  for (const name of mirrorKinds) {
    const kind = await findKind(cluster, name, tell, name.definition);
    if (kind === undefined) continue;
    for (const object of await listAll(cluster, kind, tell))
      sources.push(...listAt(object, 'spec', name.rules).map((rule) => textAt(rule, 'source').split('/')[0] ?? ''));
  }
  return [...new Set(sources.filter((source) => source !== ''))];
}
