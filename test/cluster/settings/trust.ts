import { anchorPath, userCaBundleOf } from './ignition.ts';
import type { Content, FileContent, StoredObject } from '../content.ts';
import type { Identity } from '../identity.ts';
import type { ObjectMaker } from '../objects.ts';
import { monitoringHash } from './hashes.ts';

/** Where the bundle of all trusted authorities stands: the ConfigMaps (`namespace/name`) and files of a size of the cluster. */
export type BundlePlaces = { readonly configMaps: readonly string[]; readonly files: readonly string[] };

const merged = 'openshift-config-managed/trusted-ca-bundle';
const cloud = 'openshift-cloud-controller-manager/ccm-trusted-ca';

/** Components of monitoring that keep copies under the hash of their content. */
const hashed = ['alertmanager', 'prometheus', 'thanos-querier'] as const;

/**
 * Whether option `proxy_trusted_ca_bundle` is given. A shared bundle that is given as `user_ca_bundle` alone does not ask for it; and the name
 * of another ConfigMap is refused.
 */
export function asksForProxyTrust({ proxyTrustedCa: was }: Identity, { proxyTrustedCa: is }: Identity): boolean {
  return was !== undefined && is?.configMap === was.configMap && is.bundle !== was.bundle;
}

const bundleOf = ({ proxyTrustedCa, userCaBundle }: Identity): string =>
  (proxyTrustedCa?.configMap === 'user-ca-bundle' ? userCaBundle : proxyTrustedCa?.bundle) ?? '';

/** The bundle of the ConfigMap that Proxy/cluster names, as expected under `now`; empty without one. */
export const proxyBundleOf = (seed: Identity, now: Identity): string =>
  bundleOf(asksForProxyTrust(seed, now) ? now : seed);

/** Custom authorities directly followed by those of the system: what the network operator makes of both. */
export const mergedBundle = (seed: Identity, now: Identity, publicCas: string): string =>
  proxyBundleOf(seed, now) + publicCas;

/** Name of a hashed ConfigMap, as Prometheus and its kin mount it. */
export const hashedName = (component: (typeof hashed)[number], hash: string): string =>
  `${component}-trusted-ca-bundle-${hash}`;

/** Everything that holds a bundle of authorities, custom or merged. */
export function layOutTrust(
  seed: Identity,
  now: Identity,
  objects: ObjectMaker,
  publicCas: string,
  places: BundlePlaces,
): Content {
  const bundle = mergedBundle(seed, now, publicCas);
  const stale = mergedBundle(seed, seed, publicCas);
  const configMap = (
    place: string,
    data: Readonly<Record<string, string>>,
    labels?: Readonly<Record<string, string>>,
    was = place,
  ): StoredObject => ({
    object: objects.make(
      'ConfigMap',
      'v1',
      place,
      { data },
      {
        uid: objects.uidOf('ConfigMap', was),
        ...(labels === undefined ? {} : { labels }),
        annotations: { 'openshift.io/owning-component': 'Networking / cluster-network-operator' },
      },
    ),
  });
  const injected = (value: string): Record<string, string> => ({
    'config.openshift.io/inject-trusted-cabundle': value,
  });

  const hash = monitoringHash(bundle);

  const stored = [...new Set([...places.configMaps, merged, cloud])].map((place) =>
    configMap(place, { 'ca-bundle.crt': bundle }, place === merged || place === cloud ? undefined : injected('true')),
  );
  stored.push(
    // Any value of the label counts; other data of such a ConfigMap does not.
    configMap(
      'customer-workload/injected-ca',
      { README: 'filled by the cluster', 'ca-bundle.crt': bundle, 'zz-own.crt': stale },
      { app: 'customer', ...injected('') },
    ),
    // A copy that somebody made is his own.
    configMap('customer-workload/copied-ca', { 'ca-bundle.crt': stale }, { app: 'customer' }),
    configMap('openshift-controller-manager/openshift-user-ca', { 'ca-bundle.crt': proxyBundleOf(seed, now) }),
    ...hashed.map((component) =>
      configMap(
        `openshift-monitoring/${hashedName(component, hash)}`,
        { 'ca-bundle.crt': bundle },
        {
          'app.kubernetes.io/managed-by': 'cluster-monitoring-operator',
          'monitoring.openshift.io/hash': hash,
          'monitoring.openshift.io/name': component,
        },
        `openshift-monitoring/${hashedName(component, monitoringHash(stale))}`,
      ),
    ),
    // Look like one of them by half their name, and are none.
    configMap('openshift-monitoring/trusted-ca-bundle-notes', { notes: 'who asked for which authority\n' }),
    configMap('customer-workload/thanos-trusted-ca-bundle-1abc', { 'ca-bundle.crt': stale }, { app: 'customer' }),
  );
  const user = userCaBundleOf(seed, now);
  const proxyMap = seed.proxyTrustedCa?.configMap;
  if (user !== undefined) stored.push(configMap('openshift-config/user-ca-bundle', { 'ca-bundle.crt': user }));
  if (proxyMap !== undefined && proxyMap !== 'user-ca-bundle')
    stored.push(configMap(`openshift-config/${proxyMap}`, { 'ca-bundle.crt': proxyBundleOf(seed, now) }));

  const apiServers =
    '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/configmaps/trusted-ca-bundle/ca-bundle.crt';
  const files = [...new Set([apiServers, ...places.files])].map((path): FileContent => ({
    path,
    text: path.endsWith('/configmaps/trusted-ca-bundle/ca-bundle.crt') ? bundle : stale,
    mode: 0o600,
  }));
  return {
    objects: stored,
    files: [...files, ...(user === undefined ? [] : [{ path: anchorPath, text: user, mode: 0o644 }])],
  };
}
