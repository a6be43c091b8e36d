import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import '../certificates/provider.ts';
import { Name } from '@peculiar/x509';
import type { Certificate } from '../../internal/pki/certificate.ts';
import { privateKeyFrom, type PrivateKey } from '../../internal/pki/keys.ts';
import { extension } from '../certificates/extensions.ts';
import { makeCertificate } from '../certificates/make.ts';
import { keyPem, pemOf } from '../certificates/pem.ts';
import { targetIdentity } from '../cluster/identities.ts';
import { domainOf, type Identity, type Stack } from '../cluster/identity.ts';
import type { MediumFiles } from './medium.ts';

/*
 * What `openshift-install image-based create config-image` makes for a site: the files of the config medium, and the kubeconfig that is handed
 * out with it before the cluster exists.
 */

export type Site = {
  readonly identity: Identity;
  readonly clusterId: string;
  readonly sshKey: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly files: MediumFiles;
  /** `auth/kubeconfig` of the installer: valid as soon as the API answers. */
  readonly kubeconfig: string;
  /** Texts that must be seen nowhere but where they belong, by name. */
  readonly secrets: Readonly<Record<string, string>>;
};

export type SiteChanges = {
  readonly stack?: Stack;
  /** Members of the target identity that are to be others; undefined takes one away. */
  readonly identity?: { readonly [K in keyof Identity]?: Identity[K] | undefined };
  /** Members of the manifest, as written; undefined takes one away. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** Files of the medium; undefined takes one away. */
  readonly files?: MediumFiles;
};

const signerNames = {
  localhost: 'kube-apiserver-localhost-signer',
  serviceNetwork: 'kube-apiserver-service-network-signer',
  loadBalancer: 'kube-apiserver-lb-signer',
  admin: 'admin-kubeconfig-signer',
} as const;

/** A site for a seed of this stack. Keys are made for it: two sites have none in common. */
export async function siteFor({ stack = 'v4', ...changes }: SiteChanges = {}): Promise<Site> {
  const identity = { ...targetIdentity(stack), ...changes.identity } as Identity; // undefined is the same as none to everybody who reads it
  const ingressName = 'ingress-operator@1764500000';
  const [localhost, serviceNetwork, loadBalancer, admin] = await Promise.all(
    Object.values(signerNames).map((name) => signer(new Name([{ OU: ['openshift'] }, { CN: [name] }]))),
  );
  const ingress = await signer(new Name([{ CN: [ingressName] }]));
  if (!localhost || !serviceNetwork || !loadBalancer || !admin) throw new Error('a signer is missing');
  const clusterId = '6a0b6d1e-3f51-4d4e-9d0a-0f6f6b1f2c11';
  const sshKey = `ssh-ed25519 ${sshWire('ssh-ed25519', Buffer.alloc(32, 7))} core@site`;
  const manifest = {
    additionalTrustBundle: {
      userCaBundle: identity.userCaBundle ?? '',
      proxyConfigmapName: identity.proxyTrustedCa?.configMap ?? '',
      proxyConfigmapBundle: identity.proxyTrustedCa?.bundle ?? '',
    },
    api_version: 1,
    base_domain: identity.baseDomain,
    cluster_id: clusterId,
    cluster_name: identity.clusterName,
    chrony_config: identity.chrony,
    hostname: identity.hostname,
    infra_id: identity.infraId,
    ...(identity.kubeadminHash === undefined ? {} : { kubeadmin_password_hash: identity.kubeadminHash }),
    KubeconfigCryptoRetention: {
      KubeAPICrypto: {
        ServingCrypto: {
          localhost_signer_private_key: keyPem(localhost.key),
          service_network_signer_private_key: keyPem(serviceNetwork.key),
          loadbalancer_external_signer_private_key: keyPem(loadBalancer.key),
        },
        ClientAuthCrypto: { admin_ca_certificate: pemOf('CERTIFICATE', admin.certificate.der) },
      },
      IngresssCrypto: { ingress_ca: keyPem(ingress.key), ingress_certificate_cn: ingressName },
    },
    machine_networks: identity.machineNetworks,
    release_registry: 'quay.io',
    ssh_key: sshKey,
    ...proxyOf(identity),
    pull_secret: identity.pullSecret,
    node_labels: { 'site.example.org/rack': '7', 'node-role.kubernetes.io/master': '' },
    ...changes.manifest,
  };
  const trusted = [localhost, serviceNetwork, loadBalancer, ingress].map(({ certificate }) =>
    pemOf('CERTIFICATE', certificate.der),
  );
  return {
    identity,
    clusterId,
    sshKey,
    manifest,
    files: {
      'cluster-configuration/manifest.json': JSON.stringify(manifest),
      'cluster-configuration/manifests/image-digest-mirror-set.json': JSON.stringify(siteMirrors),
      'extra-manifests/invoker-cm.yaml': JSON.stringify(invoker),
      ...changes.files,
    },
    kubeconfig: await kubeconfigOf(identity, trusted.join(''), admin),
    secrets: {
      pullSecret:
        (JSON.parse(identity.pullSecret) as { auths: Record<string, { auth: string }> }).auths['registry.example.org']
          ?.auth ?? identity.pullSecret,
      localhostSigner: keyPem(localhost.key).split('\n')[3] ?? '',
      loadBalancerSigner: keyPem(loadBalancer.key).split('\n')[3] ?? '',
      ingressSigner: keyPem(ingress.key).split('\n')[3] ?? '',
      ...(identity.kubeadminHash === undefined ? {} : { kubeadminHash: identity.kubeadminHash }),
    },
  };
}

/** A public key of OpenSSH: each part with its length before it. */
function sshWire(type: string, key: Buffer): string {
  const parts = [Buffer.from(type), key].flatMap((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return [length, part];
  });
  return Buffer.concat(parts).toString('base64');
}

export const siteMirrors = {
  apiVersion: 'config.openshift.io/v1',
  kind: 'ImageDigestMirrorSet',
  metadata: { name: 'image-digest-mirror' },
  spec: {
    imageDigestMirrors: [
      { source: 'quay.io/openshift-release-dev/ocp-release', mirrors: ['mirror.example.org:5000/ocp-release'] },
    ],
  },
};

/** The operator of the hub always sends it. */
export const invoker = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'openshift-install-manifests', namespace: 'openshift-config' },
  data: { invoker: 'image-based-install' },
};

function proxyOf({ proxy }: Identity): object {
  if (proxy === undefined) return {};
  const { http, https, no } = proxy.spec;
  const words = { httpProxy: http, httpsProxy: https, noProxy: no };
  return { proxy: Object.fromEntries(Object.entries(words).filter(([, value]) => value !== '')) };
}

type Signer = { readonly certificate: Certificate; readonly key: PrivateKey };

async function makeKey(): Promise<PrivateKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return privateKeyFrom(createPrivateKey(privateKey));
}

const aDayAgo = (): Date => new Date(Math.floor(Date.now() / 1000) * 1000 - 24 * 3_600_000);
const years = (count: number): Date => new Date(aDayAgo().getTime() + count * 365 * 24 * 3_600_000);

async function signer(subject: Name): Promise<Signer> {
  const key = await makeKey();
  const certificate = await makeCertificate({
    subject,
    key,
    keyIds: 'rfc5280-1',
    notBefore: aDayAgo(),
    notAfter: years(10),
    extensions: [
      extension.keyUsage('keyEncipherment', 'digitalSignature', 'keyCertSign'),
      extension.basicConstraints(true),
    ],
  });
  return { certificate, key };
}

async function kubeconfigOf(identity: Identity, trusted: string, by: Signer): Promise<string> {
  const key = await makeKey();
  const certificate = await makeCertificate({
    subject: new Name([{ O: ['system:masters'] }, { CN: ['system:admin'] }]),
    key,
    by,
    keyIds: 'rfc5280-1',
    notBefore: aDayAgo(),
    notAfter: years(10),
    extensions: [extension.keyUsage('keyEncipherment', 'digitalSignature'), extension.extendedUsage('clientAuth')],
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const { clusterName } = identity;
  return `apiVersion: v1
kind: Config
clusters:
- name: ${clusterName}
  cluster:
    server: https://api.${domainOf(identity)}:6443
    certificate-authority-data: ${base64(trusted)}
users:
- name: admin
  user:
    client-certificate-data: ${base64(pemOf('CERTIFICATE', certificate.der))}
    client-key-data: ${base64(keyPem(key))}
contexts:
- name: admin
  context: { cluster: ${clusterName}, user: admin }
current-context: admin
`;
}
