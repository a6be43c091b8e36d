import assert from 'node:assert/strict';
import { test } from 'tap';
import { isJwtSignedBy, kidOf, readJwt } from '../../pki/jwt.ts';
import type { KeyShape } from '../../pki/keys.ts';
import { readPublicKey } from '../../pki/keys.ts';
import { extension } from '../../../test/certificates/extensions.ts';
import {
  bundle,
  certPem,
  configMap,
  crt,
  file,
  keyPem,
  p256,
  pair,
  pemOf,
  renewing,
  rsa,
  secret,
  tlsSecret,
  token,
} from '../test-documents.ts';

test('external certificates stay byte for byte, with what is signed below them, and their keys', async () => {
  const company = await pair('company');
  const middle = await pair('middle', { by: company, ca: true });
  const served = await pair('*.apps.example.com', { by: middle });
  const same = await pair('company'); // another authority of the same name: the cluster's own
  const ownLeaf = await pair('own', { by: same });
  const documents = [
    configMap('a/trust', { 'ca-bundle.crt': certPem(company) + certPem(same) }),
    tlsSecret('a/ingress', served, middle),
    secret('a/company', { 'tls.key': keyPem(company) }),
    tlsSecret('a/own', same),
    tlsSecret('a/leaf', ownLeaf),
  ] as const;
  const done = await renewing(documents, {}, [certPem(company)]);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.bytes(documents[1]), documents[1].bytes);
  assert.deepEqual(done.bytes(documents[2]), documents[2].bytes);
  assert.equal(done.certificate(documents[0], bundle).digest, company.certificate.digest);
  assert.equal(done.certificate(documents[0], bundle, 1).digest, done.certificate(documents[3], crt).digest);
  assert.notEqual(done.certificate(documents[3], crt).digest, same.certificate.digest);
  assert.deepEqual(done.facts, [
    'the certificate "CN=*.apps.example.com" (etcd:/kubernetes.io/secrets/a/ingress) is signed by "CN=middle", which nobody here can sign again, and stays as it is',
    'the certificate "CN=middle" (etcd:/kubernetes.io/secrets/a/ingress) is signed by the external "CN=company" and stays as it is',
    "a private key (etcd:/kubernetes.io/secrets/a/company) is not the cluster's own and stays as it is",
  ]);
});

test('ip_change_only renews whole trees that the rules touch, and no other, no signing key and no token', async () => {
  const ip = '192.168.126.10';
  const [etcd, other] = [await pair('etcd-signer'), await pair('other-signer')];
  const touched = await pair('etcd', { by: etcd, extensions: [extension.altNames(['etcd'], [ip])] });
  const sibling = await pair('etcd-client', { by: etcd });
  const alone = await pair('other', { by: other });
  const signing = await pair('unused', { shape: rsa });
  const bearer = await token(signing.key, { kid: 'yes' });
  const documents = [
    tlsSecret('a/etcd-signer', etcd),
    tlsSecret('a/etcd', touched),
    tlsSecret('a/etcd-client', sibling),
    tlsSecret('a/other-signer', other),
    tlsSecret('a/other', alone),
    secret('a/sa', { 'service-account.key': keyPem(signing), token: bearer }),
    configMap('a/all', { 'ca-bundle.crt': certPem(etcd) + certPem(other) }),
  ] as const;
  const done = await renewing(documents, { ipChangeOnly: true, rules: [{ old: ip, new: '10.0.0.1' }] });
  assert.deepEqual(done.faults, []);
  assert.deepEqual(
    done.replacements.map(({ kind, ...one }) =>
      kind === 'changed' && 'document' in one && one.document.in === 'etcd' ? one.document.key.split('/').at(-1) : '',
    ),
    ['etcd-signer', 'etcd', 'etcd-client', 'all'],
  );
  assert.equal(done.certificate(documents[6], bundle, 1).digest, other.certificate.digest);
  const none = await renewing(documents, { ipChangeOnly: true, rules: [{ old: '1.1.1.1', new: '10.0.0.1' }] });
  assert.deepEqual([none.edits, none.replacements, none.faults], [[], [], []]);
});

test('tokens keep their claims to the byte and name the new key, whatever signs them', async () => {
  const kinds: readonly (readonly [KeyShape, string])[] = [
    [rsa, 'RS256'],
    [rsa, 'RS512'],
    [p256, 'ES256'],
    [{ type: 'ec', curve: 'P-521' }, 'ES512'],
  ];
  for (const [shape, alg] of kinds) {
    const signing = await pair('unused', { shape });
    const [named, nameless] = [
      await token(signing.key, { kid: 'yes', alg, claims: { sub: 'system:serviceaccount:ns:é', exp: 1, '<&>': 1.5 } }),
      await token(signing.key, { alg }),
    ];
    const documents = [
      secret(
        'a/sa',
        { 'service-account.key': keyPem(signing), token: named },
        { annotations: { 'openshift.io/token-secret.value': named } },
      ),
      file('/var/lib/kubelet/pods/x/token', `${nameless}\n`),
      configMap('a/pub', { 'service-account-001.pub': pemOf('RSA PUBLIC KEY', signing.key.public.spki) }),
    ] as const;
    const done = await renewing(documents);
    assert.deepEqual(done.faults, []);
    const fresh = done.key(documents[0], ['data', 'service-account.key']);
    const jwt = readJwt(done.text(documents[0], ['data', 'token']));
    assert.ok(jwt !== undefined && isJwtSignedBy(jwt, fresh.public));
    assert.equal(jwt.kid, kidOf(fresh.public));
    assert.equal(jwt.payload, named.split('.')[1]);
    assert.equal(
      done.text(documents[0], ['metadata', 'annotations', 'openshift.io/token-secret.value']),
      done.text(documents[0], ['data', 'token']),
    );
    assert.ok(done.text(documents[1]).endsWith('\n'));
    assert.deepEqual(
      Buffer.from(done.bytes(documents[2], ['data', 'service-account-001.pub'], [{ in: 'pem', index: 0 }])),
      Buffer.from(fresh.public.spki),
    );
  }
});

test("a token of a key that is nowhere stays, an old public service-account key is replaced, and somebody's public key stays", async () => {
  const [gone, old, image, licence] = [
    await pair('x', { shape: rsa }),
    await pair('y', { shape: rsa }),
    await pair('z'),
    await pair('maker'),
  ];
  const documents = [
    secret('a/pull', { token: await token(gone.key, { kid: 'yes' }) }),
    configMap('a/bound-sa-token-signing-certs', {
      'service-account-001.pub': pemOf('RSA PUBLIC KEY', old.key.public.spki),
    }),
    configMap('a/sigstore', { 'cosign.pub': pemOf('PUBLIC KEY', image.key.public.spki) }),
    secret('a/licence', {
      'maker.pub': pemOf('PUBLIC KEY', licence.key.public.spki),
      token: await token(licence.key, { kid: 'yes', claims: { sub: 'customer 7' } }),
    }),
    secret('a/of-the-old', { token: await token(old.key, { kid: 'yes' }) }),
  ] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.bytes(documents[0]), documents[0].bytes);
  assert.deepEqual(done.bytes(documents[2]), documents[2].bytes);
  assert.deepEqual(done.bytes(documents[3]), documents[3].bytes);
  const fresh = readPublicKey(
    done.bytes(documents[1], ['data', 'service-account-001.pub'], [{ in: 'pem', index: 0 }]),
  ).key;
  assert.notEqual(fresh.id, old.key.public.id);
  const jwt = readJwt(done.text(documents[4], ['data', 'token']));
  assert.ok(jwt !== undefined && isJwtSignedBy(jwt, fresh));
  assert.deepEqual(done.facts, [
    'a public key (etcd:/kubernetes.io/configmaps/a/sigstore) has no private half here and stays as it is',
    'a public key (etcd:/kubernetes.io/secrets/a/licence) has no private half here and stays as it is',
    'a token (etcd:/kubernetes.io/secrets/a/pull) is signed by no key of the cluster and stays as it is',
    'a token (etcd:/kubernetes.io/secrets/a/licence) is signed by no key of the cluster and stays as it is',
  ]);
});
