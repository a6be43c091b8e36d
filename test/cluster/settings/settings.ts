import type { Content, StoredObject } from '../content.ts';
import { domainOf, type Identity } from '../identity.ts';
import type { ObjectMaker } from '../objects.ts';
import { monitoringHash } from './hashes.ts';
import { asksForProxy, observedProxy, proxyEnvText, statusOf } from './proxy-env.ts';
import { hashedName, layOutTrust, mergedBundle, type BundlePlaces } from './trust.ts';
import { layOutWorkloads, type WorkloadOptions } from './workloads.ts';

/*
 * The parts of the cluster that options of settings edit, as templates of two identities: what a table changes is written from `now`, what it
 * leaves is written from `seed`. With now = seed it is the cluster as generated; else what is expected of it.
 *
 * INVARIANTS
 * - A field of `now` that equals the seed's is an option that was not given.
 * - What the seed does not have, `now` does not bring: such an option is refused.
 * - The same number of objects is made under every identity, so that those after them keep their uids.
 */

export type SettingsOptions = WorkloadOptions & {
  /** The authorities of the system. */ readonly publicCas: string;
  readonly bundles: BundlePlaces;
};

export function layOutSettings(
  seed: Identity,
  now: Identity,
  objects: ObjectMaker,
  { publicCas, bundles, ...workloads }: SettingsOptions,
): Content {
  const staleHash = monitoringHash(mergedBundle(seed, seed, publicCas));
  const trust = layOutTrust(seed, now, objects, publicCas, bundles);
  const certManager = layOutCertManager(seed, now, objects);
  return {
    objects: [
      ...kubeadmin(seed, now, objects),
      ...proxyObjects(seed, now, objects),
      ...trust.objects,
      ...layOutWorkloads(seed, now, objects, (component) => hashedName(component, staleHash), workloads),
      ...certManager,
      {
        object: objects.secret(
          'openshift-config/pull-secret',
          { '.dockerconfigjson': now.pullSecret },
          { type: 'kubernetes.io/dockerconfigjson' },
        ),
      },
    ],
    files: [
      ...trust.files,
      { path: '/var/lib/kubelet/config.json', text: now.pullSecret, mode: 0o600 },
      // A copy below the kubelet's folder, in the volume of a pod.
      {
        path: '/var/lib/kubelet/pods/0b8e1f2a-6c1d-4f7e-9d55-3a1c0de0c0de/volumes/kubernetes.io~secret/registry-auth/config.json',
        text: now.pullSecret,
        mode: 0o644,
      },
      { path: '/etc/mco/proxy.env', text: proxyEnvText(seed, now), mode: 0o644 },
      // What the file was before the machine-config daemon first wrote it.
      { path: '/etc/machine-config-daemon/orig/etc/mco/proxy.env.mcdorig', text: proxyEnvText(seed, now), mode: 0o644 },
      { path: '/etc/chrony.conf', text: now.chrony, mode: 0o644 },
    ],
  };
}

/** kubeadmin/password */
function kubeadmin(seed: Identity, now: Identity, objects: ObjectMaker): StoredObject[] {
  if (seed.kubeadminHash === undefined) return [];
  const object = objects.secret('kube-system/kubeadmin', { kubeadmin: now.kubeadminHash ?? '' });
  return now.kubeadminHash === undefined || now.kubeadminHash === '' ? [] : [{ object }];
}

/** proxy/object, proxy/observed. Operators leave out what is empty; the edit sets all three. Names stand in order. */
function proxyObjects(seed: Identity, now: Identity, objects: ObjectMaker): StoredObject[] {
  const { proxy } = asksForProxy(seed, now) ? now : seed;
  const named = ({
    http,
    https,
    no,
  }: {
    readonly http: string;
    readonly https: string;
    readonly no: string;
  }): object => {
    const three = { httpProxy: http, httpsProxy: https, noProxy: no };
    return asksForProxy(seed, now)
      ? three
      : Object.fromEntries(Object.entries(three).filter(([, value]) => value !== ''));
  };
  const observed = observedProxy(seed, now);
  return [
    {
      object: objects.make('Proxy', 'config.openshift.io/v1', 'cluster', {
        spec: { ...named(proxy?.spec ?? statusOf(seed)), trustedCA: { name: seed.proxyTrustedCa?.configMap ?? '' } },
        status: named(proxy?.status ?? statusOf(seed)),
      }),
    },
    {
      object: objects.make('Storage', 'operator.openshift.io/v1', 'cluster', {
        spec: {
          logLevel: 'Normal',
          managementState: 'Managed',
          observedConfig: { targetconfig: observed === undefined ? {} : { proxy: observed } },
          operatorLogLevel: 'Normal',
        },
      }),
    },
  ];
}

/** cert-manager/names: rules meet whole names only, and only those of the certificate; requests go, as they name the old key. */
function layOutCertManager(seed: Identity, now: Identity, objects: ObjectMaker): StoredObject[] {
  const [was, is] = [domainOf(seed), domainOf(now)];
  const asks = was !== is || seed.hostname !== now.hostname || JSON.stringify(seed.ips) !== JSON.stringify(now.ips);
  const certificate = (place: string, spec: object): StoredObject => ({
    object: objects.make(
      'Certificate',
      'cert-manager.io/v1',
      place,
      {
        spec: {
          ...spec,
          issuerRef: { kind: 'ClusterIssuer', name: 'lab' },
          secretName: `${place.split('/')[1] ?? ''}-tls`,
        },
        status: { revision: 1 },
      },
      { manager: 'kubectl' },
    ),
  });
  const certificates = [
    certificate('openshift-config/api', {
      commonName: `api.${is}`,
      dnsNames: [`api.${is}`, `api-int.${is}`, `prefix.${was}`, `${was}.suffix`, now.hostname, 'unrelated.example.org'],
      ipAddresses: [...seed.ips],
    }),
    certificate('openshift-ingress/apps', {
      dnsNames: [`*.apps.${is}`, `console.apps.${was}`],
      uris: [`https://api.${was}`],
    }),
    certificate('customer-workload/names', { commonName: `shop.${was}` }),
  ];
  const requests = ['openshift-config/api-1', 'openshift-ingress/apps-1'].map((place): StoredObject => ({
    object: objects.make('CertificateRequest', 'cert-manager.io/v1', place, {
      spec: { issuerRef: { kind: 'ClusterIssuer', name: 'lab' }, request: Buffer.from(`a request of ${place}`) },
      status: {},
    }),
  }));
  return asks ? certificates : [...certificates, ...requests];
}
