import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'tap';
import { chainFaults } from '../../pki/chain.ts';
import { hex, sameBytes, tags } from '../../pki/der.ts';
import { isJwtSignedBy, kidOf, readJwt } from '../../pki/jwt.ts';
import type { KeyShape } from '../../pki/keys.ts';
import { readCertificate, tbsParts } from '../../pki/certificate.ts';
import { nodeKeyMaker } from '../../pki/signer.ts';
import '../../../test/certificates/provider.ts';
import { Name } from '@peculiar/x509';
import { extension } from '../../../test/certificates/extensions.ts';
import { cn, makeCertificate, nameDer } from '../../../test/certificates/make.ts';
import { keyIdOf } from '../../pki/key-identifier.ts';
import { readAt } from '../../edit/edit.ts';
import { useCertFrom, useKeyFrom } from './options.ts';
import {
  certPem,
  configMap,
  crt,
  file,
  keyPem,
  kubeconfig,
  object,
  p256,
  pair,
  pemOf,
  renewing,
  rsa,
  secret,
  tlsSecret,
  token,
} from '../test-documents.ts';

/** One test for each defect of the reference that this room answers for, by its id in the table of internal/recert/README.md. */

const p384: KeyShape = { type: 'ec', curve: 'P-384' };
const p521: KeyShape = { type: 'ec', curve: 'P-521' };
const key = ['data', 'tls.key'];

test('defect/p384-signatures: what a P-384 key signs is valid, and so is what P-521 and Ed25519 keys sign', async () => {
  for (const shape of [p384, p521, { type: 'ed25519' } as const]) {
    const ca = await pair('ca', { shape });
    const leaf = await pair('leaf', { by: ca });
    const [signer, served] = [tlsSecret('a/signer', ca), tlsSecret('a/leaf', leaf)];
    const done = await renewing([signer, served]);
    assert.deepEqual(done.faults, []);
    assert.deepEqual(chainFaults(done.certificate(served, crt), done.certificate(signer, crt)), []);
    assert.deepEqual(done.key(signer, key).public.shape, shape);
    assert.notEqual(done.key(signer, key).public.id, ca.key.public.id);
  }
});

test('defect/key-forms: private keys stay in the form and under the label that was found', async () => {
  const forms = [
    ['rsa', 'pkcs1', 'RSA PRIVATE KEY'],
    ['rsa', 'pkcs8', 'PRIVATE KEY'],
    ['ec', 'sec1', 'EC PRIVATE KEY'],
    ['ec', 'pkcs8', 'PRIVATE KEY'],
    ['ec', 'pkcs8', 'EC PRIVATE KEY'],
  ] as const;
  for (const [type, form, tag] of forms) {
    const ca = await pair('ca', { shape: type === 'rsa' ? rsa : p256 });
    const document = secret('a/b', { 'tls.crt': certPem(ca), 'tls.key': keyPem(ca, form, tag) });
    const done = await renewing([document]);
    assert.equal(done.text(document, key), keyPem({ key: done.key(document, key) }, form, tag), `${form} under ${tag}`);
  }
});

test('defect/sec1-p384: a P-384 key in SEC1 form is renewed with its certificate', async () => {
  const ca = await pair('ca', { shape: p384 });
  const document = secret('a/b', { 'tls.crt': certPem(ca), 'tls.key': keyPem(ca, 'sec1') });
  const done = await renewing([document]);
  assert.ok(new X509Certificate(done.certificate(document, crt).der).checkPrivateKey(done.key(document, key).object));
});

test('defect/public-key-label: a PUBLIC KEY block does not keep the blocks beside it from being renewed, and is renewed when it is ours', async () => {
  const ca = await pair('ca');
  const document = secret('a/b', {
    'tls.crt': certPem(ca) + pemOf('PUBLIC KEY', ca.key.public.spki),
    'tls.key': keyPem(ca),
  });
  const done = await renewing([document]);
  assert.deepEqual(
    Buffer.from(done.bytes(document, crt, [{ in: 'pem', index: 1 }])),
    Buffer.from(done.key(document, key).public.spki),
  );
});

test('defect/mixed-curves: leaves under authorities of another curve or kind keep their chain, and so do those signed with ECDSA and SHA-512', async () => {
  for (const [below, above] of [
    [p256, p384],
    [p384, p256],
    [p256, rsa],
    [rsa, p521],
  ] as const) {
    const ca = await pair('ca', { shape: above });
    const leaf = await pair('leaf', { shape: below, by: ca });
    const documents = [tlsSecret('a/ca', ca), tlsSecret('a/leaf', leaf)] as const;
    const done = await renewing(documents);
    assert.deepEqual(chainFaults(done.certificate(documents[1], crt), done.certificate(documents[0], crt)), []);
  }
  const odd = await pair('ca', { shape: p521, hash: 'sha512' });
  const document = tlsSecret('a/odd', odd);
  assert.equal((await renewing([document])).certificate(document, crt).signatureOid, '1.2.840.10045.4.3.4');
});

test('defect/ecdsa-null: an ECDSA signature has no NULL parameters', async () => {
  const ca = await pair('ca');
  const document = tlsSecret('a/b', ca);
  assert.ok(!hex(tbsParts((await renewing([document])).certificate(document, crt).der).algorithm).includes('0500'));
});

test('defect/same-names: certificates are told apart by their bytes: the same names and key do not make them one', async () => {
  const first = await pair('ca', { serial: Uint8Array.of(1) });
  const second = await pair('ca', {
    key: first.key,
    serial: Uint8Array.of(2, 2),
    notAfter: new Date('2040-01-01T00:00:00Z'),
  });
  const documents = [tlsSecret('a/one', first), configMap('a/two', { 'ca-bundle.crt': certPem(second) })] as const;
  const done = await renewing(documents);
  const [one, two] = [done.certificate(documents[0], crt), done.certificate(documents[1], ['data', 'ca-bundle.crt'])];
  assert.equal(two.validity.notAfter.toISOString(), '2040-01-01T00:00:00.000Z');
  assert.deepEqual([one.serial.length, two.serial.length], [1, 2]);
  assert.equal(one.publicKey?.id, two.publicKey?.id);
});

test('defect/shared-key: certificates that share a key share the new one where it is stored, and stay where it is not', async () => {
  const ca = await pair('ca');
  for (const stored of [true, false]) {
    const shared = await nodeKeyMaker.make(p256);
    const [a, b] = [await pair('a', { by: ca, key: shared }), await pair('b', { by: ca, key: shared })];
    const documents = [
      tlsSecret('x/ca', ca),
      secret('x/a', { 'tls.crt': certPem(a), ...(stored ? { 'tls.key': keyPem(a) } : {}) }),
      secret('x/b', { 'tls.crt': certPem(b) }),
    ] as const;
    const done = await renewing(documents);
    assert.deepEqual(done.faults, []);
    const [one, two] = [done.certificate(documents[1], crt), done.certificate(documents[2], crt)];
    assert.equal(one.publicKey?.id, two.publicKey?.id);
    if (stored) assert.equal(one.publicKey?.id, done.key(documents[1], key).public.id);
    else assert.deepEqual([one.digest, two.digest], [a.certificate.digest, b.certificate.digest]);
    assert.equal(one.publicKey?.id !== shared.public.id, stored);
  }
});

test('defect/lost-signer: a certificate whose signer is nowhere keeps its authority key identifier, and its siblings have one signer with it', async () => {
  const gone = await pair('olm-selfsigned-0123456789abcdef');
  const [a, b] = [await pair('a', { by: gone }), await pair('b', { by: gone })];
  const documents = [tlsSecret('x/a', a), tlsSecret('x/b', b)] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  const [one, two] = [done.certificate(documents[0], crt), done.certificate(documents[1], crt)];
  assert.deepEqual(one.authorityKeyId, a.certificate.authorityKeyId);
  assert.notEqual(one.digest, a.certificate.digest);
  assert.equal(one.issuerText, 'CN=olm-selfsigned-0123456789abcdef');
  assert.deepEqual(two.authorityKeyId, one.authorityKeyId);
  assert.ok(
    done.edits.some(
      ({ reason }) =>
        reason ===
        'certificate "CN=a" signed in the name of "CN=olm-selfsigned-0123456789abcdef", which is not on the cluster',
    ),
  );
});

test('defect/own-serial: a self-signed certificate whose authority key identifier carries its own serial number keeps that true', async () => {
  const own = await nodeKeyMaker.make(p256);
  const id = keyIdOf(own.public, 'rfc5280-1');
  const serial = Uint8Array.from([0x10, 2, 3, 4, 5, 6, 7, 8]);
  const certificate = await makeCertificate({
    subject: cn('ca'),
    key: own,
    serial,
    extensions: [
      extension.basicConstraints(true),
      extension.subjectKeyId(id),
      extension.authorityKeyId(id, cn('ca'), serial),
    ],
  });
  const document = secret('a/b', { 'tls.crt': certPem({ certificate, key: own }), 'tls.key': keyPem({ key: own }) });
  const fresh = (await renewing([document])).certificate(document, crt);
  assert.ok(fresh.authoritySerial !== undefined && sameBytes(fresh.authoritySerial, fresh.serial));
  assert.ok(!sameBytes(fresh.serial, serial));
  assert.deepEqual(chainFaults(fresh, fresh), []);
});

test('defect/beyond-2049: dates beyond 2050 are kept, shifted and written in the right form', async () => {
  const far = await pair('far', {
    notBefore: new Date('2049-01-01T00:00:00Z'),
    notAfter: new Date('2060-01-01T00:00:00Z'),
  });
  const near = await pair('near', {
    notBefore: new Date('2020-01-01T00:00:00Z'),
    notAfter: new Date('2049-12-31T00:00:00Z'),
  });
  const documents = [tlsSecret('a/far', far), tlsSecret('a/near', near)] as const;
  const extended = await renewing(documents, { validity: 'extend', now: new Date('2026-06-01T12:00:00.750Z') });
  assert.equal(extended.certificate(documents[0], crt).validity.notBefore.toISOString(), '2026-06-01T12:00:00.000Z');
  assert.equal(extended.certificate(documents[1], crt).validity.notAfter.toISOString(), '2056-05-31T12:00:00.000Z');
  assert.equal(
    tbsParts(extended.certificate(documents[1], crt).der).validity.filter((byte) => byte === tags.generalizedTime)
      .length >= 1,
    true,
  );
  const forced = await renewing(documents, { validity: 'expire', now: new Date('2026-06-01T12:00:00Z') });
  assert.equal(forced.certificate(documents[0], crt).validity.notAfter.toISOString(), '2026-06-01T12:00:00.000Z');
});

test('defect/kept-serials: serial numbers are new, of the old length, unless they are to be kept', async () => {
  const ca = await pair('ca', { serial: Uint8Array.of(1) });
  const leaf = await pair('leaf', {
    by: ca,
    serial: Uint8Array.from([0, 0xff, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
  });
  const documents = [tlsSecret('a/ca', ca), tlsSecret('a/leaf', leaf)] as const;
  const done = await renewing(documents);
  assert.equal(done.certificate(documents[1], crt).serial.length, 17);
  assert.ok(!sameBytes(done.certificate(documents[1], crt).serial, leaf.certificate.serial));
  assert.ok(!sameBytes(done.certificate(documents[0], crt).serial, ca.certificate.serial));
  const kept = await renewing(documents, { keepSerials: true });
  assert.ok(sameBytes(kept.certificate(documents[1], crt).serial, leaf.certificate.serial));
});

test('defect/binary-values: binary values of a secret are passed by', async () => {
  const ca = await pair('ca');
  const binary = Uint8Array.from({ length: 400 }, (_, at) => (at * 37) % 256);
  const document = secret('a/b', { 'keystore.jks': binary, 'tls.crt': certPem(ca), 'tls.key': keyPem(ca) });
  const done = await renewing([document]);
  assert.deepEqual(Buffer.from(done.bytes(document, ['data', 'keystore.jks'])), Buffer.from(binary));
  assert.notEqual(done.certificate(document, crt).digest, ca.certificate.digest);
});

test('defect/no-webhooks: webhook configurations without webhooks, or without a bundle, are passed by', async () => {
  const ca = await pair('ca');
  const hook = (name: string, webhooks: unknown[] | undefined) =>
    object(`/kubernetes.io/validatingwebhookconfigurations/${name}`, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      ...(webhooks === undefined ? {} : { webhooks }),
    });
  const [none, empty, without] = [
    hook('none', undefined),
    hook('empty', []),
    hook('without', [{ name: 'x', clientConfig: { url: 'https://x' } }]),
  ];
  const full = hook('full', [
    { name: 'a', clientConfig: { url: 'https://a' } },
    { name: 'b', clientConfig: { caBundle: Buffer.from(certPem(ca)) } },
  ]);
  const signer = tlsSecret('a/b', ca);
  const done = await renewing([none, empty, without, full, signer]);
  assert.deepEqual(done.facts, []);
  assert.equal(
    done.certificate(full, ['webhooks', 1, 'clientConfig', 'caBundle']).digest,
    done.certificate(signer, crt).digest,
  );
  assert.deepEqual(done.replacements.length, 2);
});

test('defect/dotted-words: three dotted words whose header is no JSON, or half a token, are no token', async () => {
  const ca = await pair('ca');
  const whole = await token((await pair('x')).key);
  const document = configMap('a/b', {
    words: 'abcd.efgh.ijkl',
    header: 'eyJhbGciOiJSUzI1NiJ9.bm8.c2ln',
    half: whole.slice(0, whole.lastIndexOf('.')),
    'ca.crt': certPem(ca),
  });
  const done = await renewing([document]);
  assert.deepEqual(done.record.tokens, []);
  assert.equal(done.text(document, ['data', 'words']), 'abcd.efgh.ijkl');
});

test('defect/odd-pem: PEM of any width, with CRLF, and the same block twice in a bundle are replaced where they stand', async () => {
  const [ca, other] = [await pair('ca'), await pair('other')];
  const bundle = (one: typeof ca, two: typeof ca): string =>
    `# one\r\n${certPem(one, { width: 76, eol: '\r\n' })}\r\n# again\r\n${certPem(one, { eol: '\r\n' })}${certPem(two, { width: 1000, eol: '\r\n' })}`.trimEnd();
  const document = configMap('a/b', { 'ca-bundle.crt': bundle(ca, other) });
  const done = await renewing([document]);
  assert.deepEqual(done.faults, []);
  const field = ['data', 'ca-bundle.crt'];
  const fresh = [0, 1, 2].map((index) => ({ certificate: done.certificate(document, field, index), key: ca.key }));
  assert.ok(fresh[0] && fresh[2]);
  assert.equal(fresh[0].certificate.digest, fresh[1]?.certificate.digest);
  assert.equal(done.text(document, field), bundle(fresh[0], fresh[2]));
});

test('defect/foreign-comments: comments that are not ASCII, or not even UTF-8, keep their bytes', async () => {
  const ca = await pair('ca');
  const comment = Buffer.concat([Buffer.from('# Zertifikat für é\n'), Buffer.from([0xe9, 0xff, 0x0a])]);
  const document = secret('a/b', { 'tls.crt': Buffer.concat([comment, Buffer.from(certPem(ca))]) });
  const done = await renewing([document]);
  assert.deepEqual(Buffer.from(done.bytes(document, crt)).subarray(0, comment.length), comment);
});

test('defect/validity-annotations: the annotations of the validity follow the leaf, not its authority', async () => {
  const ca = await pair('ca', {
    notBefore: new Date('2020-01-01T00:00:00Z'),
    notAfter: new Date('2030-01-01T00:00:00Z'),
  });
  const leaf = await pair('leaf', {
    by: ca,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2026-02-01T00:00:00Z'),
  });
  const names = ['auth.openshift.io/certificate-not-before', 'auth.openshift.io/certificate-not-after'] as const;
  const [notBefore, notAfter] = names;
  const document = secret(
    'a/b',
    { 'ca.crt': certPem(ca), 'tls.crt': certPem(leaf) + certPem(ca), 'tls.key': keyPem(leaf) },
    {
      annotations: {
        [notBefore]: '2026-01-01T00:00:00Z',
        [notAfter]: '2026-02-01T00:00:00Z',
        'auth.openshift.io/certificate-issuer': 'ca',
      },
    },
  );
  const bare = tlsSecret('a/bare', leaf);
  const authority = tlsSecret('a/ca', ca);
  const done = await renewing([document, bare, authority], {
    validity: 'extend',
    now: new Date('2026-06-01T12:00:00Z'),
  });
  assert.deepEqual(done.faults, []);
  assert.deepEqual(
    names.map((name) => done.text(document, ['metadata', 'annotations', name])),
    ['2026-06-01T12:00:00Z', '2026-07-02T12:00:00Z'],
  );
  assert.equal(done.text(document, ['metadata', 'annotations', 'auth.openshift.io/certificate-issuer']), 'ca');
  assert.ok(!Buffer.from(done.bytes(bare)).includes('certificate-not-after'), 'none is added');
  assert.ok(
    !(await renewing([document, authority])).edits.some(({ place }) => place.field[0] === 'metadata'),
    'unchanged validity, unchanged annotations',
  );
});

test('defect/unknown-fields: unknown protobuf fields, their order and empty values survive a renewal', async () => {
  const ca = await pair('ca');
  const made = secret('a/b', { 'tls.crt': certPem(ca), 'tls.key': keyPem(ca), empty: '' });
  // Field 99 and a bare varint behind the object of the envelope: what a later release might add.
  const extra = Uint8Array.from([0x9a, 0x06, 3, 1, 2, 3, 0x98, 0x3f, 7]);
  const document = { ...made, bytes: new Uint8Array(Buffer.concat([made.bytes, extra])) };
  const done = await renewing([document]);
  assert.deepEqual(done.faults, []);
  const after = done.bytes(document);
  assert.deepEqual(after.subarray(-extra.length), extra);
  assert.notEqual(done.certificate(document, crt).digest, ca.certificate.digest);
});

test("defect/unseen-places: bearer tokens and pairs in kubeconfigs, dockercfg tokens, CRD conversion bundles, routes and binaryData are renewed where they are the cluster's own", async () => {
  const ca = await pair('service-ca', { shape: rsa });
  const client = await pair('system:admin', { by: ca });
  const signing = await pair('unused', { shape: rsa });
  const bearer = await token(signing.key, { kid: 'yes' });
  const other = await pair('company');
  const signer = secret('a/signer', {
    'tls.crt': certPem(ca),
    'tls.key': keyPem(ca),
    'service-account.key': keyPem(signing),
  });
  const admin = tlsSecret('a/admin', client);
  const kube = secret('a/node-kubeconfigs', { 'lb-ext.kubeconfig': kubeconfig({ ca, client, bearer }) });
  const docker = secret('a/builder-dockercfg', {
    '.dockercfg': JSON.stringify({
      'image-registry:5000': {
        username: '<token>',
        password: bearer,
        auth: Buffer.from(`<token>:${bearer}`).toString('base64'),
      },
    }),
  });
  const pull = secret('a/pull-secret', {
    '.dockerconfigjson': JSON.stringify({
      auths: { 'quay.io': { auth: Buffer.from('me:secret').toString('base64') } },
    }),
  });
  const crd = object(
    '/kubernetes.io/apiextensions.k8s.io/customresourcedefinitions/x',
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      spec: {
        conversion: {
          strategy: 'Webhook',
          webhook: { clientConfig: { caBundle: Buffer.from(certPem(ca)).toString('base64') } },
        },
      },
    },
    'json',
  );
  const route = (name: string, destination: typeof ca) =>
    object(`/openshift.io/routes/a/${name}`, {
      apiVersion: 'route.openshift.io/v1',
      kind: 'Route',
      spec: { host: 'h', tls: { termination: 'reencrypt', destinationCACertificate: certPem(destination) } },
    });
  const [own, theirs] = [route('own', ca), route('theirs', other)];
  const binary = configMap('a/binary', {}, { binaryData: { bundle: Buffer.from(certPem(ca)) } });
  const onDisk = file('/etc/kubernetes/lb-ext.kubeconfig', kubeconfig({ ca, client, bearer }));
  const done = await renewing([signer, admin, kube, docker, pull, crd, own, theirs, binary, onDisk]);
  assert.deepEqual(done.faults, []);
  const fresh = done.certificate(signer, crt);
  const newKey = done.key(signer, ['data', 'service-account.key']);

  for (const [document, field] of [
    [kube, ['data', 'lb-ext.kubeconfig']],
    [onDisk, []],
  ] as const) {
    const inside = (...path: (string | number)[]) => done.bytes(document, field, [{ in: 'yaml', path }]);
    const cluster = readAt(inside('clusters', 0, 'cluster', 'certificate-authority-data'), [
      { in: 'base64' },
      { in: 'pem', index: 0 },
    ]);
    assert.equal(readCertificate(cluster ?? new Uint8Array()).digest, fresh.digest);
    const pairInside = readAt(inside('users', 0, 'user', 'client-certificate-data'), [
      { in: 'base64' },
      { in: 'pem', index: 0 },
    ]);
    assert.equal(readCertificate(pairInside ?? new Uint8Array()).digest, done.certificate(admin, crt).digest);
    const jwt = readJwt(Buffer.from(inside('users', 0, 'user', 'token')).toString());
    assert.ok(jwt !== undefined && isJwtSignedBy(jwt, newKey.public));
    assert.equal(jwt.kid, kidOf(newKey.public));
    assert.ok(done.text(document, field).includes('# by hand'));
  }
  const password = JSON.parse(done.text(docker, ['data', '.dockercfg'])) as Record<
    string,
    { password: string; auth: string }
  >;
  const registry = password['image-registry:5000'];
  assert.notEqual(registry?.password, bearer);
  assert.equal(Buffer.from(registry?.auth ?? '', 'base64').toString(), `<token>:${registry?.password ?? ''}`);
  assert.equal(
    done.text(pull, ['data', '.dockerconfigjson']).includes(Buffer.from('me:secret').toString('base64')),
    true,
  );
  const bundle = ['spec', 'conversion', 'webhook', 'clientConfig', 'caBundle'];
  assert.equal(done.certificate(crd, bundle).digest, fresh.digest);
  assert.equal(done.certificate(own, ['spec', 'tls', 'destinationCACertificate']).digest, fresh.digest);
  assert.equal(done.certificate(theirs, ['spec', 'tls', 'destinationCACertificate']).digest, other.certificate.digest);
  assert.equal(done.certificate(binary, ['binaryData', 'bundle']).digest, fresh.digest);
  assert.deepEqual(done.facts, [
    'the certificate "CN=company" (etcd:/openshift.io/routes/a/theirs) has no private key on the cluster and stays as it is',
  ]);
});

test('defect/late-refusals: a given key that fits several keys, and a given certificate whose key is stored or that signed others, are refused before any work', async () => {
  const [one, two] = [await pair('lb-signer'), await pair('lb-signer')];
  const leaf = await pair('leaf', { by: one });
  const documents = [tlsSecret('a/1', one), tlsSecret('a/2', two)];
  const given = await pair('lb-signer');
  await assert.rejects(renewing(documents, { useKeys: [useKeyFrom('lb-signer', keyPem(given))] }), {
    name: 'Refusal',
    message: 'use_key for "lb-signer" fits 2 different keys of the cluster, and one key cannot take the place of all',
  });
  await assert.rejects(renewing(documents.slice(0, 1), { useCerts: [useCertFrom('use_cert 1', certPem(given))] }), {
    name: 'Refusal',
    message:
      'use_cert for "lb-signer": the cluster holds the private key of that certificate, which would no longer fit it',
  });
  await assert.rejects(
    renewing([configMap('a/ca', { 'ca.crt': certPem(one) }), tlsSecret('a/leaf', leaf)], {
      useCerts: [useCertFrom('use_cert 1', certPem(given))],
    }),
    {
      name: 'Refusal',
      message: 'use_cert for "lb-signer": 1 certificate is signed by it, and cannot be signed again without its key',
    },
  );
});

test('names with several attributes keep all of them, and their order', async () => {
  const own = await nodeKeyMaker.make(p256);
  const certificate = await makeCertificate({
    subject: new Name([{ O: ['system:nodes'] }, { CN: ['system:node:seed'] }]),
    key: own,
    keyIds: 'rfc5280-1',
  });
  const document = secret('a/b', { 'tls.crt': certPem({ certificate, key: own }), 'tls.key': keyPem({ key: own }) });
  const done = await renewing([document], { rules: [{ old: 'system:node:seed', new: 'system:node:site' }] });
  assert.deepEqual(
    Buffer.from(done.certificate(document, crt).subject),
    Buffer.from(nameDer(new Name([{ O: ['system:nodes'] }, { CN: ['system:node:site'] }]))),
  );
});
