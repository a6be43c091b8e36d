import type { StoredObject } from './content.ts';
import { bootstrapOf } from './identities.ts';
import { domainOf } from './identity.ts';
import type { Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';

/** What the running seed left behind and a renamed cluster makes anew: always/removals, ip/removals, domain/removals, domain/late-removals. Written from the seed alone. */
export function layOutTraces({ seed }: Names, objects: ObjectMaker): StoredObject[] {
  const { hostname: node, ips } = seed;
  const [ip] = ips;
  const family = ip.includes(':') ? 'IPv6' : 'IPv4';
  const make = (
    kind: string,
    apiVersion: string,
    place: string,
    content: Readonly<Record<string, unknown>> = {},
  ): StoredObject => ({
    object: objects.make(kind, apiVersion, place, content, { manager: 'kube-controller-manager' }),
  });
  const pod = (place: string): StoredObject =>
    make('Pod', 'v1', place, {
      spec: {
        nodeName: node,
        containers: [
          {
            name: 'main',
            image: 'quay.io/lab/main@sha256:07',
            env: [{ name: 'HTTP_PROXY', value: 'http://gone.example.com' }],
          },
        ],
        hostname: node,
      },
      status: { phase: 'Running', hostIP: ip, podIP: ip, podIPs: ips.map((one) => ({ ip: one })) },
    });
  const template = {
    metadata: { labels: { app: 'x' } },
    spec: { containers: [{ name: 'main', image: 'quay.io/lab/main@sha256:07' }] },
  };
  const revisionOf = (place: string): StoredObject =>
    make('ControllerRevision', 'apps/v1', place, {
      data: { spec: { template: { $patch: 'replace', ...template } } },
      revision: 1,
    });
  return [
    ...[
      'kube-system/kube-controller-manager',
      'kube-system/kube-scheduler',
      'openshift-machine-config-operator/machine-config',
      `kube-node-lease/${node}`,
    ].map((place) =>
      make('Lease', 'coordination.k8s.io/v1', place, {
        spec: {
          holderIdentity: `${node}_01234567-89ab-4cde-8f01-23456789abcd`,
          leaseDurationSeconds: 40,
          leaseTransitions: 3,
        },
      }),
    ),
    make('Node', 'v1', node, {
      spec: { podCIDR: '10.128.0.0/23', podCIDRs: ['10.128.0.0/23'] },
      status: {
        addresses: [...ips.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: node }],
      },
    }),
    ...[
      `openshift-etcd/etcd-${node}`,
      `openshift-kube-apiserver/kube-apiserver-${node}`,
      'openshift-dns/dns-default-x7k2p',
      `openshift-kube-apiserver/installer-9-${node}`,
    ].map(pod),
    ...['default/kubernetes', 'openshift-etcd/host-etcd-2'].map((place) =>
      make('Endpoints', 'v1', place, {
        subsets: [{ addresses: [{ ip, nodeName: node }], ports: [{ name: 'https', port: 6443, protocol: 'TCP' }] }],
      }),
    ),
    make('EndpointSlice', 'discovery.k8s.io/v1', 'default/kubernetes', {
      addressType: family,
      endpoints: [{ addresses: [ip], conditions: { ready: true }, nodeName: node }],
      ports: [{ name: 'https', protocol: 'TCP', port: 6443 }],
    }),
    make('CertificateSigningRequest', 'certificates.k8s.io/v1', 'csr-x7k2p', {
      spec: {
        // An empty stand-in, which nobody reads: the kubelet's own are signed by ECDSA, and would be others each time they are made.
        request: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n'),
        signerName: 'kubernetes.io/kubelet-serving',
        username: `system:node:${node}`,
        groups: ['system:nodes'],
        usages: ['server auth'],
      },
      status: {},
    }),
    make('CSINode', 'storage.k8s.io/v1', node, {
      spec: { drivers: [{ name: 'csi.lab.example.com', nodeID: node, topologyKeys: [] }] },
    }),
    make('ReplicaSet', 'apps/v1', 'openshift-ingress/router-default-7d8f9', {
      spec: { replicas: 1, selector: { matchLabels: { app: 'x' } }, template },
      status: { replicas: 1 },
    }),
    make('Event', 'v1', `default/${node}.17f0`),
    make('Profile', 'tuned.openshift.io/v1', `openshift-cluster-node-tuning-operator/${node}`, {
      spec: { config: { tunedProfile: 'openshift-control-plane' } },
    }),
    make('NodePtpDevice', 'ptp.openshift.io/v1', `openshift-ptp/${node}`, {
      spec: {},
      status: { devices: [{ name: 'ens1f0' }] },
    }),
    make('SriovNetworkNodeState', 'sriovnetwork.openshift.io/v1', `openshift-sriov-network-operator/${node}`, {
      spec: {},
      status: { syncStatus: 'Succeeded' },
    }),
    { object: objects.configMap('openshift-ptp/ptp-configmap', { [node]: '[global]\n' }) },
    // Named like it, and no node's.
    { object: objects.configMap('openshift-ptp/leap-configmap', { leap: '37' }) },
    make('DaemonSet', 'apps/v1', 'openshift-ovn-kubernetes/ovnkube-node', {
      spec: { selector: { matchLabels: { app: 'ovnkube-node' } }, template, updateStrategy: { type: 'OnDelete' } },
    }),
    ...[
      'openshift-machine-config-operator/machine-config-server-5f6',
      'openshift-monitoring/alertmanager-main-5f6',
      'openshift-monitoring/prometheus-k8s-5f6',
      'openshift-multus/multus-additional-cni-plugins-5f6',
      'openshift-multus/multus-5f6',
      'openshift-ovn-kubernetes/ovnkube-node-5f6',
      'openshift-image-registry/node-ca-5f6',
    ].map(revisionOf),
    make(
      'PodNetworkConnectivityCheck',
      'controlplane.operator.openshift.io/v1alpha1',
      `openshift-kube-apiserver/kube-apiserver-${node}-to-kubernetes-default-service-cluster`,
      { spec: { sourcePod: `kube-apiserver-${node}`, targetEndpoint: `api-int.${domainOf(seed)}:6443` } },
    ),
    make('APIRequestCount', 'apiserver.openshift.io/v1', 'nodes.v1', {
      status: { currentHour: { byNode: [{ nodeName: node, requestCount: 7 }], requestCount: 7 } },
    }),
    {
      object: objects.configMap(
        'openshift-kube-controller-manager/cluster-policy-controller-lock',
        {},
        {
          annotations: {
            'control-plane.alpha.kubernetes.io/leader': JSON.stringify({ holderIdentity: `${node}_0123` }),
          },
        },
      ),
    },
  ];
}

/** Somebody's own ConfigMap and JSON object, full of names that are nearly the seed's: no byte of it changes, whatever is renamed. */
export function layOutLookAlikes(seed: Names['seed'], texts: readonly string[], objects: ObjectMaker): StoredObject[] {
  const lines = texts.map((text, index) => `${index}: ${text}`).join('\n');
  return [
    {
      object: objects.configMap('customer-workload/look-alikes', {
        lines,
        'apps.prefix.seed.example.com.other': 'x',
        list: JSON.stringify(texts),
        urls: texts.map((text) => `https://${text}:6443/`).join(' '),
        bootstrap: `https://${bootstrapOf(seed).ip}:2379`,
      }),
    },
    { object: objects.make('Thing', 'lab.example.com/v1', 'customer-workload/look-alikes', { spec: { texts } }) },
  ];
}
