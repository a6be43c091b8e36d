/**
 * A worked example: a seed, a site, and what the reference makes of them on a node that calls itself site1-node at 10.0.0.21. Keys are shortened
 * to a letter.
 */
export const exampleSeed = {
  seed_cluster_ocp_version: '4.16.0',
  base_domain: 'seed.example.com',
  cluster_name: 'seed',
  node_ips: ['192.168.126.10'],
  release_registry: 'quay.io',
  sno_hostname: 'seed-node',
  recert_image_pull_spec: 'quay.io/edge-infrastructure/recert:v0',
  has_proxy: true,
  has_fips: false,
  additionalTrustBundle: {
    hasUserCaBundle: false,
    proxyConfigmapName: '',
  },
  ingress_certificate_cn: 'ingress-operator@1700000000',
  machine_networks: ['192.168.126.0/24'],
};

export const exampleSite = {
  additionalTrustBundle: {
    userCaBundle: '',
    proxyConfigmapName: '',
    proxyConfigmapBundle: '',
  },
  api_version: 1,
  base_domain: 'edge.example.org',
  cluster_id: '6a0b6d1e-3f51-4d4e-9d0a-0f6f6b1f2c11',
  cluster_name: 'site1',
  hostname: 'site1-node',
  infra_id: 'site1-x2b4d',
  kubeadmin_password_hash: '$2a$10$abc',
  KubeconfigCryptoRetention: {
    KubeAPICrypto: {
      ServingCrypto: {
        localhost_signer_private_key: 'L',
        service_network_signer_private_key: 'S',
        loadbalancer_external_signer_private_key: 'B',
      },
      ClientAuthCrypto: {
        admin_ca_certificate: 'A',
      },
    },
    IngresssCrypto: {
      ingress_ca: 'I',
      ingress_certificate_cn: 'ingress-operator@1750000000',
    },
  },
  machine_networks: ['10.0.0.0/24'],
  proxy: {
    httpProxy: 'http://p:3128',
    noProxy: 'corp.example,.lab',
  },
  pull_secret: '{"auths":{}}',
  release_registry: 'mirror.example:5000',
};

export const exampleRecertConfig = JSON.stringify({
  extend_expiration: true,
  etcd_endpoint: 'localhost:2379',
  cluster_rename: 'site1:edge.example.org:site1-x2b4d',
  hostname: 'site1-node',
  ip: ['10.0.0.21'],
  proxy:
    'http://p:3128||.cluster.local,.lab,.svc,10.0.0.0/24,127.0.0.1,api-int.site1.edge.example.org,corp.example,localhost|http://p:3128||.cluster.local,.lab,.svc,10.0.0.0/24,127.0.0.1,api-int.site1.edge.example.org,corp.example,localhost',
  kubeadmin_password_hash: '$2a$10$abc',
  summary_file_clean: '/var/tmp/recert-summary.yaml',
  crypto_dirs: ['/kubelet', '/kubernetes', '/machine-config-daemon'],
  crypto_files: ['/host-etc/mcs-machine-config-content.json'],
  cluster_customization_dirs: ['/kubelet', '/kubernetes', '/machine-config-daemon'],
  cluster_customization_files: [
    '/host-etc/mcs-machine-config-content.json',
    '/host-etc/mco/proxy.env',
    '/host-etc/chrony.conf',
  ],
  cn_san_replace_rules: [
    'system:node:seed-node,system:node:site1-node',
    'seed-node,site1-node',
    'api.seed.seed.example.com,api.site1.edge.example.org',
    'api-int.seed.seed.example.com,api-int.site1.edge.example.org',
    '*.apps.seed.seed.example.com,*.apps.site1.edge.example.org',
    '192.168.126.10,10.0.0.21',
    'ingress-operator@1700000000,ingress-operator@1750000000',
  ],
  use_key_rules: [
    'kube-apiserver-lb-signer /opt/openshift/kubeconfig-crypto/loadbalancer-serving-signer.key',
    'kube-apiserver-localhost-signer /opt/openshift/kubeconfig-crypto/localhost-serving-signer.key',
    'kube-apiserver-service-network-signer /opt/openshift/kubeconfig-crypto/service-network-serving-signer.key',
    'ingress-operator@1700000000 /opt/openshift/kubeconfig-crypto/ingresskey-ingress-operator.key',
  ],
  use_cert_rules: ['/opt/openshift/kubeconfig-crypto/admin-kubeconfig-client-ca.crt'],
  pull_secret: '{"auths":{}}',
  regenerate_server_ssh_keys: '/ssh',
  machine_network_cidr: ['10.0.0.0/24'],
});
