import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { test } from 'tap';
import '../../../test/certificates/provider.ts';
import { Name } from '@peculiar/x509';
import { pemOf } from '../../../test/certificates/pem.ts';
import { nodeKeyMaker } from '../../pki/signer.ts';
import type { Document } from '../document.ts';
import { etcdHolding } from '../test-etcd.ts';
import {
  bundle,
  certPem,
  configMap,
  crt,
  file,
  keyPem,
  object,
  pair,
  renewing,
  secret,
  tlsSecret,
} from '../test-documents.ts';
import { certificateDigestsIn, pastedIn } from './pasted.ts';

/* What stands on the cluster and is not the cluster's: none of it is touched, and each is named. */

/** Renews, and says which of the documents kept every byte. */
async function kept(documents: readonly Document[], ...more: readonly (readonly string[])[]): Promise<boolean[]> {
  const done = await renewing(documents, {}, ...more);
  assert.deepEqual(done.faults, []);
  return documents.map((document) => Buffer.compare(done.bytes(document), document.bytes) === 0);
}

await test('an authority without a private half anywhere stays, and is named', async () => {
  const ldap = await pair('LDAP CA');
  const own = await pair('own');
  const documents = [configMap('openshift-config/ldap-ca', { 'ca.crt': certPem(ldap) }), tlsSecret('a/own', own)];
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.bytes(documents[0] as Document), documents[0]?.bytes);
  assert.deepEqual(done.facts, [
    'the certificate "CN=LDAP CA" (etcd:/kubernetes.io/configmaps/openshift-config/ldap-ca) has no private key on the cluster and stays as it is',
  ]);
  assert.notEqual(done.certificate(documents[1] as Document, crt).digest, own.certificate.digest);
});

await test('a pair that another party signed stays: leaf alone, with its issuer, with the root in a bundle', async () => {
  const [root, alone] = [await pair('Company Root'), await pair('gone')];
  const issuing = await pair('Company Issuing', { by: root, ca: true });
  const [a, b, c] = [
    await pair('*.apps.a', { by: alone }),
    await pair('*.apps.b', { by: issuing }),
    await pair('*.apps.c', { by: root }),
  ];
  const documents = [
    tlsSecret('openshift-ingress/leaf', a),
    tlsSecret('openshift-ingress/chain', b, issuing, root),
    tlsSecret('openshift-ingress/under-the-bundle', c),
    // What operators copy of it into places of their own.
    configMap('openshift-config-managed/default-ingress-cert', { 'ca-bundle.crt': certPem(b) + certPem(issuing) }),
    secret('openshift-config-managed/router-certs', { 'apps.b': certPem(b) + certPem(issuing) + keyPem(b) }),
    tlsSecret('openshift-kube-apiserver/user-serving-cert-000', b, issuing),
    secret('logging/receiver', { 'ca-bundle.crt': certPem(root), 'tls.crt': certPem(c), 'tls.key': keyPem(c) }),
    configMap('openshift-config/user-ca-bundle', { 'ca-bundle.crt': certPem(root) }),
  ];
  assert.ok((await kept(documents)).every((same) => same));
  assert.ok(
    (await kept(documents, [certPem(root)])).every((same) => same),
    'also when the root is external',
  );
});

await test("another cluster's authorities stay, though they bear the names of the cluster's own", async () => {
  for (const name of ['kube-apiserver-lb-signer', 'root-ca', 'openshift-kube-apiserver-operator_x@1700000000']) {
    const hub = await pair(name);
    const documents = [
      configMap('openshift-config/hub-ca', { 'ca.crt': certPem(hub) }),
      secret('open-cluster-management-agent/hub', { 'ca.crt': certPem(hub) }),
      configMap('openshift-kube-apiserver/user-ca-bundle', { 'ca-bundle.crt': certPem(hub) }),
      configMap('openshift-authentication/v4-0-config-user-idp-0-ca', { 'ca.crt': certPem(hub) }),
    ];
    assert.ok(
      (await kept(documents)).every((same) => same),
      name,
    );
  }
});

await test('a name of the cluster is not enough: in files, webhooks and copies of what people gave, and with a company in it', async () => {
  const [root, hub, corp] = [
    await pair('root-ca'),
    await pair('kube-apiserver-lb-signer'),
    await pair('root-ca', { subject: new Name([{ C: ['DE'] }, { O: ['Corp AG'] }, { CN: ['root-ca'] }]) }),
  ];
  const api = await pair('api.seed.example.com', { by: corp });
  const documents = [
    object(
      '/kubernetes.io/validatingwebhookconfigurations/vendor',
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        webhooks: [{ name: 'a', clientConfig: { caBundle: Buffer.from(certPem(root)) } }],
      },
      'json',
    ),
    configMap('u1/r', { 'ca.crt': certPem(root) }),
    configMap('openshift-machine-api/hub-ca', { 'ca.crt': certPem(hub) }),
    file('/var/lib/kubelet/hub-ca.crt', certPem(hub)),
    file('/etc/kubernetes/lo.crt', certPem(root)),
    tlsSecret('openshift-config/api-cert', api),
    file(
      '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/user-serving-cert-000/tls.crt',
      certPem(api),
    ),
    file(
      '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/user-serving-cert-000/tls.key',
      keyPem(api),
    ),
  ];
  assert.ok((await kept(documents)).every((same) => same));
  // A client CA of a person, which operators copy and merge.
  const client = await pair('root-ca');
  assert.ok(
    (
      await kept([
        configMap('openshift-config/my-client-ca', { 'ca-bundle.crt': certPem(client) }),
        configMap('openshift-kube-apiserver/user-client-ca', { 'ca-bundle.crt': certPem(client) }),
        configMap('openshift-kube-apiserver/client-ca', { 'ca-bundle.crt': certPem(client) }),
      ])
    ).every((same) => same),
  );
});

await test("the cluster's own authorities without a key are renewed in places that it fills itself", async () => {
  for (const [name, place] of [
    ['admin-kubeconfig-signer', 'openshift-config/admin-kubeconfig-client-ca'],
    ['kubelet-bootstrap-kubeconfig-signer', 'openshift-config-managed/kube-apiserver-client-ca'],
    ['kube-apiserver-lb-signer', 'openshift-kube-apiserver-operator/loadbalancer-serving-ca'],
    [
      'openshift-kube-apiserver-operator_aggregator-client-signer@1700000000',
      'openshift-kube-apiserver/aggregator-client-ca',
    ],
    ['root-ca', 'openshift-machine-config-operator/machine-config-server-ca'],
  ] as const)
    assert.deepEqual(await kept([configMap(place, { 'ca-bundle.crt': certPem(await pair(name)) })]), [false], name);
});

await test('a leaf whose private half was not read is never renewed: encrypted, or not there', async () => {
  const ca = await pair('ca');
  const [locked, bare] = [await pair('locked', { by: ca }), await pair('bare', { by: ca })];
  const sealed = locked.key.object.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
  const documents = [
    tlsSecret('a/ca', ca),
    secret('a/locked', { 'tls.crt': certPem(locked), 'tls.key': String(sealed) }),
    configMap('a/bare', { 'ca-bundle.crt': certPem(bare) }),
  ] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.bytes(documents[1]), documents[1].bytes);
  assert.equal(done.certificate(documents[2], bundle).digest, bare.certificate.digest);
  assert.deepEqual(done.facts, [
    'etcd:/kubernetes.io/secrets/a/locked data/tls.key, pem block 0, "ENCRYPTED PRIVATE KEY" stays as it is: the private key is encrypted',
    'the certificate "CN=locked" (etcd:/kubernetes.io/secrets/a/locked) has no private key on the cluster and stays as it is',
    'the certificate "CN=bare" (etcd:/kubernetes.io/configmaps/a/bare) has no private key on the cluster and stays as it is',
  ]);
});

await test('a keystore beside a renewed pair is named', async () => {
  const own = await pair('own');
  const p12 = Buffer.concat([Buffer.from('3082010002010330', 'hex'), Buffer.alloc(40)]);
  const jks = Buffer.concat([Buffer.from('feedfeed00000002', 'hex'), Buffer.alloc(40)]);
  const done = await renewing([
    secret('a/own', { 'tls.crt': certPem(own), 'tls.key': keyPem(own), 'keystore.p12': p12, 'keystore.jks': jks }),
  ]);
  const sentence = (key: string, kind: string): string =>
    `etcd:/kubernetes.io/secrets/a/own data/${key} is a ${kind} keystore beside a renewed pair and holds the old one; whoever makes it has to make it anew`;
  assert.deepEqual(done.facts.toSorted(), [sentence('keystore.jks', 'JKS'), sentence('keystore.p12', 'PKCS#12')]);
});

await test('what a person names as external stays with all that it signed, although its key is here', async () => {
  const theirs = await pair('theirs');
  const leaf = await pair('leaf', { by: theirs });
  const documents = [tlsSecret('a/theirs', theirs), tlsSecret('a/leaf', leaf)];
  assert.deepEqual(await kept(documents), [false, false]);
  assert.deepEqual(await kept(documents, [certPem(theirs)]), [true, true]);
});

await test('a certificate of the cluster pasted elsewhere is told once an object, however it is packed', async () => {
  const own = await pair('own');
  const done = await renewing([tlsSecret('a/own', own)]);
  const [text, der] = [certPem(own), Buffer.from(own.certificate.der).toString('base64')];
  const helm = Buffer.from(gzipSync(JSON.stringify({ config: { ca: text } })).toString('base64')).toString('base64');
  const shapes: Readonly<Record<string, string | Uint8Array>> = {
    pem: text,
    'narrow PEM': pemOf('CERTIFICATE', own.certificate.der, { width: 76, eol: '\r\n' }),
    'PEM in JSON': JSON.stringify({ spec: { caBundle: text } }),
    'PEM in JSON in JSON': JSON.stringify({ annotation: JSON.stringify({ ca: text }) }),
    'base64 of PEM': JSON.stringify({ spec: { caBundle: Buffer.from(text).toString('base64') } }),
    'base64 of DER': JSON.stringify({ ca: der }),
    'base64 of DER in lines': `ca: |\n  ${der.match(/.{1,60}/g)?.join('\n  ') ?? ''}\n`,
    helm: JSON.stringify({ data: { release: helm } }),
    'base64 of base64 of PEM': Buffer.from(Buffer.from(text).toString('base64')).toString('base64'),
    'data URL': `source: data:,${encodeURIComponent(text)}`,
    'DER as it is': Buffer.concat([Buffer.from('k8s\0\n\x05'), own.certificate.der, Buffer.from('\x1a')]),
    'PEM in gzip as it is': Buffer.concat([Buffer.from('k8s\0'), gzipSync(text)]),
    'indented PEM': `ca: |\n    ${text.replaceAll('\n', '\n    ')}`,
  };
  const etcd = etcdHolding([
    ...Object.entries(shapes).map(([name, value]) => [`/kubernetes.io/x/${name}`, Buffer.from(value)] as const),
    ['/kubernetes.io/x/none', Buffer.from(certPem(await pair('other')))] as const,
  ]);
  assert.deepEqual(
    (await pastedIn(etcd, done.replacements, done.record)).toSorted(),
    Object.keys(shapes)
      .map(
        (name) =>
          `etcd:/kubernetes.io/x/${name} still holds the old certificate "CN=own", where it is not renewed; who put it there has to put the new one`,
      )
      .toSorted(),
  );
  assert.deepEqual(certificateDigestsIn(Buffer.from('no certificate, MII or not')), []);
});

await test("a file of the node's configuration that changes needs the node's copy among the changes", async () => {
  const ingress = await pair('ingress-operator@1700000000');
  const source = (text: string): string => `data:;base64,${Buffer.from(text).toString('base64')}`;
  const config = (path: string) => ({
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfig',
    spec: {
      config: {
        ignition: { version: '3.2.0' },
        storage: { files: [{ path, contents: { source: source(certPem(ingress)) } }] },
      },
    },
  });
  const path = '/etc/pki/ca-trust/source/anchors/ingress.crt';
  const documents = [
    tlsSecret('openshift-ingress-operator/router-ca', ingress),
    object('/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/rendered-master-1', config(path), 'json'),
    file('/machine-config-daemon/currentconfig', JSON.stringify(config(path))),
  ];
  await assert.rejects(renewing(documents), {
    name: 'Refusal',
    message: `the node's configuration lays down "${path}", which changes, and the node's copy is in none of the given folders`,
    next: `add "${path}" to crypto_files, or its folder to crypto_dirs`,
  });
  assert.deepEqual(await kept([...documents, file(`/host${path}`, certPem(ingress))]), [false, false, false, false]);
});

await test("a company's root that the node's configuration lays down stays, in currentconfig, too", async () => {
  const corporate = await pair('Corporate Root');
  const config = {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfig',
    spec: {
      config: {
        storage: {
          files: ['/etc/pki/ca-trust/source/anchors/corp-root.crt', '/etc/containers/certs.d/registry:5000/ca.crt'].map(
            (path) => ({
              path,
              contents: { source: `data:;base64,${Buffer.from(certPem(corporate)).toString('base64')}` },
            }),
          ),
        },
      },
    },
  };
  const documents = [
    object('/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/99-master-corp', config, 'json'),
    file('/etc/machine-config-daemon/currentconfig', JSON.stringify(config)),
    file('/etc/kubernetes/corp-root.crt', certPem(corporate)),
  ];
  assert.deepEqual(await kept(documents), [true, true, true]);
});

await test('a key that also bears a certificate of others is left alone, with both', async () => {
  const others = await pair('others');
  const key = await nodeKeyMaker.make({ type: 'ec', curve: 'P-256' });
  const [self, signed] = [await pair('service', { key }), await pair('service', { key, by: others })];
  const documents = [tlsSecret('a/self', self), tlsSecret('a/signed', signed)];
  assert.deepEqual(await kept(documents), [true, true]);
});
