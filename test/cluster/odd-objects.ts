import { field } from '../../internal/wire/protobuf.ts';
import { keyPem, pemOf } from '../certificates/pem.ts';
import type { Content, StoredObject } from './content.ts';
import { domainOf } from './identity.ts';
import { certificatePem, type Issued, type Pki } from './issue.ts';
import { kubeconfig } from './kubeconfig.ts';
import type { Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import type { OddPki } from './odd-certificates.ts';
import { dataUrl } from './settings/ignition.ts';
import type { Seeded } from './seeded.ts';
import { etcdKeyOf, storedValue } from './stored.ts';
import { legacyClaims, publicPem, signToken, type ServiceAccountKeys } from './tokens.ts';

/** The namespace of all that is odd. */
const ns = 'odd-cases';

/** Trusted by the clients of registries, and by nothing else. */
export const registryAuthorities = (odd: OddPki): string => pemOf('CERTIFICATE', odd.external.der);

/** Puts the odd certificates into objects and files, in odd texts; and values that look like something and are not. */
export function layOutOdd(
  odd: OddPki,
  pki: Pki,
  keys: ServiceAccountKeys,
  objects: ObjectMaker,
  random: Seeded,
  { seed }: Names,
): Content {
  const named = (name: string): Issued => {
    const found = odd.issued.find((one) => one.name === `odd: ${name}`);
    if (found === undefined) throw new Error(`no odd certificate is called "${name}"`);
    return found;
  };
  const pem = (name: string): string => certificatePem(named(name));
  const serviceCa = certificatePem(pki.named('openshift-service-serving-signer@1747106528'));
  const leaf =
    pki.issued.find(({ spec }) => spec.cn === 'metrics.openshift-apiserver-operator.svc') ?? named('p384-leaf');
  const stored: StoredObject[] = [];
  const secret = (
    name: string,
    data: Readonly<Record<string, string | Buffer>>,
    meta: Parameters<ObjectMaker['secret']>[2] = {},
  ): void => {
    stored.push({ object: objects.secret(`${ns}/${name}`, data, meta) });
  };
  const configMap = (
    name: string,
    data: Readonly<Record<string, string>>,
    meta: Parameters<ObjectMaker['configMap']>[2] = {},
  ): void => {
    stored.push({ object: objects.configMap(`${ns}/${name}`, data, meta) });
  };

  // Every odd pair in a secret, its key in the usual form but where the form is what is odd (3, 4).
  const forms: Readonly<Record<string, (one: Issued) => string>> = {
    'odd: p256-pkcs8': ({ key }) => keyPem(key, 'pkcs8'),
    'odd: rsa-pkcs8': ({ key }) => keyPem(key, 'pkcs8'),
    'odd: p256-mislabelled': ({ key }) => keyPem(key, 'pkcs8').replaceAll(' PRIVATE', ' EC PRIVATE'),
  };
  for (const one of odd.issued)
    secret(
      one.name.replace('odd: ', '').replace(', ', '-'),
      { 'tls.crt': certificatePem(one), 'tls.key': forms[one.name]?.(one) ?? keyPem(one.key) },
      { type: 'kubernetes.io/tls' },
    );

  // defect/public-key-label: a public key under its proper label, and in PKCS#1.
  configMap('public-keys', {
    'spki.pub': publicPem(keys.legacy).replaceAll('RSA PUBLIC', 'PUBLIC'),
    'pkcs1.pub': pemOf('RSA PUBLIC KEY', keys.bound.public.object.export({ type: 'pkcs1', format: 'der' })),
  });
  // defect/binary-values: a key store, and text that is not UTF-8.
  secret('binary', {
    'keystore.jks': Buffer.concat([Buffer.from('feedfeed00000002', 'hex'), random.bytes(2000)]),
    latin1: Buffer.from('gr\xfc\xdfe\n', 'latin1'),
  });
  // defect/no-webhooks: none at all.
  stored.push({
    object: objects.make('ValidatingWebhookConfiguration', 'admissionregistration.k8s.io/v1', 'odd-empty', {
      webhooks: [],
    }),
  });
  // defect/dotted-words: looks like a token and is none; and a token of which half is missing.
  const legacy = signToken(keys.legacy, legacyClaims(ns, 'builder-token', 'builder', random.uuid()));
  configMap('not-a-token', {
    words: 'bm90.YSB0b2tlbg.YXQgYWxs',
    half: legacy.split('.').slice(0, 2).join('.'),
    version: '4.18.2',
    domain: `api.${domainOf(seed)}`,
    foreign: signToken(named('shared-key-a').key, { iss: 'https://elsewhere.example.com', sub: 'somebody' }).replace(
      /.{8}$/,
      'AAAAAAAA',
    ),
  });
  // defect/odd-pem: wrapping, line ends, repetition, text around, a missing last newline.
  const twice = pem('twice-in-a-bundle');
  const wide = (text: string): string =>
    text.replace(
      /(-----BEGIN [A-Z ]+-----\n)([^-]+)/,
      (_, head: string, body: string) => head + body.replaceAll('\n', '').replace(/.{1,76}/g, '$&\n'),
    );
  configMap('bundles', {
    'twice.crt': `${twice}${pem('rsa3072-signer')}${twice}`,
    'wide.crt': wide(serviceCa),
    'crlf.crt': `${serviceCa}${twice}`.replaceAll('\n', '\r\n'),
    'no-end.crt': `${twice}${serviceCa}`.trimEnd(),
    'one-line.crt': serviceCa.replace(/\n(?=[A-Za-z0-9+/])/g, (whole, at: number) => (at < 28 ? whole : '')),
    'commented.crt': `# Subject: service CA\n${serviceCa}\n\n# and another\n   ${twice}# the end`,
    'trusted.crt': serviceCa.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
    'broken.crt': `-----BEGIN CERTIFICATE-----\nthis is no base64 !\n-----END CERTIFICATE-----\n${serviceCa}`,
    'cut.crt': serviceCa.slice(0, 400),
  });
  // defect/foreign-comments: in a Secret.
  secret('commented', { 'ca.crt': `# Größe: ☃ für den Dienst\n${serviceCa}`, 'tls.key': keyPem(leaf.key) });
  // defect/unknown-fields: fields that no schema of ours knows, in the object and in its metadata.
  const unknown = objects.secret(`${ns}/unknown-fields`, {
    'tls.crt': certificatePem(leaf),
    'tls.key': keyPem(leaf.key),
  });
  const value = storedValue(unknown, 'protobuf');
  stored.push({ key: etcdKeyOf(unknown), bytes: withUnknownField(value) });
  // Secrets and ConfigMaps that an API server stored as JSON, and a custom resource as CBOR.
  stored.push({
    object: objects.secret(`${ns}/as-json`, {
      'tls.crt': certificatePem(leaf) + serviceCa,
      'tls.key': keyPem(leaf.key),
      token: legacy,
    }),
    encoding: 'json',
  });
  stored.push({ object: objects.configMap(`${ns}/as-json`, { 'ca-bundle.crt': serviceCa }), encoding: 'json' });
  stored.push({
    object: objects.make('MachineConfig', 'machineconfiguration.openshift.io/v1', 'odd-as-cbor', {
      spec: {
        config: {
          ignition: { version: '3.4.0' },
          storage: {
            files: [
              { contents: { source: dataUrl(serviceCa) }, mode: 420, path: '/etc/pki/odd.crt' },
              { contents: { source: 'https://files.example.com/remote.crt' }, mode: 420, path: '/etc/pki/remote.crt' },
            ],
          },
        },
        kernelType: '',
      },
    }),
    encoding: 'cbor',
  });
  // defect/unseen-places: what the reference does not look at.
  const admin = pki.named('system:admin');
  const config = kubeconfig('https://localhost:6443', serviceCa, 'local', {
    certificate: certificatePem(admin),
    key: keyPem(admin.key),
  });
  const bearer = kubeconfig('https://localhost:6443', serviceCa, 'local', { token: legacy });
  configMap('kubeconfigs', { kubeconfig: config, 'bearer.kubeconfig': bearer });
  secret('kubeconfigs', { kubeconfig: config, 'bearer.kubeconfig': bearer });
  const registry = 'image-registry.openshift-image-registry.svc:5000';
  secret(
    'builder-dockercfg-x7k2p',
    {
      '.dockercfg': JSON.stringify({
        [registry]: {
          username: 'serviceaccount',
          password: legacy,
          email: 'serviceaccount@example.org',
          auth: Buffer.from(`serviceaccount:${legacy}`).toString('base64'),
        },
      }),
    },
    {
      type: 'kubernetes.io/dockercfg',
      annotations: {
        'kubernetes.io/service-account.name': 'builder',
        'openshift.io/token-secret.name': 'builder-token',
        'openshift.io/token-secret.value': legacy,
      },
    },
  );
  configMap('binary-data', {}, { binaryData: { 'ca.crt': Buffer.from(serviceCa), 'blob.bin': random.bytes(300) } });
  stored.push({
    object: objects.make('CustomResourceDefinition', 'apiextensions.k8s.io/v1', 'things.lab.example.com', {
      spec: {
        group: 'lab.example.com',
        names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
        scope: 'Namespaced',
        preserveUnknownFields: false,
        versions: ['v1', 'v1beta1'].map((version) => ({
          name: version,
          served: true,
          storage: version === 'v1',
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        })),
        conversion: {
          strategy: 'Webhook',
          webhook: {
            clientConfig: {
              service: { namespace: ns, name: 'webhook', path: '/convert', port: 443 },
              caBundle: Buffer.from(serviceCa),
            },
            conversionReviewVersions: ['v1'],
          },
        },
      },
    }),
  });
  stored.push({
    object: objects.make('Route', 'route.openshift.io/v1', `${ns}/reencrypt`, {
      spec: {
        host: `odd.apps.${domainOf(seed)}`,
        path: '',
        to: { kind: 'Service', name: 'odd', weight: 100 },
        tls: {
          termination: 'reencrypt',
          certificate: '',
          key: '',
          caCertificate: '',
          destinationCACertificate: serviceCa,
          insecureEdgeTerminationPolicy: '',
        },
        wildcardPolicy: 'None',
        subdomain: '',
      },
    }),
  });
  // scope/external: what a person told the cluster to trust (`registryAuthorities`), beside one of its own that bears the same names.
  configMap('mixed-trust', {
    'ca-bundle.crt': `${pemOf('CERTIFICATE', odd.external.der)}${pemOf('CERTIFICATE', odd.externalTwin.der)}`,
  });

  return {
    objects: stored,
    files: [
      {
        path: '/etc/kubernetes/static-pod-resources/odd/crlf.crt',
        text: `${serviceCa}${twice}`.replaceAll('\n', '\r\n').trimEnd(),
        mode: 0o640,
        owner: 1001,
      },
      {
        path: '/etc/kubernetes/static-pod-resources/odd/bearer.kubeconfig',
        text: `# kept comment\n${bearer}`,
        mode: 0o600,
      },
      { path: '/etc/kubernetes/static-pod-resources/odd/not-text.key', text: random.bytes(100), mode: 0o600 },
      { path: '/etc/kubernetes/static-pod-resources/odd/empty.crt', text: '', mode: 0o600 },
      { path: '/etc/kubernetes/static-pod-resources/odd/tls.crt.mcdorig', text: certificatePem(leaf), mode: 0o644 },
      {
        path: '/var/lib/kubelet/pods/leftover/volumes/kubernetes.io~empty-dir/scratch/broken.crt',
        text: '-----BEGIN CERTIFICATE-----\njunk\n',
        mode: 0o644,
      },
    ],
  };
}

/** Appends field 2000 to the object: what a newer server would know. The envelope's lengths are written anew. */
function withUnknownField(value: Buffer): Buffer {
  const head = value.subarray(4);
  const typeMetaEnd = 2 + (head[1] ?? 0);
  let [at, shift, length] = [typeMetaEnd + 1, 0, 0];
  for (; ; at += 1, shift += 7) {
    const byte = head[at] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  const raw = head.subarray(at + 1, at + 1 + length);
  return Buffer.concat([
    value.subarray(0, 4 + typeMetaEnd),
    field(2, Buffer.concat([raw, field(2000, Buffer.from('of a newer release'))])),
    field(3, Buffer.alloc(0)),
    field(4, Buffer.alloc(0)),
  ]);
}
