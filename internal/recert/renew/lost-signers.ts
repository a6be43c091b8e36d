import type { Sighting } from '../find/scan.ts';

/**
 * Authorities of a cluster whose private half is not on it: the installer threw it away, or an operator has rotated it and the old certificate
 * still stands in a bundle. A new key takes their place, because the cluster trusts them in places that it fills itself.
 *
 * Name and place have to agree: another cluster's authorities (a hub's) bear the same names, and a company's root may be called root-ca.
 */
const names: readonly { readonly commonName: RegExp; readonly anywhere?: true; readonly why: string }[] = [
  { commonName: /^admin-kubeconfig-signer$/, why: 'its key leaves with the kubeconfig of the installation' },
  { commonName: /^kubelet-bootstrap-kubeconfig-signer$/, why: 'its key is thrown away by the installer' },
  {
    commonName: /^root-ca$/,
    why: 'the authority of the machine-config server; releases before 4.19 throw its key away',
  },
  {
    commonName: /^kube-apiserver-(?:lb|localhost|service-network)-signer$/,
    why: 'kept outside by who keeps kubeconfigs valid',
  },
  {
    commonName: /^(?:kube-control-plane|kube-apiserver-to-kubelet|aggregator|kubelet|etcd|etcd-metric)-signer$/,
    why: 'the first ones; a rotation keeps the certificate in its bundle and not the key',
  },
  { commonName: /^kube-csr-signer_@\d+$/, why: 'rotated each month' },
  { commonName: /^openshift-service-serving-signer@\d+$/, why: 'rotated; the old one stays trusted for a while' },
  { commonName: /^ingress-operator@\d+$/, why: 'made anew when its Secret is removed' },
  { commonName: /^openshift-[a-z-]+_[a-z0-9-]+@\d+$/, why: 'what operators make and rotate: NAMESPACE_SECRET@TIME' },
  {
    // Nobody else makes such a name; OLM throws the key away when it has signed, and installs operators into any namespace.
    commonName: /^olm-selfsigned-[0-9a-f]{10,32}$/,
    anywhere: true,
    why: 'signs the certificate of one webhook or API service',
  },
];

/** Namespaces whose Secrets and ConfigMaps operators fill, and no person. */
const ownNamespaces = new Set([
  'kube-system',
  'openshift-config-managed',
  'openshift-etcd',
  'openshift-etcd-operator',
  'openshift-ingress-operator',
  'openshift-kube-apiserver',
  'openshift-kube-apiserver-operator',
  'openshift-kube-controller-manager',
  'openshift-kube-controller-manager-operator',
  'openshift-kube-scheduler',
  'openshift-kube-scheduler-operator',
  'openshift-machine-api',
  'openshift-machine-config-operator',
  'openshift-network-node-identity',
  'openshift-operator-lifecycle-manager',
  'openshift-ovn-kubernetes',
  'openshift-service-ca',
]);

/** The one object of a namespace that people fill which an operator fills. */
const ownObjects = new Set(['openshift-config/admin-kubeconfig-client-ca']);

/** What operators copy of a person's there: the API server's named certificates, the router's, trust bundles, an identity provider's. */
const copiesOfOthers =
  /^(?:user-serving-cert(?:-\d+)?|default-ingress-cert|router-certs|.*trusted-ca.*|.*user-ca-bundle|v4-0-config-user-.*)$/;

const objectKey = /^etcd:\/kubernetes\.io\/(?:secrets|configmaps)\/([^/]+)\/([^/]+)$/;

/** Whether a place is one that the cluster fills itself, and not with what others made. */
function isOwnPlace({ place: { document }, whose }: Sighting): boolean {
  if (whose !== 'cluster') return false;
  const [, namespace, name] = objectKey.exec(document) ?? [];
  // Webhooks, API services and the machine configuration's own are filled by operators; files are those of the folders that were given.
  if (namespace === undefined || name === undefined) return true;
  return ownObjects.has(`${namespace}/${name}`) || (ownNamespaces.has(namespace) && !copiesOfOthers.test(name));
}

/** Whether an authority of these common names, which is trusted or has signed in these places, is one of the cluster's without a key. */
export function isLostSigner(commonNames: readonly string[], sightings: readonly Sighting[]): boolean {
  const [commonName, ...more] = commonNames;
  if (commonName === undefined || more.length > 0) return false;
  const known = names.find((one) => one.commonName.test(commonName));
  return known !== undefined && (known.anywhere === true || sightings.some(isOwnPlace));
}
