import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster.ts';
import { mountedPath, type Content } from '../content.ts';
import { clearValues } from '../evidence.ts';
import type { Identity } from '../identity.ts';
import { objectMaker } from '../objects.ts';
import { seeded } from '../seeded.ts';
import { etcdKeyOf } from '../stored.ts';
import { dependencyHash, monitoringHash, olmCaHash } from './hashes.ts';
import { oauthApi, openshiftApi } from './manifests.ts';
import { dependencyAnnotations, specHashAnnotation, specHashOf, type RolloutOptions } from './rollouts.ts';
import { mapAt, objectBytes } from './stored-fields.ts';
import { layOutTrust, type BundlePlaces } from './trust.ts';

/*
 * Judges of what cannot be compared with an expected text: hashes follow from renewed certificates, and where texts are compared the
 * certificates in them are masked. Both read etcd and the files as they are, and work out by themselves what should stand there.
 */

type Values = ReadonlyMap<string, Uint8Array>;
type Running = Pick<Cluster, 'endpoint' | 'root'>;

async function valuesOf(cluster: Running): Promise<Values> {
  const values = new Map<string, Uint8Array>();
  for await (const { key, clear } of clearValues(cluster)) values.set(key, clear);
  return values;
}

/** Members of the metadata by their field numbers; everything judged here is stored as protobuf. */
const [labels, annotations] = [
  [1, 11],
  [1, 12],
] as const;
const templateAnnotations = [2, 3, 1, 12] as const;

function textsAt(values: Values, key: string, path: readonly number[]): Record<string, Buffer> {
  const object = objectBytes(values.get(key) ?? Buffer.alloc(0));
  return object === undefined ? {} : mapAt(object, path);
}

/**
 * One line for each annotation or label that is not the hash of what it names: of the API servers' dependencies (on the object and on its
 * template) and specs, of the package server's CA, of monitoring's copies of the bundle. `now` is the identity after the run.
 */
export async function hashFaults(
  cluster: Running,
  seed: Identity,
  now: Identity,
  options: RolloutOptions = {},
): Promise<string[]> {
  const values = await valuesOf(cluster);
  const faults: string[] = [];
  const expect = (key: string, what: string, is: Buffer | undefined, should: string): void => {
    if (is?.toString() !== should)
      faults.push(`${key}: ${what} is "${is?.toString() ?? ''}" and should be "${should}"`);
  };
  for (const api of [openshiftApi, oauthApi]) {
    const key = `/kubernetes.io/deployments/${api.namespace}/apiserver`;
    const dependencies = dependencyAnnotations(api, (kind, place) => {
      const named = `/kubernetes.io/${kind.toLowerCase()}s/${place}`;
      if (!values.has(named)) faults.push(`${named} is missing`);
      const data = textsAt(values, named, [2]);
      return dependencyHash(
        kind === 'Secret'
          ? data
          : Object.fromEntries(Object.entries(data).map(([name, text]) => [name, text.toString()])),
      );
    });
    for (const [path, where] of [
      [annotations, ''],
      [templateAnnotations, ' of the template'],
    ] as const) {
      const found = textsAt(values, key, path);
      for (const [name, hash] of Object.entries(dependencies)) expect(key, `${name}${where}`, found[name], hash);
    }
    expect(
      key,
      specHashAnnotation,
      textsAt(values, key, annotations)[specHashAnnotation],
      specHashOf(api, seed, now, dependencies, options),
    );
  }

  const service = JSON.parse(
    Buffer.from(
      values.get('/kubernetes.io/apiregistration.k8s.io/apiservices/v1.packages.operators.coreos.com') ?? '{}',
    ).toString(),
  ) as { spec?: { caBundle?: string } };
  const packages = '/kubernetes.io/secrets/openshift-operator-lifecycle-manager/packageserver-service-cert';
  expect(
    packages,
    'olmcahash',
    textsAt(values, packages, annotations)['olmcahash'],
    olmCaHash(Buffer.from(service.spec?.caBundle ?? '', 'base64')),
  );

  for (const key of values.keys()) {
    if (!key.startsWith('/kubernetes.io/configmaps/openshift-monitoring/')) continue;
    const label = textsAt(values, key, labels)['monitoring.openshift.io/hash'];
    if (label === undefined) continue;
    const hash = monitoringHash(textsAt(values, key, [2])['ca-bundle.crt']?.toString() ?? '');
    expect(key, 'its label', label, hash);
    expect(key, 'the end of its name', Buffer.from(key.split('-').at(-1) ?? ''), hash);
  }
  return faults;
}

/** One line for each trust bundle in etcd and files that is not, to the byte, what it should be under `now`, or that should be gone. */
export async function bundleFaults(
  cluster: Running,
  seed: Identity,
  now: Identity,
  publicCas: string,
  places: BundlePlaces,
): Promise<string[]> {
  const values = await valuesOf(cluster);
  const contentOf = (identity: Identity): Content =>
    layOutTrust(seed, identity, objectMaker(seeded('judge'), new Date(0)), publicCas, places);
  const keysOf = ({ objects }: Content): string[] =>
    objects.flatMap((stored) => ('object' in stored ? [etcdKeyOf(stored.object)] : []));
  const [before, expected] = [contentOf(seed), contentOf(now)];
  const wanted = new Set(keysOf(expected));
  const faults = keysOf(before)
    .filter((key) => !wanted.has(key) && values.has(key))
    .map((key) => `${key} should be gone`);
  for (const stored of expected.objects) {
    if (!('object' in stored)) continue;
    const key = etcdKeyOf(stored.object);
    const data = stored.object['data'] as Readonly<Record<string, string>>; // ConfigMaps of our own
    for (const [what, path, should] of [
      ['data', [2], data],
      ['labels', labels, stored.object.metadata.labels ?? {}],
    ] as const) {
      const found = textsAt(values, key, path);
      for (const name of new Set([...Object.keys(found), ...Object.keys(should)]))
        if (found[name]?.toString() !== should[name])
          faults.push(`${key}: "${name}" in its ${what} is not what it should be`);
    }
  }
  for (const file of expected.files) {
    const found = await readFile(join(cluster.root, mountedPath(file.path)), 'utf8').catch(() => undefined);
    if (!('text' in file) || found !== file.text) faults.push(`${file.path} is not what it should be`);
  }
  return faults;
}
