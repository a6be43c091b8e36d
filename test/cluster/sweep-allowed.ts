/** Where something of the seed may stand after a full renaming. Every entry with its reason: without one it is a fault. */
export type Allowance = {
  readonly where: RegExp;
  readonly what: RegExp;
  /** Of the words around it. */ readonly text?: RegExp;
  readonly reason: string;
};

export const allowances: readonly Allowance[] = [
  // A host name has dashes, and `etcd-peer-` stands before it: what stands before a whole name cannot be told from it.
  {
    where: /^etcd:\/kubernetes\.io\/(?:configmaps|lab\.example\.com\/things)\/customer-workload\/look-alikes$/,
    what: /^host name$/,
    text: /my-seed-node/,
    reason: "another machine, whose name ends like this one's",
  },
  {
    where: /^etcd:\/kubernetes\.io\/configmaps\/openshift-etcd\/etcd-scripts$/,
    what: /^safe host name$/,
    text: /NODE_\w+_IP/,
    reason:
      "etcd's copy of cluster-backup.sh: hostname/backup-script edits the file only; the etcd operator renders it anew, without a rollout",
  },
  {
    where: /^etcd:\/kubernetes\.io\/configmaps\/openshift-etcd\/restore-etcd-pod$/,
    what: /^address$/,
    text: /restored=https/,
    reason:
      "etcd's copy of the quorum-restore pod: ip/etcd-pod edits the key pod.yaml; the etcd operator renders it anew, without a rollout",
  },
  {
    where:
      /^(?:etcd:\/kubernetes\.io\/configmaps\/openshift-etcd\/etcd-endpoints-3$|file:.*\/etcd-pod-3\/configmaps\/etcd-endpoints\/)/,
    what: /^address$/,
    reason:
      'older releases call the entry by the address in base64: a name that nobody reads, ip/etcd-endpoints edits the value',
  },
  {
    where: /^etcd:\/openshift\.io\/routes\/openshift-console\//,
    what: /^domain$/,
    reason: 'routes of console and downloads: their operator makes them anew (domain/routes)',
  },
  {
    where: /^etcd:\/kubernetes\.io\/config\.openshift\.io\/ingresses\/cluster$/,
    what: /^domain$/,
    text: /console-openshift-console/,
    reason:
      "status of the console's route: domain/ingress names the one of the login; the ingress operator rewrites the rest",
  },
  {
    where:
      /^etcd:\/kubernetes\.io\/(?:secrets|configmaps|machineconfiguration\.openshift\.io\/machineconfigs)\/odd-cases\/|^etcd:\/openshift\.io\/routes\/odd-cases\/|^etcd:\/kubernetes\.io\/machineconfiguration\.openshift\.io\/machineconfigs\/odd-as-cbor$/,
    what: /./,
    reason: "somebody's own objects: no table names them",
  },
  {
    where: /^etcd:\/kubernetes\.io\/cert-manager\.io\/certificates\//,
    what: /^domain$|^address$/,
    text: /prefix\.|suffix|console\.apps|shop\.|uris|ipAddresses/,
    reason:
      'names of certificates that no rule means as a whole; addresses and URIs are not edited (cert-manager/names)',
  },
  {
    where: /^file:\/(?:etc\/cni\/|ovn-ic\/)/,
    what: /^host name$/,
    reason: 'certificates outside of what the caller mounts: multus and OVN make them anew',
  },
  {
    where: /^etcd:\/kubernetes\.io\/configmaps\/customer-workload\//,
    what: /bundle$/,
    reason: 'a copy of the bundle that somebody made for himself (trust/merged wants the label)',
  },
  {
    where: /^file:\/etc\/pki\/(?:tls|ca-trust\/extracted)\//,
    what: /bundle$/,
    reason: 'made from the anchors by update-ca-trust, which the caller runs (trust/user-files)',
  },
];
