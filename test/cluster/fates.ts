import { askedFor, type Asked } from './configuration.ts';
import type { Identity } from './identity.ts';

/** What a run removes, by prefixes of keys below `/kubernetes.io/` (or whole keys, with `$`), with the step and the row. */
export const deletions: readonly {
  readonly row: `${string}/${string}`;
  readonly when: 'always' | keyof Asked;
  readonly prefixes: readonly string[];
}[] = [
  {
    row: 'always/removals',
    when: 'always',
    prefixes: ['leases/', 'secrets/openshift-kube-apiserver/node-kubeconfigs$'],
  },
  { row: 'ip/removals', when: 'ip', prefixes: ['pods/', 'minions', 'services/endpoints/', 'endpointslices/'] },
  {
    row: 'domain/removals',
    when: 'rename',
    prefixes: [
      'certificatesigningrequests/',
      'tuned.openshift.io/profiles',
      'csinodes/',
      'ptp.openshift.io/nodeptpdevices/',
      'minions/',
      'sriovnetwork.openshift.io/sriovnetworknodestates/',
      'events/',
      'services/endpoints/',
      'endpointslices/',
      'configmaps/openshift-ptp/ptp-configmap',
      'pods/',
      'replicasets/',
      'daemonsets/openshift-ovn-kubernetes/ovnkube-node',
    ],
  },
  {
    row: 'domain/late-removals',
    when: 'rename',
    prefixes: [
      ...[
        'openshift-machine-config-operator/machine-config-server-',
        'openshift-monitoring/alertmanager-main-',
        'openshift-monitoring/prometheus-k8s-',
        'openshift-multus/multus-additional-cni-plugins-',
        'openshift-multus/multus-',
        'openshift-ovn-kubernetes/ovnkube-node-',
      ].map((name) => `controllerrevisions/${name}`),
      'controlplane.operator.openshift.io/podnetworkconnectivitychecks/',
      'configmaps/openshift-kube-controller-manager/cluster-policy-controller-lock',
      'apiserver.openshift.io/apirequestcounts/',
    ],
  },
  { row: 'cert-manager/names', when: 'rules', prefixes: ['cert-manager.io/certificaterequests/'] },
];

const isMeant = (key: string, prefix: string): boolean =>
  prefix.endsWith('$') ? key === `/kubernetes.io/${prefix.slice(0, -1)}` : key.startsWith(`/kubernetes.io/${prefix}`);

/** True for a key that a run with these options deletes. */
export function isDeleted(key: string, asked: Asked): boolean {
  return deletions.some(
    ({ when, prefixes }) => (when === 'always' || asked[when]) && prefixes.some((prefix) => isMeant(key, prefix)),
  );
}

/** The row that deletes a key under other options. */
export const deletedOtherwise = (key: string): string | undefined =>
  deletions.find(({ prefixes }) => prefixes.some((prefix) => isMeant(key, prefix)))?.row;

/** `name`: what a document is called after a run. `order`: the index that each of its findings had before, where the order is another. */
export type Fate = { readonly name: string; readonly order?: readonly number[] };

/**
 * The fate of a document (`etcd:KEY`, `file:/PATH`); undefined when it is gone. The hashed bundles of monitoring count as gone where their
 * content changes: their new names follow from it (`bundleFaults` of the settings looks for them).
 */
export function fatesOf(seed: Identity, now: Identity): (document: string) => Fate | undefined {
  const asked = askedFor(seed, now);
  const bundles =
    JSON.stringify([seed.proxyTrustedCa, seed.userCaBundle]) !== JSON.stringify([now.proxyTrustedCa, now.userCaBundle]);
  const member = new RegExp(
    `^(etcd:/kubernetes\\.io/secrets/openshift-etcd/etcd-(?:peer|serving|serving-metrics)-|file:/.*/etcd-all-certs/etcd-(?:peer|serving|serving-metrics)-)${RegExp.escape(seed.hostname)}(\\.crt|\\.key|)$`,
  );
  // Entries of a Secret stand in the order of their names, which the host name decides.
  const entries = ({ hostname }: Identity): string[] =>
    ['etcd-peer', 'etcd-serving', 'etcd-serving-metrics']
      .flatMap((kind) => ['.crt', '.key'].map((ending) => `${kind}-${hostname}${ending}`))
      .sort();
  const before = entries(seed);
  const order = entries(now).map((name) => before.indexOf(name.replace(now.hostname, seed.hostname)));
  return (document) => {
    if (document.startsWith('etcd:') && isDeleted(document.slice('etcd:'.length), asked)) return undefined;
    if (
      bundles &&
      /^etcd:\/kubernetes\.io\/configmaps\/openshift-monitoring\/[a-z-]+-trusted-ca-bundle-[0-9a-v]+$/.test(document)
    )
      return undefined;
    const name = document.replace(member, (_, head: string, tail: string) => `${head}${now.hostname}${tail}`);
    return /^etcd:\/kubernetes\.io\/secrets\/openshift-etcd\/etcd-all-certs(?:-\d+)?$/.test(document)
      ? { name, order }
      : { name };
  };
}
