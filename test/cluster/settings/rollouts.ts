import type { Content, StoredObject } from '../content.ts';
import type { Identity } from '../identity.ts';
import type { ObjectMaker } from '../objects.ts';
import type { KubeObject } from '../stored.ts';
import { storedDeploymentSpec } from './defaults.ts';
import { dependencyHash, sorted, specHash } from './hashes.ts';
import { oauthApi, openshiftApi, operatorImage, type Api } from './manifests.ts';

/** `unreproducible`: as if an operator of an unknown release had made the spec-hash annotations. Nothing stored tells how. */
export type RolloutOptions = { readonly unreproducible?: boolean };

export const depPrefix = 'operator.openshift.io/dep-';
export const specHashAnnotation = 'operator.openshift.io/spec-hash';
const foreignHash = specHash({ made: 'by another release' });

/** Annotations of the objects that a Deployment depends on, from what is in them. */
export function dependencyAnnotations(
  { namespace, dependencies }: Api,
  hashOf: (kind: 'ConfigMap' | 'Secret', place: string) => string,
): Record<string, string> {
  return Object.fromEntries(
    dependencies.map((dependency) => {
      const [name = '', kind = ''] = dependency.split('.');
      return [
        `${depPrefix}${namespace}.${dependency}`,
        hashOf(kind === 'secret' ? 'Secret' : 'ConfigMap', `${namespace}/${name}`),
      ];
    }),
  );
}

export const specHashOf = (
  api: Api,
  seed: Identity,
  now: Identity,
  dependencies: Readonly<Record<string, string>>,
  { unreproducible = false }: RolloutOptions,
): string => (unreproducible ? foreignHash : specHash(api.spec(seed, now, { ...api.annotations, ...dependencies })));

/**
 * hash/dependencies, hash/spec: the Deployments of two API servers and of one operator. To be laid out last: annotations follow from what `others` hold.
 * What a small cluster lacks of the objects that they name is made here.
 */
export function layOutRollouts(
  seed: Identity,
  now: Identity,
  objects: ObjectMaker,
  others: readonly StoredObject[],
  options: RolloutOptions = {},
): Content {
  const known = new Map<string, KubeObject>(
    others.flatMap((stored) => ('object' in stored ? [[placeOf(stored.object), stored.object]] : [])),
  );
  const added: StoredObject[] = [];
  const find = (kind: 'ConfigMap' | 'Secret', place: string): KubeObject => {
    const found = known.get(`${kind} ${place}`);
    if (found !== undefined) return found;
    // Names out of order, and characters that Go escapes.
    const made =
      kind === 'Secret'
        ? objects.secret(place, { 'tls.key': 'none', 'tls.crt': 'none <in a small cluster>' })
        : objects.configMap(place, {
            'registry.lab.example.net..5000': '# none\n',
            'ca-bundle.crt': '# "none" <here> & there\n',
          });
    known.set(placeOf(made), made);
    added.push({ object: made });
    return made;
  };
  const deployments = [openshiftApi, oauthApi].map((api): StoredObject => {
    // Content of our own: texts in ConfigMaps, bytes in Secrets.
    const dependencies = dependencyAnnotations(api, (kind, place) =>
      dependencyHash(find(kind, place)['data'] as Record<string, string | Buffer>),
    );
    const annotations = sorted({
      ...api.annotations,
      ...dependencies,
      ...api.own,
      'deployment.kubernetes.io/revision': '4',
      [specHashAnnotation]: specHashOf(api, seed, now, dependencies, options),
    });
    return {
      object: objects.make(
        'Deployment',
        'apps/v1',
        `${api.namespace}/apiserver`,
        { spec: storedDeploymentSpec(api.spec(seed, now, { ...api.annotations, ...dependencies })), status: ready },
        { annotations, labels: api.labels, manager: 'cluster-openshift-apiserver-operator' },
      ),
    };
  });
  return { objects: [...added, ...deployments, operator(objects)], files: [] };
}

const ready = { observedGeneration: 4, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 };
const placeOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

/** It names the image with which the API server's endpoints are checked. The version operator keeps no hash of it. */
function operator(objects: ObjectMaker): StoredObject {
  const name = 'openshift-apiserver-operator';
  const env = [
    { name: 'IMAGE', value: operatorImage },
    { name: 'KUBE_APISERVER_OPERATOR_IMAGE', value: operatorImage },
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  ];
  const spec = {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [{ name, image: operatorImage, command: [name, 'operator'], env }],
        serviceAccountName: name,
      },
    },
    strategy: { type: 'Recreate' },
  };
  return {
    object: objects.make(
      'Deployment',
      'apps/v1',
      `${name}/${name}`,
      { spec: storedDeploymentSpec(spec), status: ready },
      { labels: { app: name }, manager: 'cluster-version-operator' },
    ),
  };
}
