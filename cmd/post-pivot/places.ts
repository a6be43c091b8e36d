import { sitePlaces } from '../../internal/site/places.ts';

/** Fixed places on the host (README.md, files). */
export const places = {
  runFolder: '/run/post-pivot',
  /** Seed images leave /var/lib/lca out: what one cluster has finished must not seem finished on the hosts that are made of it. */
  stateFolder: '/var/lib/lca/post-pivot',
  site: sitePlaces('/opt/openshift'),
  seedData: '/var/seed_data',
  seedManifest: '/var/seed_data/manifest.json',
  earlyAccess: '/home/core/.ssh/authorized_keys.d/ib-early-access',
  pullSecret: '/var/lib/kubelet/config.json',
  trustAnchor: '/etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt',
  trustBundle: '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  chrony: '/etc/chrony.conf',
  etcdPod: '/etc/kubernetes/manifests/etcd-pod.yaml',
  etcdData: '/var/lib/etcd',
  sshFolder: '/etc/ssh',
  volumes: '/etc/lvm/devices/system.devices',
  kubeconfig: '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/node-kubeconfigs/lb-ext.kubeconfig',
  unit: 'installation-configuration.service',
} as const;
