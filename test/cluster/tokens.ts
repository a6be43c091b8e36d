import { sign } from 'node:crypto';
import { kidOf } from '../../internal/pki/jwt.ts';
import type { PrivateKey } from '../../internal/pki/keys.ts';
import { keyPem, pemOf } from '../certificates/pem.ts';
import type { Content, FileContent, StoredObject } from './content.ts';
import { domainOf } from './identity.ts';
import { certificatePem, type Pki } from './issue.ts';
import { kubeconfig } from './kubeconfig.ts';
import type { KeyPool } from './keys.ts';
import { podFolder, revisions, type Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import type { Seeded } from './seeded.ts';
import type { KubeObject } from './stored.ts';

/** The keys that sign service-account tokens. OpenShift writes SubjectPublicKeyInfo under the label of PKCS#1. */
export type ServiceAccountKeys = {
  readonly bound: PrivateKey;
  readonly legacy: PrivateKey;
  readonly oldBound: PrivateKey;
};

export function takeServiceAccountKeys(pool: KeyPool): ServiceAccountKeys {
  return { bound: pool.take('rsa4096'), oldBound: pool.take('rsa4096'), legacy: pool.take('rsa2048') };
}

export const publicPem = (key: PrivateKey): string => pemOf('RSA PUBLIC KEY', key.public.spki);

/** A token as Kubernetes signs it. The claims are written in the order given. */
export function signToken(key: PrivateKey, claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', kid: kidOf(key.public) })}.${part(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key.object).toString('base64url')}`;
}

export const legacyClaims = (namespace: string, secret: string, account: string, uid: string): object => ({
  iss: 'kubernetes/serviceaccount',
  'kubernetes.io/serviceaccount/namespace': namespace,
  'kubernetes.io/serviceaccount/secret.name': secret,
  'kubernetes.io/serviceaccount/service-account.name': account,
  'kubernetes.io/serviceaccount/service-account.uid': uid,
  sub: `system:serviceaccount:${namespace}:${account}`,
});

const boundClaims = (namespace: string, account: string, uid: string, now: Date, jti: string): object => {
  const second = Math.floor(now.getTime() / 1000);
  return {
    aud: ['https://kubernetes.default.svc'],
    exp: second + 365 * 86_400,
    iat: second - 3600,
    iss: 'https://kubernetes.default.svc',
    jti,
    'kubernetes.io': { namespace, serviceaccount: { name: account, uid } },
    nbf: second - 3600,
    sub: `system:serviceaccount:${namespace}:${account}`,
  };
};

/** Signing keys, service accounts, their long-lived tokens in Secrets, and the bound tokens in the volumes of pods. */
export function layOutTokens(
  keys: ServiceAccountKeys,
  pki: Pki,
  objects: ObjectMaker,
  random: Seeded,
  now: Date,
  names: Names,
): Content {
  const pair = (key: PrivateKey): Record<string, string> => ({
    'service-account.key': keyPem(key),
    'service-account.pub': publicPem(key),
  });
  const stored: StoredObject[] = [];
  const files: FileContent[] = [];
  const add = (...made: KubeObject[]): void => {
    stored.push(...made.map((object) => ({ object })));
  };

  const boundPublic = {
    'service-account-001.pub': publicPem(keys.oldBound),
    'service-account-002.pub': publicPem(keys.bound),
  };
  const legacyPublic = { 'service-account-001.pub': publicPem(keys.legacy) };
  add(
    objects.secret('openshift-kube-apiserver/bound-service-account-signing-key', pair(keys.bound)),
    objects.secret('openshift-kube-apiserver-operator/next-bound-service-account-signing-key', pair(keys.bound)),
    objects.secret('openshift-kube-controller-manager-operator/next-service-account-private-key', pair(keys.legacy)),
    objects.secret('openshift-kube-controller-manager/service-account-private-key', pair(keys.legacy)),
    objects.configMap('openshift-config-managed/sa-token-signing-certs', legacyPublic),
    objects.configMap('openshift-config-managed/bound-sa-token-signing-certs', boundPublic),
  );
  for (const suffix of ['', ...revisions.map((revision) => `-${revision}`)]) {
    if (suffix !== '')
      add(objects.secret(`openshift-kube-controller-manager/service-account-private-key${suffix}`, pair(keys.legacy)));
    add(
      objects.configMap(`openshift-kube-apiserver/sa-token-signing-certs${suffix}`, legacyPublic),
      objects.configMap(`openshift-kube-apiserver/bound-sa-token-signing-certs${suffix}`, boundPublic),
    );
  }
  const certs = `${podFolder('kube-apiserver', 'certs')}/secrets/bound-service-account-signing-key`;
  files.push(
    { path: `${certs}/service-account.key`, text: keyPem(keys.bound), mode: 0o600 },
    { path: `${certs}/service-account.pub`, text: publicPem(keys.bound), mode: 0o600 },
  );
  for (const revision of revisions) {
    const folder = `${podFolder('kube-controller-manager', revision)}/secrets/service-account-private-key`;
    const configMaps = `${podFolder('kube-apiserver', revision)}/configmaps`;
    for (const [name, texts] of [
      ['bound-sa-token-signing-certs', boundPublic],
      ['sa-token-signing-certs', legacyPublic],
    ] as const) {
      files.push(
        ...Object.entries(texts).map(([file, text]) => ({ path: `${configMaps}/${name}/${file}`, text, mode: 0o600 })),
      );
    }
    files.push(
      { path: `${folder}/service-account.key`, text: keyPem(keys.legacy), mode: 0o600 },
      { path: `${folder}/service-account.pub`, text: publicPem(keys.legacy), mode: 0o600 },
    );
  }

  const serviceCa = certificatePem(pki.named('openshift-service-serving-signer@1747106528'));
  const apiCas = [
    'kube-apiserver-lb-signer',
    'kube-apiserver-localhost-signer',
    'kube-apiserver-service-network-signer',
  ]
    .map((cn) => certificatePem(pki.named(cn)))
    .join('');
  for (const namespace of [
    'openshift-kube-apiserver',
    'openshift-kube-controller-manager',
    'openshift-kube-scheduler',
  ]) {
    const [account, name, uid] = ['localhost-recovery-client', 'localhost-recovery-client-token', random.uuid()];
    add(
      objects.make(
        'ServiceAccount',
        'v1',
        `${namespace}/${account}`,
        { secrets: [{ name }] },
        { uid, manager: 'openshift-controller-manager' },
      ),
    );
    const token = signToken(keys.legacy, legacyClaims(namespace, name, account, uid));
    for (const suffix of ['', ...revisions.map((revision) => `-${revision}`)]) {
      add(
        objects.secret(
          `${namespace}/${name}${suffix}`,
          { token, 'ca.crt': apiCas, 'service-ca.crt': serviceCa, namespace },
          {
            type: 'kubernetes.io/service-account-token',
            annotations: { 'kubernetes.io/service-account.name': account, 'kubernetes.io/service-account.uid': uid },
          },
        ),
      );
      const folder = `/etc/kubernetes/static-pod-resources/${namespace.replace('openshift-', '')}-pod${suffix}/secrets/${name}`;
      if (suffix !== '')
        files.push(
          { path: `${folder}/token`, text: token, mode: 0o600 },
          { path: `${folder}/ca.crt`, text: apiCas, mode: 0o600 },
        );
    }
  }
  for (const namespace of ['openshift-dns', 'openshift-ovn-kubernetes']) {
    const uid = random.uuid();
    add(
      objects.make('ServiceAccount', 'v1', `${namespace}/node`, {}, { uid, manager: 'openshift-controller-manager' }),
    );
    files.push(
      ...projectedVolume(random.uuid(), {
        token: signToken(keys.bound, boundClaims(namespace, 'node', uid, now, random.uuid())),
        'ca.crt': apiCas,
        'service-ca.crt': serviceCa,
        namespace,
      }),
    );
  }
  const whereabouts = signToken(
    keys.oldBound,
    boundClaims('openshift-multus', 'multus', random.uuid(), now, random.uuid()),
  );
  files.push({
    path: '/etc/kubernetes/cni/net.d/whereabouts.d/whereabouts.kubeconfig',
    text: kubeconfig(`https://api-int.${domainOf(names.now)}:6443`, apiCas, 'local', { token: whereabouts }),
    mode: 0o600,
  });
  return { objects: stored, files };
}

/** The kubelet writes a volume into a folder of its time, and links to it: the same file is found on two ways. */
function projectedVolume(pod: string, content: Readonly<Record<string, string>>): FileContent[] {
  const volume = `/var/lib/kubelet/pods/${pod}/volumes/kubernetes.io~projected/kube-api-access-x7k2p`;
  const time = '..2026_11_01_10_00_00.1234567890';
  return [
    ...Object.entries(content).map(([name, text]) => ({ path: `${volume}/${time}/${name}`, text, mode: 0o644 })),
    { path: `${volume}/..data`, link: time },
    ...Object.keys(content).map((name) => ({ path: `${volume}/${name}`, link: `..data/${name}` })),
  ];
}
