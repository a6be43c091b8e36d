import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { derOf, findingsIn, type Finding } from './findings.ts';
import type { PrivateKey } from '../../internal/pki/keys.ts';
import type { Pki } from './issue.ts';
import type { ServiceAccountKeys } from './tokens.ts';

/** The `index`-th finding of a document; the documents are named `etcd:KEY` and `file:/PATH` (below the root of the cluster). */
export type InventoryPlace = { readonly document: string; readonly index: number };

export type InventoryPair = {
  /** The common name, with `#2` and so on where several bear it. */
  readonly name: string;
  readonly cn: string;
  readonly kind: 'signer' | 'serving' | 'client' | 'peer';
  /** The pair that signed it; itself for a self-signed one. */
  readonly signer: string;
  /** SHA-256 in hex: of the certificate, and of the SubjectPublicKeyInfo. */
  readonly digest: string;
  readonly keyId: string;
  readonly keyType: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly certificateAt: readonly InventoryPlace[];
  /** None: the cluster does not have the key. */
  readonly keyAt: readonly InventoryPlace[];
};

/** A key that signs tokens, where its halves stand, and where its tokens do. */
export type InventoryTokenKey = {
  readonly name: string;
  readonly keyId: string;
  readonly keyAt: readonly InventoryPlace[];
  readonly publicAt: readonly InventoryPlace[];
  readonly tokenAt: readonly InventoryPlace[];
};

export type Inventory = {
  readonly pairs: readonly InventoryPair[];
  readonly tokenKeys: readonly InventoryTokenKey[];
  /** Findings that are none of the above: certificates of public CAs, and the odd cases. */
  readonly otherAt: readonly InventoryPlace[];
  /** Without what a renewal or a renaming deletes: old keys of encryption, kubeconfigs in a Secret, locks. */
  readonly counts: {
    readonly keys: number;
    readonly secrets: number;
    readonly configMaps: number;
    readonly files: number;
  };
};

const mayGo =
  /^etcd:\/kubernetes\.io\/(?:secrets\/(?:openshift-config-managed\/encryption-key-|openshift-kube-apiserver\/node-kubeconfigs$|kube-system\/kubeadmin$)|configmaps\/(?:openshift-ptp\/ptp-configmap|openshift-kube-controller-manager\/cluster-policy-controller-lock)$)/;

export type NamedBytes = { readonly document: string; readonly bytes: Uint8Array };

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The identity of a key's public half, of either half. */
export function keyIdOfFinding(finding: Finding): string | undefined {
  try {
    const der = derOf(finding);
    // Labels lie in OpenShift: SubjectPublicKeyInfo stands under `RSA PUBLIC KEY`.
    const key =
      finding.kind === 'public-key'
        ? createPublicKey({
            key: der,
            format: 'der',
            type: der.subarray(0, 30).includes(Buffer.from('2a8648', 'hex')) ? 'spki' : 'pkcs1',
          })
        : createPublicKey(createPrivateKey(finding.text));
    return sha256(key.export({ type: 'spki', format: 'der' }));
  } catch {
    return undefined; // an odd case: no key after all
  }
}

/** Reads the documents as they were generated and notes what stands where. */
export function takeInventory(documents: readonly NamedBytes[], pki: Pki, keys: ServiceAccountKeys): Inventory {
  const certificates = new Map<string, InventoryPlace[]>();
  const privateKeys = new Map<string, InventoryPlace[]>();
  const publicKeys = new Map<string, InventoryPlace[]>();
  const tokens = new Map<string, InventoryPlace[]>();
  const own = new Set(pki.issued.map(({ certificate }) => certificate.digest));
  const kidOf = (key: PrivateKey): string => createHash('sha256').update(key.public.spki).digest('base64url');
  const kids = new Set(Object.values(keys).map(kidOf));
  const otherAt: InventoryPlace[] = [];
  const note = (map: Map<string, InventoryPlace[]>, id: string, place: InventoryPlace): void => {
    map.set(id, [...(map.get(id) ?? []), place]);
  };
  for (const { document, bytes } of documents) {
    findingsIn(bytes).forEach((finding, index) => {
      const place = { document, index };
      if (finding.kind === 'certificate') {
        const digest = sha256(derOf(finding));
        if (own.has(digest)) note(certificates, digest, place);
        else otherAt.push(place);
      } else if (finding.kind === 'token') {
        const { kid = '' } = JSON.parse(Buffer.from(finding.text.split('.')[0] ?? '', 'base64url').toString()) as {
          kid?: string;
        }; // it starts with {"
        if (kids.has(kid)) note(tokens, kid, place);
        else otherAt.push(place);
      } else {
        const id = keyIdOfFinding(finding);
        if (id === undefined) otherAt.push(place);
        else note(finding.kind === 'private-key' ? privateKeys : publicKeys, id, place);
      }
    });
  }
  const count = (prefix: string): number =>
    documents.filter(({ document }) => document.startsWith(prefix) && !mayGo.test(document)).length;
  return {
    pairs: pki.issued.map(({ name, spec, certificate, key, signer }) => ({
      name,
      cn: spec.cn,
      kind: spec.kind,
      signer: signer?.name ?? name,
      digest: certificate.digest,
      keyId: key.public.id,
      keyType: spec.key ?? 'rsa2048',
      notBefore: certificate.validity.notBefore.toISOString(),
      notAfter: certificate.validity.notAfter.toISOString(),
      certificateAt: certificates.get(certificate.digest) ?? [],
      keyAt: privateKeys.get(key.public.id) ?? [],
    })),
    tokenKeys: Object.entries(keys).map(([name, key]) => ({
      name,
      keyId: key.public.id,
      keyAt: privateKeys.get(key.public.id) ?? [],
      publicAt: publicKeys.get(key.public.id) ?? [],
      tokenAt: tokens.get(kidOf(key)) ?? [],
    })),
    otherAt,
    counts: {
      keys: count('etcd:'),
      secrets: count('etcd:/kubernetes.io/secrets/'),
      configMaps: count('etcd:/kubernetes.io/configmaps/'),
      files: count('file:'),
    },
  };
}
