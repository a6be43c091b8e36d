import { keyPem } from '../certificates/pem.ts';
import type { Fixture } from './fixture.ts';
import { domainOf } from './identity.ts';
import { certificatePem, type Issued, type Pki } from './issue.ts';
import { kubeconfig } from './kubeconfig.ts';
import type { Content, FileContent } from './content.ts';
import { namesOf, podFolder, revisions, type Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import { olmCaHash } from './settings/hashes.ts';

/** Puts every certificate, key and bundle of the fixture where the fixture says it stands. */
export function layOutPki(fixture: Fixture, pki: Pki, objects: ObjectMaker, publicCas: string, names: Names): Content {
  const bundle = (members: readonly string[]): string =>
    members.map((cn) => (cn === 'public' ? publicCas : certificatePem(pki.named(cn)))).join('');
  return {
    objects: [...secrets(pki, objects, bundle, names), ...configMaps(fixture, objects, bundle)].map((object) => ({
      object,
    })),
    files: files(fixture, pki, bundle, names),
  };
}

/** The bundles of public authorities hold custom ones, too: they are laid out with these (`settings/trust.ts`). */
const ownMembers = ({ members }: Fixture['bundles'][number]): boolean => members[0] !== 'public';

type Bundle = (members: readonly string[]) => string;

function secrets(pki: Pki, objects: ObjectMaker, bundle: Bundle, names: Names): ReturnType<ObjectMaker['secret']>[] {
  const inSecret = new Map<string, Issued[]>();
  for (const one of pki.issued)
    for (const place of one.spec.secrets ?? []) inSecret.set(place, [...(inSecret.get(place) ?? []), one]);
  return [...inSecret].flatMap(([place, all]) => {
    const leaf = all.find((one) => !all.some((other) => other !== one && other.signer === one)) ?? all[0];
    if (leaf === undefined) throw new Error(`the secret "${place}" has no certificate`);
    const chain = all.filter((one) => one !== leaf);
    const was = place.endsWith(`-${names.now.hostname}`)
      ? place.replace(`-${names.now.hostname}`, `-${names.seed.hostname}`)
      : place;
    // Copies for each revision of the static pod.
    const suffixes = place.endsWith('/webhook-authenticator')
      ? ['', ...revisions.map((revision) => `-${revision}`)]
      : [''];
    return suffixes.map((suffix) =>
      objects.secret(`${place}${suffix}`, dataOf(place, leaf, chain, bundle, names), {
        type: 'kubernetes.io/tls',
        annotations: annotationsOf(place, leaf, names),
        uid: objects.uidOf('Secret', `${was}${suffix}`),
      }),
    );
  });
}

/** What stands in a secret beside or instead of `tls.crt` and `tls.key`. */
function dataOf(
  place: string,
  leaf: Issued,
  chain: readonly Issued[],
  bundle: Bundle,
  names: Names,
): Record<string, string> {
  const certificate = [leaf, ...chain].map(certificatePem).join('');
  const key = keyPem(leaf.key);
  const serverCas = [
    'kube-apiserver-lb-signer',
    'kube-apiserver-localhost-signer',
    'kube-apiserver-service-network-signer',
  ];
  if (place.endsWith('/node-kubeconfigs')) {
    return Object.fromEntries(
      Object.entries(nodeKubeconfigs(names)).map(([name, server]) => [
        name,
        kubeconfig(server, bundle(serverCas), name.replace('.kubeconfig', ''), { certificate, key }),
      ]),
    );
  }
  if (/\/webhook-authenti(?:cator|cation-integrated-oauth)$/.test(place)) {
    return { kubeConfig: webhookAuthenticator(leaf, bundle).trimEnd() };
  }
  const tls = { 'tls.crt': certificate, 'tls.key': key };
  return leaf.signer !== undefined && leaf.signer.spec.cn.startsWith('olm-selfsigned')
    ? { olmCAKey: certificatePem(leaf.signer), ...tls }
    : tls;
}

/** Kubeconfigs of the node by name, with their servers. */
const nodeKubeconfigs = ({ now }: Names): Readonly<Record<string, string>> => ({
  'lb-ext.kubeconfig': `https://api.${domainOf(now)}:6443`,
  'lb-int.kubeconfig': `https://api-int.${domainOf(now)}:6443`,
  'localhost-recovery.kubeconfig': 'https://localhost:6443',
  'localhost.kubeconfig': 'https://localhost:6443',
});

/** How the kube-apiserver asks who a token belongs to. On the node it ends in a newline, in the Secrets it does not (always/webhook-authenticator). */
const webhookAuthenticator = (leaf: Issued, bundle: Bundle): string =>
  kubeconfig(
    'https://172.30.0.20:443/apis/oauth.openshift.io/v1/tokenreviews',
    bundle(['openshift-service-serving-signer@1747106528']),
    'local-cluster',
    { certificate: certificatePem(leaf), key: keyPem(leaf.key) },
  );

const stamp = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/** Operators write the validity of a leaf beside it, and roll out again when it does not fit. */
function annotationsOf(
  place: string,
  { spec, certificate, signer }: Issued,
  { seed, now, release }: Names,
): Record<string, string> {
  const { notBefore, notAfter } = certificate.validity;
  if (signer?.spec.cn.startsWith('openshift-service-serving-signer') === true) {
    const name = spec.cn.replace(/^\*\./, '').split('.')[0] ?? '';
    const expiry = notAfter.toISOString().replace('.000Z', 'Z');
    return {
      'service.alpha.openshift.io/expiry': expiry,
      'service.beta.openshift.io/expiry': expiry,
      'service.beta.openshift.io/originating-service-name': name,
    };
  }
  return {
    'auth.openshift.io/certificate-issuer': signer?.spec.cn ?? spec.cn,
    'auth.openshift.io/certificate-not-after': stamp(notAfter),
    'auth.openshift.io/certificate-not-before': stamp(notBefore),
    // OLM compares it with the bundle of its APIService (always/package-server).
    ...(place.endsWith('/packageserver-service-cert') && signer !== undefined
      ? { olmcahash: olmCaHash(Buffer.from(certificatePem(signer))) }
      : {}),
    ...hostnamesOf(place, spec.dns, { seed, now, release }),
    ...(etcdMember.test(place)
      ? {
          'openshift.io/description': `certificate of the etcd member on ${etcdMember.exec(place)?.[1] ?? ''}, not of ${seed.hostname}0`,
        }
      : {}),
    'openshift.io/owning-component': 'kube-apiserver',
  };
}

const etcdMember = /^openshift-etcd\/etcd-(?:peer|serving-metrics|serving)-(.*)$/;

/** Whom a certificate is for, as two operators write it beside it: ip/certificate-hostnames (since 4.16), domain/load-balancer-certs. */
function hostnamesOf(
  place: string,
  dns: readonly string[] | undefined,
  { seed, now, release }: Names,
): Record<string, string> {
  if (
    dns === undefined ||
    !/^openshift-(?:etcd|kube-apiserver)\//.test(place) ||
    (release === '4.14' && etcdMember.test(place))
  )
    return {};
  const domain = namesOf(now).domain;
  const hostnames = dns.map((name) => {
    const at = seed.ips.findIndex((ip) => ip === name);
    return at >= 0
      ? (now.ips[at] ?? name)
      : name.replace(new RegExp(`^(api|api-int)\\.${RegExp.escape(domainOf(seed))}$`), `$1.${domain}`);
  });
  return { 'auth.openshift.io/certificate-hostnames': hostnames.join(',') };
}

function configMaps(fixture: Fixture, objects: ObjectMaker, bundle: Bundle): ReturnType<ObjectMaker['configMap']>[] {
  return fixture.bundles.filter(ownMembers).flatMap(({ members, configMaps: places = [] }) =>
    places.map((place) =>
      objects.configMap(place, bundleData(place, bundle(members), bundle, fixture), {
        annotations: { 'openshift.io/owning-component': 'kube-apiserver' },
      }),
    ),
  );
}

/** Most bundles stand under `ca-bundle.crt`. */
function bundleData(place: string, text: string, bundle: Bundle, fixture: Fixture): Record<string, string> {
  const requestHeaderCa = fixture.pairs.find(({ cn }) =>
    /^(?:aggregator-signer|openshift-kube-apiserver-operator_aggregator-client-signer)/.test(cn),
  )?.cn;
  switch (place) {
    case 'kube-system/extension-apiserver-authentication':
      return {
        'client-ca-file': text,
        'requestheader-allowed-names': '["system:openshift-aggregator"]',
        'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
        'requestheader-group-headers': '["X-Remote-Group"]',
        'requestheader-username-headers': '["X-Remote-User"]',
        ...(requestHeaderCa === undefined ? {} : { 'requestheader-client-ca-file': bundle([requestHeaderCa]) }),
      };
    case 'openshift-image-registry/image-registry-certificates':
      return {
        'image-registry.openshift-image-registry.svc..5000': text,
        'image-registry.openshift-image-registry.svc.cluster.local..5000': text,
      };
    case 'openshift-etcd/etcd-all-bundles':
      return { 'metrics-ca-bundle.crt': text };
    case 'openshift-config-managed/service-ca':
    case 'openshift-kube-controller-manager/service-ca':
      return { 'service-ca.crt': text };
    default:
      return { 'ca-bundle.crt': text };
  }
}

function files(fixture: Fixture, pki: Pki, bundle: Bundle, names: Names): FileContent[] {
  const texts = new Map<string, string>();
  const bundleAt = new Map(
    fixture.bundles
      .filter(ownMembers)
      .flatMap(({ members, files: paths = [] }) => paths.map((path) => [path, bundle(members)] as const)),
  );
  for (const [path, text] of bundleAt) if (!path.endsWith('kubeconfig')) texts.set(path, text);
  for (const one of pki.issued)
    for (const [cert = '', key] of one.spec.files ?? []) {
      if (key !== undefined) texts.set(cert, certificatePem(one)).set(key, keyPem(one.key));
      else if (cert.endsWith('kubeconfig'))
        texts.set(
          cert,
          cert === '/etc/kubernetes/kubeconfig'
            ? kubeconfig(
                `https://api-int.${domainOf(names.now)}:6443`,
                bundleAt.get(cert) ?? '',
                names.now.clusterName,
                { certificate: certificatePem(one), key: keyPem(one.key) },
                'kubelet',
              )
            : kubeconfig(
                nodeKubeconfigs(names)[cert.split('/').at(-1) ?? ''] ?? `https://api-int.${domainOf(names.now)}:6443`,
                bundleAt.get(cert) ?? '',
                'local',
                { certificate: certificatePem(one), key: keyPem(one.key) },
              ),
        );
      else texts.set(cert, certificatePem(one) + keyPem(one.key));
    }
  const authenticator = pki.issued.find(({ spec }) =>
    (spec.secrets ?? []).includes('openshift-kube-apiserver/webhook-authenticator'),
  );
  if (authenticator !== undefined)
    for (const revision of revisions)
      texts.set(
        `${podFolder('kube-apiserver', revision)}/secrets/webhook-authenticator/kubeConfig`,
        webhookAuthenticator(authenticator, bundle),
      );
  const csrSigner = pki.issued.find(({ spec }) => spec.cn.startsWith('kube-csr-signer_@'));
  if (csrSigner !== undefined)
    texts.set(
      '/etc/kubernetes/static-pod-resources/kube-controller-manager-certs/secrets/csr-signer/tls.key',
      keyPem(csrSigner.key),
    );
  return [...texts].map(([path, text]) => ({
    path,
    text,
    mode: Number.parseInt(fixture.files.find((file) => file.path === path)?.mode ?? '0600', 8),
  }));
}
