/** What makes a cluster this cluster: everything that the second half of recert can change. */
export type Identity = {
  readonly clusterName: string;
  readonly baseDomain: string;
  readonly infraId: string;
  readonly hostname: string;
  /** One address, or two of different families, in the order of the node's InternalIP entries. */
  readonly ips: readonly [string] | readonly [string, string];
  readonly machineNetworks: readonly string[];
  /** Absent: the Secret kube-system/kubeadmin is not there. */
  readonly kubeadminHash?: string;
  readonly pullSecret: string;
  /** Absent: a cluster without proxy, which has none of the objects' `proxy` members. */
  readonly proxy?: ProxyIdentity;
  /** The whole install-config, where one was given; absent: the one made of the other fields. */
  readonly installConfig?: string;
  /** PEM with comments; absent: there is no such ConfigMap content. */
  readonly userCaBundle?: string;
  /** The ConfigMap in openshift-config that Proxy/cluster names, and its bundle. `user-ca-bundle` shares the one above. */
  readonly proxyTrustedCa?: { readonly configMap: string; readonly bundle: string };
  readonly chrony: string;
};

export type ProxySettings = { readonly http: string; readonly https: string; readonly no: string };
/** As a person wrote it, and as the network operator completed it. */
export type ProxyIdentity = { readonly spec: ProxySettings; readonly status: ProxySettings };

export type Stack = 'v4' | 'v6' | 'dual' | 'dual-v6-first';

export const domainOf = ({ clusterName, baseDomain }: Identity): string => `${clusterName}.${baseDomain}`;

/** An address as it stands in URLs. */
export const bracketed = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);
