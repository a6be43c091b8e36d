import { nodeAddressesOf, type SeedManifest } from '../config/seed-manifest.ts';
import { machineNetworksOf, type SiteManifest } from '../config/site-manifest.ts';
import { proxiesOf } from './proxy.ts';

/** Who the host is once its network stands. */
export type NodeIdentity = { readonly hostname: string; readonly addresses: readonly string[] };

/** A key file of cert-manager, which keeps its key: named `CN=<common name>__…`. */
export type CertManagerKey = { readonly commonName: string; readonly file: string };

/** What lies in the working folder beside the manifest. */
export type KeyFiles = {
  /** Folder of the kubeconfig's keys; absent when the site gave none. */
  readonly kept?: { readonly folder: string; readonly ingressKey: string };
  readonly certManager: readonly CertManagerKey[];
};

/** Where recert finds the host: the reference runs it in a container that sees the host's folders elsewhere. */
export type RecertPlaces = {
  readonly etcd: string;
  readonly kubelet: string;
  readonly kubernetes: string;
  readonly machineConfigDaemon: string;
  readonly etc: string;
  readonly ssh: string;
};

export const placesInContainer: RecertPlaces = {
  etcd: 'localhost:2379',
  kubelet: '/kubelet',
  kubernetes: '/kubernetes',
  machineConfigDaemon: '/machine-config-daemon',
  etc: '/host-etc',
  ssh: '/ssh',
};

export const placesOnHost: RecertPlaces = {
  etcd: '127.0.0.1:2379',
  kubelet: '/var/lib/kubelet',
  kubernetes: '/etc/kubernetes',
  machineConfigDaemon: '/etc/machine-config-daemon',
  etc: '/etc',
  ssh: '/etc/ssh',
};

export const summaryFile = '/var/tmp/recert-summary.yaml';

/**
 * The configuration of recert for a site: keys in the reference's order, what is empty left out. It holds secrets.
 *
 * The machine networks are those in effect, also when an older installer gave the single value, which the reference forgets.
 */
export function recertConfigOf(
  site: SiteManifest,
  seed: SeedManifest,
  node: NodeIdentity,
  files: KeyFiles,
  places: RecertPlaces,
): Record<string, unknown> {
  const seedAddresses = nodeAddressesOf(seed);
  const networks = machineNetworksOf(site);
  const proxies = proxiesOf(site, seed);
  const folders = [places.kubelet, places.kubernetes, places.machineConfigDaemon];
  const machineConfig = `${places.etc}/mcs-machine-config-content.json`;
  const { userCaBundle } = site.additionalTrustBundle;
  return withoutEmpty({
    extend_expiration: true,
    etcd_endpoint: places.etcd,
    cluster_rename: [site.cluster_name, site.base_domain, ...(site.infra_id === '' ? [] : [site.infra_id])].join(':'),
    hostname: node.hostname === seed.sno_hostname ? '' : node.hostname,
    ip: isSame(node.addresses, seedAddresses) ? [] : node.addresses,
    proxy:
      proxies === undefined
        ? ''
        : [proxies.proxy, proxies.status]
            .flatMap(({ httpProxy, httpsProxy, noProxy }) => [httpProxy, httpsProxy, noProxy])
            .join('|'),
    install_config: site.install_config.reveal(),
    user_ca_bundle: userCaBundle,
    proxy_trusted_ca_bundle: proxyBundleOf(site),
    kubeadmin_password_hash: alwaysGiven(site.kubeadmin_password_hash.reveal()),
    summary_file_clean: summaryFile,
    crypto_dirs: folders,
    crypto_files: [machineConfig],
    cluster_customization_dirs: folders,
    cluster_customization_files: [machineConfig, `${places.etc}/mco/proxy.env`, `${places.etc}/chrony.conf`],
    cn_san_replace_rules: nameRules(site, seed, node, seedAddresses),
    use_key_rules: [
      ...keptKeyRules(files, seed),
      ...files.certManager.map(({ commonName, file }) => `${commonName} ${file}`),
    ],
    use_cert_rules: files.kept === undefined ? [] : [`${files.kept.folder}/${keptFiles.adminCa}`],
    pull_secret: site.pull_secret.reveal(),
    chrony_config: site.chrony_config,
    regenerate_server_ssh_keys: site.server_ssh_keys.length === 0 ? places.ssh : '',
    machine_network_cidr: isSame(networks, seed.machine_networks) ? [] : networks,
  });
}

/** Names of the files in the folder of kept keys. */
export const keptFiles = {
  adminCa: 'admin-kubeconfig-client-ca.crt',
  loadBalancer: 'loadbalancer-serving-signer.key',
  localhost: 'localhost-serving-signer.key',
  serviceNetwork: 'service-network-serving-signer.key',
  ingress: 'ingresskey-ingress-operator.key',
} as const;

/** What goes into them; nothing when the site gives no keys. */
export function keptContents({ KubeconfigCryptoRetention: kept }: SiteManifest): Record<string, string> {
  const { ServingCrypto: serving, ClientAuthCrypto: client } = kept.KubeAPICrypto;
  const contents = {
    [keptFiles.adminCa]: client.admin_ca_certificate,
    [keptFiles.loadBalancer]: serving.loadbalancer_external_signer_private_key.reveal(),
    [keptFiles.localhost]: serving.localhost_signer_private_key.reveal(),
    [keptFiles.serviceNetwork]: serving.service_network_signer_private_key.reveal(),
    [keptFiles.ingress]: kept.IngresssCrypto.ingress_ca.reveal(),
  };
  return Object.values(contents).every((content) => content === '') ? {} : contents;
}

function nameRules(
  site: SiteManifest,
  seed: SeedManifest,
  node: NodeIdentity,
  seedAddresses: readonly string[],
): string[] {
  const [from, to] = [seed, site].map(({ cluster_name: name, base_domain: domain }) => `${name}.${domain}`);
  const cn = site.KubeconfigCryptoRetention.IngresssCrypto.ingress_certificate_cn;
  return [
    `system:node:${seed.sno_hostname},system:node:${node.hostname}`,
    `${seed.sno_hostname},${node.hostname}`,
    ...['api', 'api-int', '*.apps'].map((name) => `${name}.${String(from)},${name}.${String(to)}`),
    ...(seedAddresses.length === node.addresses.length
      ? seedAddresses.map((address, index) => `${address},${node.addresses[index] ?? ''}`)
      : []),
    ...(cn === '' ? [] : [`${seed.ingress_certificate_cn},${cn}`]),
  ];
}

function keptKeyRules({ kept }: KeyFiles, seed: SeedManifest): string[] {
  if (kept === undefined) return [];
  return [
    `kube-apiserver-lb-signer ${kept.folder}/${keptFiles.loadBalancer}`,
    `kube-apiserver-localhost-signer ${kept.folder}/${keptFiles.localhost}`,
    `kube-apiserver-service-network-signer ${kept.folder}/${keptFiles.serviceNetwork}`,
    `${seed.ingress_certificate_cn} ${kept.folder}/${kept.ingressKey}`,
  ];
}

function proxyBundleOf({ additionalTrustBundle: trust }: SiteManifest): string {
  const { proxyConfigmapName: name, proxyConfigmapBundle: bundle } = trust;
  if (name === '') return '';
  return name === 'user-ca-bundle' ? 'user-ca-bundle:' : `${name}:${bundle}`;
}

/** A value that stands in the configuration even when it is empty: no hash means that the user is removed. */
const alwaysGiven = (value: string): { readonly value: string } => ({ value });

function withoutEmpty(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]): [string, unknown][] => {
      if (typeof value === 'object' && value !== null && 'value' in value) return [[key, value.value]];
      const isEmpty = value === '' || (Array.isArray(value) && value.length === 0);
      return isEmpty ? [] : [[key, value]];
    }),
  );
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
