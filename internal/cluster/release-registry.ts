import { Failure } from '../errors/errors.ts';
import { overridesSeedRegistry, replaceRegistry } from '../image/seed-registry.ts';
import { converge, kindNamed } from './calls.ts';
import type { Cluster } from './open.ts';
import { isMap, listAt, same, textAt, textsAt, type JsonMap } from './object.ts';
import { mirrorSourcesOf } from './seed-mirrors.ts';
import type { Tell } from './tell.ts';

export type ReleaseRegistryFacts = {
  readonly seed: { readonly release_registry: string; readonly mirror_registry_configured: boolean };
  readonly site: { readonly release_registry: string };
};

/** Whether the cluster version operator is moved to the site's registry, and why. */
export type ReleaseRegistryDecision = { readonly moves: boolean; readonly why: string };

/**
 * | mirror sources in the API | seed had mirrors | site's registry       | moved |
 * |---------------------------|------------------|-----------------------|-------|
 * | none                      | no               | any                   | no    |
 * | none                      | yes              | another than the seed | yes   |
 * | the seed's is among them  | any              | any                   | no    |
 * | others only               | any              | another than the seed | yes   |
 * | any                       | any              | empty, or the seed's  | no    |
 */
export function decideReleaseRegistry(
  mirrorSources: readonly string[],
  { seed, site }: ReleaseRegistryFacts,
): ReleaseRegistryDecision {
  const [from, to] = [seed.release_registry, site.release_registry];
  const facts = { mirrorSources, seedRegistry: from, seedHasMirrors: seed.mirror_registry_configured };
  if (!overridesSeedRegistry(facts))
    return mirrorSources.length === 0
      ? { moves: false, why: 'neither seed nor site has mirrors' }
      : { moves: false, why: `the site mirrors the seed's registry "${from}"` };
  if (from === '') return { moves: false, why: 'the seed does not say which registry its release came from' };
  if (to === '') return { moves: false, why: 'the site names no release registry' };
  if (to === from) return { moves: false, why: `seed and site both use "${from}"` };
  return {
    moves: true,
    why:
      mirrorSources.length === 0
        ? `the seed's mirror "${from}" is not here`
        : `the site has no mirror for the seed's registry "${from}"`,
  };
}

const operator = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'openshift-cluster-version', name: 'cluster-version-operator' },
} as const;

/** Moves the release image of the cluster version operator to the site's registry, when the site's mirrors do not lead there already. */
export async function overrideReleaseRegistry(
  cluster: Cluster,
  facts: ReleaseRegistryFacts,
  tell: Tell,
): Promise<void> {
  const { moves, why } = decideReleaseRegistry(await mirrorSourcesOf(cluster, tell), facts);
  if (!moves) {
    tell.say(`the release stays where it is: ${why}`);
    return;
  }
  const kind = await kindNamed(cluster, operator, tell);
  let image = '';
  const { did } = await converge(cluster, kind, operator, tell, (live) => {
    const container = listAt(live, 'spec', 'template', 'spec', 'containers')[0];
    if (!isMap(container))
      throw new Failure('the cluster has no Deployment "cluster-version-operator"', {
        why: live === undefined ? 'it is not there' : 'it has no container',
        next: 'see what the seed was made of: oc get deployment -n openshift-cluster-version',
      });
    const moved = movedContainer(container, facts.seed.release_registry, facts.site.release_registry);
    image = textAt(moved, 'image');
    if (same(moved['image'], container['image']) && same(moved['args'], container['args'] ?? [])) return undefined;
    return {
      verb: 'patch',
      form: 'strategic',
      body: { spec: { template: { spec: { containers: [moved] } } } },
    };
  });
  tell.say(did === 'nothing' ? `the release is "${image}" already` : `the release is "${image}" from now on: ${why}`);
}

/** Name, image and arguments of the container with the release in the other registry. */
export function movedContainer(container: JsonMap, from: string, to: string): JsonMap {
  const image = replaceRegistry(textAt(container, 'image'), from, to);
  return {
    name: textAt(container, 'name'),
    image,
    args: textsAt(container, 'args').map((arg) =>
      arg.startsWith('--release-image') ? `--release-image=${image}` : arg,
    ),
  };
}
