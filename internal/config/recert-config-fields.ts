/** How a value of recert's configuration is written. `secret` is a text that must not be shown; `texts-or-text` takes one text for a list of one. */
export type RecertKind = 'text' | 'secret' | 'truth' | 'count' | 'texts' | 'secrets' | 'texts-or-text';

export type RecertField = {
  readonly kind: RecertKind;
  /** The flag without its dashes; a list's flag is repeated. */
  readonly flag: string;
  /** What the value of the flag is called in the help; absent for a truth value. */
  readonly value?: string;
  readonly says: string;
};

const field = <K extends RecertKind>(
  kind: K,
  flag: string,
  value: string,
  says: string,
): RecertField & { readonly kind: K } => ({ kind, flag, ...(value === '' ? {} : { value }), says });

/**
 * The keys of `RECERT_CONFIG` as the reference has them, their flags, and ours at the end. Help and the table of the operator's
 * manual are made from this.
 */
export const recertFields = {
  etcd_endpoint: field(
    'text',
    'etcd-endpoint',
    'host:port',
    'etcd that serves the data of the stopped cluster, without TLS; without it only files are renewed',
  ),
  dry_run: field('truth', 'dry-run', '', 'compute and check everything, write nothing'),
  postprocess_only: field('truth', 'postprocess-only', '', 'leave keys and certificates alone'),
  threads: field('count', 'threads', 'n', 'worker threads that make keys; default: one for each CPU'),
  crypto_dirs: field('texts', 'crypto-dir', 'dir', 'folder whose keys, certificates and tokens are renewed'),
  crypto_files: field(
    'texts',
    'crypto-file',
    'file',
    'single file whose keys, certificates and tokens are renewed, whatever its name',
  ),
  cluster_customization_dirs: field(
    'texts',
    'cluster-customization-dir',
    'dir',
    'folder where the files of the new identity and of the encryption at rest are written',
  ),
  cluster_customization_files: field('texts', 'cluster-customization-file', 'file', 'single file of the same purpose'),
  static_dirs: field('texts', 'static-dir', 'dir', 'old spelling of both folder lists at once'),
  static_files: field('texts', 'static-file', 'file', 'old spelling of both file lists at once'),
  cn_san_replace_rules: field(
    'texts',
    'cn-san-replace',
    'old,new',
    'replace this common name, DNS name or address in certificates; `old:new` where neither holds a colon',
  ),
  ip_change_only: field('truth', 'ip-change-only', '', 'renew only the certificate trees that the rules change'),
  use_key_rules: field(
    'secrets',
    'use-key',
    'cn:key',
    'the certificate of this common name gets this key: file or PEM text, after a colon or a blank',
  ),
  use_cert_rules: field(
    'texts',
    'use-cert',
    'cert',
    'the certificate of the same common name becomes this one: file or PEM text',
  ),
  extend_expiration: field('truth', 'extend-expiration', '', 'certificates begin now and last as long as they lasted'),
  force_expire: field(
    'truth',
    'force-expire',
    '',
    'certificates end now; a later extension restores how long they last',
  ),
  cluster_rename: field(
    'text',
    'cluster-rename',
    'name:domain',
    'new name, base domain and, after another colon, infrastructure id of the cluster',
  ),
  hostname: field('text', 'hostname', 'name', 'new name of the node'),
  ip: field('texts-or-text', 'ip', 'address', 'new address of the node; two for dual stack'),
  machine_network_cidr: field(
    'texts-or-text',
    'machine-network-cidr',
    'cidr',
    'machine network of the install-config; two for dual stack',
  ),
  kubeadmin_password_hash: field('secret', 'kubeadmin-password-hash', 'hash', 'bcrypt hash; empty removes the user'),
  pull_secret: field('secret', 'pull-secret', 'json', 'new pull secret'),
  proxy: field(
    'secret',
    'proxy',
    'parts',
    'six parts between bars: http, https and no_proxy of spec, the same of status',
  ),
  install_config: field('secret', 'install-config', 'text', 'new install-config'),
  user_ca_bundle: field(
    'text',
    'user-ca-bundle',
    'bundle',
    "certificates of the site's trust bundle: file or PEM text",
  ),
  proxy_trusted_ca_bundle: field(
    'text',
    'proxy-trusted-ca-bundle',
    'bundle',
    'trust bundle of the proxy: ConfigMap name, colon, file or PEM text; nothing after `user-ca-bundle:`',
  ),
  chrony_config: field('text', 'chrony-config', 'text', 'new content of /etc/chrony.conf'),
  regenerate_server_ssh_keys: field(
    'text',
    'regenerate-server-ssh-keys',
    'dir',
    'folder whose ssh_host_*_key files get new keys of the same types',
  ),
  summary_file: field(
    'text',
    'summary-file',
    'file',
    'write a report **with private keys** there; `-` is standard output',
  ),
  summary_file_clean: field(
    'text',
    'summary-file-clean',
    'file',
    'write a report without secrets there; `-` is standard output',
  ),
  etcd_defrag: field(
    'truth',
    'etcd-defrag',
    '',
    'after the commit drop the history of etcd, which holds the old keys, and shrink its file',
  ),
  kube_encryption_config: field(
    'secret',
    'kube-encryption-config',
    'file',
    'EncryptionConfiguration of the kube-apiserver: file or JSON text; default: a new key',
  ),
  openshift_encryption_config: field(
    'secret',
    'openshift-encryption-config',
    'file',
    'the same of the openshift-apiserver',
  ),
  oauth_encryption_config: field('secret', 'oauth-encryption-config', 'file', 'the same of the oauth-apiserver'),
  keep_serial_numbers: field(
    'truth',
    'keep-serial-numbers',
    '',
    'certificates keep their serial numbers, as upstream does; default: new ones',
  ),
  external_certificates: field(
    'texts',
    'external-certificates',
    'source',
    'certificates of others, which stay with all that they signed: PEM file, or namespace/name of a ConfigMap or Secret',
  ),
  state_dir: field(
    'text',
    'state-dir',
    'dir',
    'where originals and journal stand while a run writes; default: /var/lib/recert',
  ),
} as const;

export type RecertKey = keyof typeof recertFields;
