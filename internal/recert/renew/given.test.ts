import assert from 'node:assert/strict';
import { test } from 'tap';
import { chainFaults } from '../../pki/chain.ts';
import { readPublicKey } from '../../pki/keys.ts';
import { ipText } from '../../pki/ip-bytes.ts';
import { nodeKeyMaker } from '../../pki/signer.ts';
import { extension } from '../../../test/certificates/extensions.ts';
import { cn, makeCertificate } from '../../../test/certificates/make.ts';
import { useCertFrom, useKeyFrom } from './options.ts';
import {
  bundle,
  certPem,
  configMap,
  crt,
  keyPem,
  p256,
  pair,
  pemOf,
  renewing,
  rsa,
  secret,
  tlsSecret,
} from '../test-documents.ts';

const key = ['data', 'tls.key'];

test('an authority that is nowhere can be given by its key', async () => {
  const gone = await pair('gone');
  const leaf = await pair('leaf', { by: gone });
  const document = tlsSecret('a/leaf', leaf);
  const mine = await nodeKeyMaker.make(p256);
  const done = await renewing([document], { useKeys: [useKeyFrom('gone', keyPem({ key: mine }))] });
  const verified = await makeCertificate({
    subject: cn('gone'),
    key: mine,
    extensions: [extension.basicConstraints(true)],
  });
  assert.deepEqual(chainFaults(done.certificate(document, crt), verified), []);
});

test('a given certificate takes the place of the one of its name, unchanged; with its key it may sign and be stored', async () => {
  const admin = await pair('admin-kubeconfig-signer', { shape: rsa });
  const mine = await pair('admin-kubeconfig-signer', {
    shape: { type: 'rsa', bits: 3072 },
    notAfter: new Date('2033-03-03T03:03:03Z'),
  });
  const document = configMap('a/ca', {
    'ca-bundle.crt': certPem(admin),
    'admin.pub': pemOf('PUBLIC KEY', admin.key.public.spki),
  });
  const useCerts = [useCertFrom('use_cert 1', certPem(mine))];
  const done = await renewing([document], {
    useCerts,
    validity: 'extend',
    rules: [{ old: 'admin-kubeconfig-signer', new: 'x' }],
  });
  assert.deepEqual(done.faults, []);
  assert.equal(done.certificate(document, bundle).digest, mine.certificate.digest);
  assert.equal(
    readPublicKey(done.bytes(document, ['data', 'admin.pub'], [{ in: 'pem', index: 0 }])).key.id,
    mine.key.public.id,
  );

  const leaf = await pair('leaf', { by: admin });
  const documents = [tlsSecret('a/ca', admin), tlsSecret('a/leaf', leaf)] as const;
  const whole = await renewing(documents, { useCerts, useKeys: [useKeyFrom('admin-kubeconfig-signer', keyPem(mine))] });
  assert.deepEqual(whole.faults, []);
  assert.equal(whole.certificate(documents[0], crt).digest, mine.certificate.digest);
  assert.equal(whole.key(documents[0], key).public.id, mine.key.public.id);
  assert.deepEqual(chainFaults(whole.certificate(documents[1], crt), mine.certificate), []);
});

test('a given key that is the old one is no fault, and a name nobody bears is told', async () => {
  const ca = await pair('ca');
  const document = tlsSecret('a/ca', ca);
  const done = await renewing([document], {
    useKeys: [useKeyFrom('ca', keyPem(ca)), useKeyFrom('nobody', keyPem(ca))],
    useCerts: [useCertFrom('use_cert 1', certPem(await pair('no one')))],
  });
  assert.deepEqual(done.faults, []);
  assert.equal(done.text(document, key), keyPem(ca));
  assert.deepEqual(done.facts, [
    'use_key for "nobody": no certificate of the cluster bears this name',
    'use_cert for "no one": no certificate of the cluster bears this name',
  ]);
});

test('a given key of another type is refused where labels or tokens would no longer fit it', async () => {
  const ca = await pair('ca', { shape: rsa });
  const rule = [useKeyFrom('ca', keyPem(await pair('x')))];
  await assert.rejects(renewing([tlsSecret('a/ca', ca)], { useKeys: rule }), {
    message: 'use_key for "ca" is of another type than the key in whose place it would stand',
    next: 'give a key of type rsa',
  });
  const document = secret('a/ca', { 'tls.crt': certPem(ca), 'tls.key': keyPem(ca, 'pkcs8') });
  const done = await renewing([document], { useKeys: rule });
  assert.deepEqual(done.faults, []);
  assert.equal(done.key(document, key).public.shape.type, 'ec');
});

test('rule/names: all rules see the original, the last name rule and the first address rule win; issuers and names follow', async () => {
  const ca = await pair('old');
  const leaf = await pair('old', {
    by: ca,
    extensions: [extension.altNames(['old', 'sub.old', '192.168.126.10'], ['192.168.126.10', 'fd00::1'])],
  });
  const documents = [tlsSecret('a/ca', ca), tlsSecret('a/leaf', leaf)] as const;
  const rules = [
    { old: 'old', new: 'mid' },
    { old: 'mid', new: 'new' },
    { old: 'old', new: 'final' },
    { old: '192.168.126.10', new: '192.168.127.11' },
    { old: '192.168.126.10', new: '10.0.0.9' },
    { old: 'fd00::1', new: 'fd00::2' },
  ];
  const done = await renewing(documents, { rules });
  const fresh = done.certificate(documents[1], crt);
  assert.deepEqual([fresh.subjectText, fresh.issuerText], ['CN=final', 'CN=final']);
  assert.deepEqual(fresh.dnsNames, ['final', 'sub.old', '10.0.0.9']);
  assert.deepEqual(fresh.ipAddresses.map(ipText), ['192.168.127.11', 'fd00:0:0:0:0:0:0:2']);
  assert.deepEqual(done.faults, []);
});
