import type { RecertConfig } from '../../config/recert-config.ts';
import type { Secret } from '../../log/secret.ts';
import type { Variant } from './report-crypto.ts';
import { redacted } from './report-crypto.ts';

/**
 * The configuration in the shape of the reference's summary (internal/recert/README.md). In the clean one every secret is left out, those too that the
 * reference shows: the password hash, the install configuration, the proxy's credentials, encryption keys, and what was given raw.
 */
export function configSummary(config: RecertConfig, variant: Variant): object {
  const { crypto, cluster, encryption, raw } = config;
  const hidden = (secret: Secret | undefined): string | null =>
    secret === undefined ? null : variant === 'clean' ? redacted : secret.reveal();
  const rawText = variant === 'clean' ? `${redacted} because it may hold secrets` : raw.text.reveal();
  return {
    dry_run: config.dryRun,
    postprocess_only: config.postprocessOnly,
    etcd_endpoint: config.etcdEndpoint ?? null,
    crypto_customizations: {
      dirs: crypto.dirs,
      files: crypto.files,
      cn_san_replace_rules: crypto.nameRules.map((rule) => ({ old: rule.old, new: rule.new })),
      ip_change_only: crypto.ipChangeOnly,
      use_key_rules: crypto.useKeyRules.map(({ commonName, keyPem }) => ({
        key_cert_cn: commonName,
        private_key: hidden(keyPem),
      })),
      use_cert_rules: crypto.useCertRules.map(({ pem }) => ({ cert: { pem } })),
      extend_expiration: crypto.extendExpiration,
      force_expire: crypto.forceExpire,
    },
    cluster_customizations: {
      dirs: cluster.dirs,
      files: cluster.files,
      cluster_rename:
        cluster.clusterRename === undefined
          ? null
          : {
              cluster_name: cluster.clusterRename.name,
              cluster_base_domain: cluster.clusterRename.baseDomain,
              infra_id: cluster.clusterRename.infraId ?? null,
            },
      hostname: cluster.hostname ?? null,
      ip_addresses: cluster.addresses,
      proxy: proxySummary(cluster.proxy, variant),
      install_config: hidden(cluster.installConfig),
      kubeadmin_password_hash: hidden(cluster.kubeadminPasswordHash),
      pull_secret: hidden(cluster.pullSecret),
      user_ca_bundle: cluster.userCaBundle ?? null,
      proxy_trusted_ca_bundle:
        cluster.proxyTrustedCaBundle === undefined
          ? null
          : { configmap_name: cluster.proxyTrustedCaBundle.configMap, ca_bundle: cluster.proxyTrustedCaBundle.bundle },
      machine_network_cidrs: cluster.machineNetworks,
      chrony_config: cluster.chronyConfig ?? null,
    },
    encryption_customizations: {
      kube_encryption_config: hidden(encryption.kube),
      openshift_encryption_config: hidden(encryption.openshift),
      oauth_encryption_config: hidden(encryption.oauth),
    },
    threads: config.threads ?? null,
    regenerate_server_ssh_keys: config.serverSshKeys ?? null,
    summary_file: config.summaryFile ?? null,
    summary_file_clean: config.summaryFileClean ?? null,
    etcd_defrag: config.etcdDefrag,
    config_file_raw: raw.route === 'file' ? rawText : null,
    cli_raw: raw.route === 'flags' ? rawText : null,
  };
}

/** A proxy's user and password stand in its address. */
function proxySummary(proxy: Secret | undefined, variant: Variant): object | null {
  if (proxy === undefined) return null;
  const [http, https, no, statusHttp, statusHttps, statusNo] = proxy
    .reveal()
    .split('|')
    .map((part) => (variant === 'clean' ? part.replace(/\/\/[^/@]*@/, `//${redacted}@`) : part));
  return {
    spec_proxy: { http_proxy: http, https_proxy: https, no_proxy: no },
    status_proxy: { http_proxy: statusHttp, https_proxy: statusHttps, no_proxy: statusNo },
  };
}
