import { dependencyHash } from '../rollout/dependency-hash.ts';
import { findSpecForm, specHashOf, type SpecForm } from '../rollout/spec-hash.ts';
import type { Change } from './change.ts';
import type { Cluster } from './cluster.ts';
import type { Editor } from './editor.ts';
import { configMap, deployment, secret } from './keys.ts';
import { changeOf, inDocument, type Reads, type Step } from './step.ts';

/** The hashes by which two operators tell whether a Deployment is the one they want. */

const workloads = ['openshift-apiserver', 'openshift-oauth-apiserver'].map((namespace) =>
  deployment(namespace, 'apiserver'),
);
export const rolloutReads: Reads = { objects: workloads };

const specHash = ['metadata', 'annotations', 'operator.openshift.io/spec-hash'];
const annotationMaps = [
  ['metadata', 'annotations'],
  ['spec', 'template', 'metadata', 'annotations'],
];
const dependency = /^operator\.openshift\.io\/dep-([^.]+)\.([^.]+)\.([^.]+)$/;

/** @param seed the Deployments as they were found: what the annotations name is read, and the form of the hash is learned from them */
export function rolloutSteps(seed: Cluster): Step[] {
  return workloads.flatMap((key) => {
    const named = inDocument('etcd', key, () => seed.object(key)?.keysAt(annotationMaps[0] ?? []) ?? []).flatMap(
      (name) => dependencyOf(String(name)) ?? [],
    );
    const form = formOf(seed, key);
    return [
      {
        row: 'hash/dependencies',
        reads: { objects: [key, ...named] },
        changes: (cluster, say) => [dependencies(cluster, key, say)],
      },
      {
        row: 'hash/spec',
        reads: { objects: [key] },
        changes: (cluster, say) => specHashes(cluster, key, form, say),
      },
    ] satisfies Step[];
  });
}

/** The key of the object that an annotation is about. A name with a dot has none: the annotation could not say which part is which. */
function dependencyOf(annotation: string): string | undefined {
  const [, namespace = '', name = '', kind] = dependency.exec(annotation) ?? [];
  if (kind === 'secret') return secret(namespace, name);
  return kind === 'configmap' ? configMap(namespace, name) : undefined;
}

function dependencies(cluster: Cluster, key: string, say: (fact: string) => void): Change {
  return changeOf(cluster, key, (workload) => {
    for (const map of annotationMaps) {
      for (const name of workload.keysAt(map).map(String)) {
        const from = dependencyOf(name);
        if (from === undefined) {
          if (dependency.test(name))
            say(`annotation "${name}" of "${key}" is of no Secret or ConfigMap and is left as it is`);
          continue;
        }
        workload.replace([...map, name], hashOf(cluster, from, workload));
      }
    }
  });
}

function hashOf(cluster: Cluster, key: string, workload: Editor): string {
  const object = cluster.object(key);
  const hash = object === undefined ? undefined : dependencyHash(object.bytes);
  return (
    hash ??
    workload.fail(
      [],
      object === undefined
        ? `has an annotation of "${key}", which is not there`
        : `has an annotation of "${key}", which is no Secret or ConfigMap`,
    )
  );
}

/** How the seed's hash was made; undefined where it has none. */
function formOf(seed: Cluster, key: string): SpecForm | 'unknown' | undefined {
  const found = seed.object(key);
  return found?.textAt(specHash) === undefined ? undefined : (findSpecForm(found.bytes) ?? 'unknown');
}

/** The hash of the renamed Deployment, made as the seed's own was. One that cannot be reproduced is left: its operator rolls out once. */
function specHashes(
  cluster: Cluster,
  key: string,
  form: SpecForm | 'unknown' | undefined,
  say: (fact: string) => void,
): Change[] {
  const after = cluster.object(key);
  if (form === undefined || after === undefined) return [];
  if (form === 'unknown') {
    say(`the annotation spec-hash of "${key}" cannot be reproduced and is left as it is; expect one rollout of it`);
    return [];
  }
  return [
    changeOf(cluster, key, (workload) => {
      workload.replace(specHash, specHashOf(after.bytes, form));
    }),
  ];
}
