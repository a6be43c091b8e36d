import assert from 'node:assert/strict';
import { test } from 'tap';
import { chainFaults } from '../../pki/chain.ts';
import { nodeKeyMaker } from '../../pki/signer.ts';
import { extension } from '../../../test/certificates/extensions.ts';
import { cn, makeCertificate } from '../../../test/certificates/make.ts';
import { useKeyFrom } from './options.ts';
import type { Pair } from '../test-documents.ts';
import {
  bundle,
  certPem,
  configMap,
  crt,
  file,
  keyPem,
  kubeconfig,
  p256,
  pair,
  renewing,
  rsa,
  secret,
  tlsSecret,
} from '../test-documents.ts';

test('a tree of three levels is renewed in all encodings, bundles keep their order, and the new chain is whole', async () => {
  const root = await pair('root', { shape: rsa });
  const middle = await pair('middle', { by: root, ca: true });
  const leaf = await pair('leaf', { by: middle, shape: { type: 'ed25519' } });
  const documents = [
    tlsSecret('a/root', root),
    tlsSecret('a/middle', middle),
    secret('a/leaf', { 'tls.crt': certPem(leaf) + certPem(middle), 'tls.key': keyPem(leaf) }, { encoding: 'json' }),
    configMap('a/one', { 'ca-bundle.crt': certPem(root) + certPem(leaf) }),
    configMap('a/two', { 'ca-bundle.crt': certPem(leaf) + certPem(root) }),
  ] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.facts, []);
  const [newRoot, newMiddle, newLeaf] = [
    done.certificate(documents[0], crt),
    done.certificate(documents[1], crt),
    done.certificate(documents[2], crt),
  ];
  assert.deepEqual(
    [chainFaults(newRoot, newRoot), chainFaults(newMiddle, newRoot), chainFaults(newLeaf, newMiddle)],
    [[], [], []],
  );
  assert.deepEqual(
    [0, 1].map((index) => done.certificate(documents[3], bundle, index).digest),
    [newRoot.digest, newLeaf.digest],
  );
  assert.deepEqual(
    [0, 1].map((index) => done.certificate(documents[4], bundle, index).digest),
    [newLeaf.digest, newRoot.digest],
  );
  assert.equal(done.certificate(documents[2], crt, 1).digest, newMiddle.digest);
  assert.deepEqual(
    documents.map(({ bytes }) => bytes.subarray(0, 3).join()),
    done.after.map(({ bytes }) => bytes.subarray(0, 3).join()),
    'each in the form it had',
  );
});

test('authorities that sign each other, with and without roots of their own, are renewed', async () => {
  for (const withRoots of [true, false]) {
    const [one, two] = [await pair('one'), await pair('two')];
    const [oneByTwo, twoByOne] = [
      await pair('one', { key: one.key, by: two, ca: true, serial: Uint8Array.of(7) }),
      await pair('two', { key: two.key, by: one, ca: true, serial: Uint8Array.of(8) }),
    ];
    const documents = [
      secret('a/1', { 'tls.crt': certPem(oneByTwo) + (withRoots ? certPem(one) : ''), 'tls.key': keyPem(one) }),
      secret('a/2', { 'tls.crt': certPem(twoByOne) + (withRoots ? certPem(two) : ''), 'tls.key': keyPem(two) }),
    ] as const;
    const done = await renewing(documents);
    assert.deepEqual(done.faults, []);
    assert.deepEqual(chainFaults(done.certificate(documents[0], crt), done.certificate(documents[1], crt)), []);
    assert.deepEqual(chainFaults(done.certificate(documents[1], crt), done.certificate(documents[0], crt)), []);
  }
});

test('a CN is no identity: several certificates of one name keep their own keys and signers', async () => {
  const [a, b] = [await pair('signer@1'), await pair('signer@1')];
  const [one, two] = [await pair('127.0.0.1', { by: a }), await pair('127.0.0.1', { by: b })];
  const documents = [tlsSecret('x/a', a), tlsSecret('x/b', b), tlsSecret('x/1', one), tlsSecret('x/2', two)] as const;
  const done = await renewing(documents);
  assert.deepEqual(chainFaults(done.certificate(documents[2], crt), done.certificate(documents[0], crt)), []);
  assert.deepEqual(chainFaults(done.certificate(documents[3], crt), done.certificate(documents[1], crt)), []);
  assert.notDeepEqual(chainFaults(done.certificate(documents[2], crt), done.certificate(documents[1], crt)), []);
});

test('a certificate without key identifiers, and one under another name than its issuer says, find their signers all the same', async () => {
  const ca = await pair('ca', { shape: rsa, keyIds: undefined as never });
  const key = await nodeKeyMaker.make(p256);
  const bare = { key, certificate: await makeCertificate({ subject: cn('bare'), key, by: ca }) };
  const renamed = {
    certificate: await makeCertificate({
      subject: cn('ca after a rename'),
      key: ca.key,
      extensions: [extension.basicConstraints(true)],
    }),
    key: ca.key,
  };
  const documents = [tlsSecret('a/ca', renamed), tlsSecret('a/leaf', bare)] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.ok(done.record.certificates.every(({ after }) => after !== undefined));
  assert.equal(
    done.edits.some(({ reason }) => reason.includes('not on the cluster')),
    false,
  );
});

test('a signer whose key is not on the cluster gets a new one, or the given one, and signs what it had signed', async () => {
  const bootstrap = await pair('kubelet-bootstrap-kubeconfig-signer', { shape: rsa });
  const client = await pair('node-bootstrapper', { by: bootstrap });
  const documents = [
    configMap('openshift-config-managed/kube-apiserver-client-ca', { 'ca-bundle.crt': certPem(bootstrap) }),
    file('/etc/kubernetes/kubeconfig', kubeconfig({ client })),
  ] as const;
  const inFile = [{ in: 'yaml', path: ['users', 0, 'user', 'client-certificate-data'] }, { in: 'base64' }] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  const signer = done.certificate(documents[0], bundle);
  assert.notEqual(signer.publicKey?.id, bootstrap.key.public.id);
  assert.deepEqual(chainFaults(done.certificate(documents[1], [], 0, inFile), signer), []);

  const mine = await nodeKeyMaker.make(rsa);
  const given = await renewing(documents, {
    useKeys: [useKeyFrom('kubelet-bootstrap-kubeconfig-signer', keyPem({ key: mine }))],
  });
  assert.equal(given.certificate(documents[0], bundle).publicKey?.id, mine.public.id);
  assert.deepEqual(
    chainFaults(given.certificate(documents[1], [], 0, inFile), given.certificate(documents[0], bundle)),
    [],
  );
});

test('signing 1,000 certificates of 40 authorities asks about as many signatures, not a million', async () => {
  const keys = await Promise.all(Array.from({ length: 60 }, () => nodeKeyMaker.make(p256)));
  const authorities = await Promise.all(
    Array.from({ length: 40 }, (_, at) => pair(`ca ${at}`, { key: keys[at] ?? (keys[0] as never) })),
  );
  const leaves = await Promise.all(
    Array.from({ length: 960 }, (_, at) =>
      pair(`leaf ${at}`, {
        key: keys[at % 60] ?? (keys[0] as never),
        by: authorities[at % 40] as Pair,
        serial: Uint8Array.from([1, at >> 8, at & 255]),
      }),
    ),
  );
  const documents = [
    ...authorities.map((one, at) => tlsSecret(`a/ca-${at}`, one)),
    ...leaves.map((one, at) => tlsSecret(`a/leaf-${at}`, one)),
  ];
  const before = process.cpuUsage();
  const done = await renewing(documents);
  const { user, system } = process.cpuUsage(before);
  assert.deepEqual(done.faults, []);
  assert.equal(done.record.certificates.filter(({ after }) => after !== undefined).length, 1000);
  assert.ok(user + system < 15_000_000, `${user + system} µs; a million checks take a minute`);
});
