import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { decrypt, type Provider } from '../../internal/wire/encryption.ts';
import { providersIn } from './at-rest.ts';
import type { Cluster } from './cluster.ts';
import type { Fate } from './fates.ts';
import { findingsIn, type Finding } from './findings.ts';
import type { Inventory, InventoryPlace } from './inventory.ts';

/** What stands in the documents of a cluster that the inventory names, read at one moment. */
export type Evidence = ReadonlyMap<string, readonly Finding[]>;

/** Documents that recert is not told of: files of the node outside of the folders that the caller mounts for it. */
export function isOutside(document: string): boolean {
  return (
    document.startsWith('file:') &&
    !/^file:\/(?:kubelet|kubernetes|machine-config-daemon)\/|^file:\/etc\/mcs-machine-config-content\.json$/.test(
      document,
    )
  );
}

/**
 * Reads every document of the inventory. A missing one has no findings. `fate` says what a document is called now, or that it is gone on
 * purpose: then it is left out. Documents keep the names of the inventory, and findings their indexes.
 */
export async function gatherEvidence(
  cluster: Pick<Cluster, 'endpoint' | 'root' | 'inventory'>,
  fate: (document: string) => Fate | undefined = (name) => ({ name }),
): Promise<Evidence> {
  const wanted = new Map(
    documentsOf(cluster.inventory).flatMap((document) => {
      const now = fate(document);
      return now === undefined ? [] : [[now.name, { document, order: now.order }] as const];
    }),
  );
  const evidence = new Map<string, readonly Finding[]>([...wanted.values()].map(({ document }) => [document, []]));
  const note = (name: string, bytes: Uint8Array): void => {
    const found = wanted.get(name);
    if (found === undefined) return;
    const findings = findingsIn(bytes);
    evidence.set(
      found.document,
      found.order?.length === findings.length
        ? findings
            .map((_, index) => findings[found.order?.indexOf(index) ?? index])
            .filter((finding) => finding !== undefined)
        : findings,
    );
  };
  for await (const { key, clear } of clearValues(cluster)) note(`etcd:${key}`, clear);
  for (const name of wanted.keys()) {
    if (name.startsWith('file:'))
      note(name, await readFile(join(cluster.root, name.slice('file:'.length))).catch(() => Buffer.alloc(0)));
  }
  return evidence;
}

/** Every value of etcd, by key; encrypted ones opened with the keys that the node and its Secrets hold now. */
export async function* clearValues({
  endpoint,
  root,
}: Pick<Cluster, 'endpoint' | 'root'>): AsyncGenerator<{ readonly key: string; readonly clear: Uint8Array }> {
  const kube = await kubeProviders(root);
  await using etcd = await openEtcd(endpoint);
  const others = await Promise.all(
    ['openshift-apiserver', 'openshift-oauth-apiserver'].map(async (name) => {
      const key = `/kubernetes.io/secrets/${name}/encryption-config`;
      const entry = await etcd.get(key);
      const found =
        entry === undefined
          ? null
          : /\{"kind".*\}/.exec(Buffer.from(decrypt(entry.value, key, kube)).toString('latin1'));
      return found === null ? [] : providersIn(found[0]);
    }),
  );
  const providers = [...kube, ...others.flat()];
  for await (const { key, value } of etcd.list('')) yield { key, clear: decrypt(value, key, providers) };
}

export function findingAt(evidence: Evidence, { document, index }: InventoryPlace): Finding | undefined {
  return evidence.get(document)?.[index];
}

function documentsOf({ pairs, tokenKeys, otherAt }: Inventory): string[] {
  const places = [
    ...pairs.flatMap(({ certificateAt, keyAt }) => [...certificateAt, ...keyAt]),
    ...tokenKeys.flatMap(({ keyAt, publicAt, tokenAt }) => [...keyAt, ...publicAt, ...tokenAt]),
    ...otherAt,
  ];
  return [...new Set(places.map(({ document }) => document))];
}

/** The kube-apiserver's keys stand in the files of its static pod: nothing in etcd opens its own values. */
async function kubeProviders(root: string): Promise<Provider[]> {
  const providers: Provider[] = [];
  for await (const path of glob(
    'kubernetes/static-pod-resources/kube-apiserver-pod-*/secrets/encryption-config/encryption-config',
    { cwd: root },
  ))
    providers.push(...providersIn(await readFile(join(root, path), 'utf8')));
  return providers;
}
