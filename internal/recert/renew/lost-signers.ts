import { childrenOf, tlvAt } from '../../pki/der.ts';
import { nameText } from '../../pki/names.ts';
import type { Sighting } from '../find/scan.ts';

/** As the installer names its authorities: the common name and one unit, nothing of a company. */
const byInstaller = (name: string): RegExp => new RegExp(`^CN=${name}(?:, OU=openshift)?$`);

/**
 * Authorities of a cluster whose private half is not on it: the installer threw it away, or an operator has rotated it and the old certificate
 * still stands in a bundle. A new key takes their place, because the cluster trusts them in places that it fills itself.
 *
 * Name and place have to agree: another cluster's authorities (a hub's) bear the same names, and a company's root may be called root-ca. What
 * stands in a place that people fill is theirs, whatever operators have copied it into.
 */
const signers: readonly { readonly subject: RegExp; readonly anywhere?: true; readonly why: string }[] = [
  { subject: byInstaller('admin-kubeconfig-signer'), why: 'its key leaves with the kubeconfig of the installation' },
  { subject: byInstaller('kubelet-bootstrap-kubeconfig-signer'), why: 'its key is thrown away by the installer' },
  {
    subject: byInstaller('root-ca'),
    why: 'the authority of the machine-config server; releases before 4.19 throw its key away',
  },
  {
    subject: byInstaller('kube-apiserver-(?:lb|localhost|service-network)-signer'),
    why: 'kept outside by who keeps kubeconfigs valid',
  },
  {
    subject: byInstaller('(?:kube-control-plane|kube-apiserver-to-kubelet|aggregator|kubelet|etcd|etcd-metric)-signer'),
    why: 'the first ones; a rotation keeps the certificate in its bundle and not the key',
  },
  { subject: /^CN=kube-csr-signer_@\d+$/, why: 'rotated each month' },
  { subject: /^CN=openshift-service-serving-signer@\d+$/, why: 'rotated; the old one stays trusted for a while' },
  { subject: /^CN=ingress-operator@\d+$/, why: 'made anew when its Secret is removed' },
  { subject: /^CN=openshift-[a-z-]+_[a-z0-9-]+@\d+$/, why: 'what operators make and rotate: NAMESPACE_SECRET@TIME' },
  {
    // Nobody else makes such a name; OLM throws the key away when it has signed, and installs operators into any namespace.
    subject: /^CN=olm-selfsigned-[0-9a-f]{10,32}(?:, O=[^,]*(?:, Inc\.)?)?$/,
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
  'openshift-machine-config-operator',
  'openshift-network-node-identity',
  'openshift-operator-lifecycle-manager',
  'openshift-ovn-kubernetes',
  'openshift-service-ca',
]);

/** The objects of a namespace that people fill which the installer and operators fill. */
const ownObjects =
  /^openshift-config\/(?:admin-kubeconfig-client-ca|initial-kube-apiserver-server-ca|etcd-(?:ca-bundle|client|serving-ca|metric-client|metric-serving-ca)|webhook-authentication-integrated-oauth)$/;

/** What operators copy of a person's there: the API server's named certificates and client CA, the router's, trust bundles, an identity provider's. */
const copiesOfOthers =
  /^(?:user-serving-cert(?:-\d+)?|user-client-ca(?:-\d+)?|default-ingress-cert|router-certs|.*trusted-ca.*|.*user-ca-bundle|v4-0-config-user-.*)$/;

const objectKey = /^etcd:\/kubernetes\.io\/(?:secrets|configmaps)\/([^/]+)\/([^/]+)$/;

/** Files that operators lay down for the static pods, by the object that they hold, and what the node itself keeps. */
const objectFile = /\/static-pod-resources\/[^/]+\/(?:secrets|configmaps)\/([^/]+)\//;
const nodeFile =
  /(?:\/kubernetes\/(?:ca\.crt|kubelet-ca\.crt|kubeconfig)|\/kubelet\/(?:kubeconfig|pki\/[^/]+)|\/currentconfig|\/mcs-machine-config-content\.json)$/;

type Place = 'own' | 'of others' | 'neither';

/** Whose a place is: one that the cluster fills itself; one that people fill, or that holds a copy of theirs; or one that tells nothing. */
function placeOf({ place: { document } }: Sighting): Place {
  const [, namespace, name] = objectKey.exec(document) ?? [];
  if (namespace !== undefined && name !== undefined) {
    if (ownObjects.test(`${namespace}/${name}`)) return 'own';
    if (namespace === 'openshift-config' || copiesOfOthers.test(name)) return 'of others';
    return ownNamespaces.has(namespace) ? 'own' : 'neither';
  }
  if (document.startsWith('etcd:')) return /\/controllerconfigs\//.test(document) ? 'own' : 'neither';
  const [, object] = objectFile.exec(document) ?? [];
  if (object !== undefined) return copiesOfOthers.test(object) ? 'of others' : 'own';
  return nodeFile.test(document) ? 'own' : 'neither';
}

/**
 * Whether an authority of this name, which is trusted or has signed in these places, is one of the cluster's without a key.
 *
 * @param name the authority's whole name, in DER
 */
export function isLostSigner(name: Uint8Array, sightings: readonly Sighting[]): boolean {
  const subject = nameText(name);
  const known = signers.find((one) => one.subject.test(subject));
  // Attributes that are not shown are a company's.
  const shown = [...subject.matchAll(/(?:^|, )[A-Z]+=/g)].length;
  if (known === undefined || childrenOf(name, tlvAt(name)).length !== shown) return false;
  if (known.anywhere === true) return true;
  const places = new Set(sightings.map(placeOf));
  return places.has('own') && !places.has('of others');
}
