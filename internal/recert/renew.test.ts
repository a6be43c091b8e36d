import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainFaults } from '../pki/chain.ts';
import { isJwtSignedBy, kidOf, readJwt } from '../pki/jwt.ts';
import type { KeyShape } from '../pki/keys.ts';
import { readPublicKey } from '../pki/keys.ts';
import { ipText } from '../pki/ip-bytes.ts';
import { nodeKeyMaker } from '../pki/signer.ts';
import { cn, extension, makeCertificate } from '../pki/test-certificates.ts';
import type { FieldPath } from '../edit/json.ts';
import { useCertFrom, useKeyFrom } from './options.ts';
import type { Pair } from './test-documents.ts';
import { certPem, configMap, file, keyPem, kubeconfig, object, p256, pair, pem, renewing, rsa, secret, token } from './test-documents.ts';

const crt: FieldPath = ['data', 'tls.crt'];
const key: FieldPath = ['data', 'tls.key'];
const bundle: FieldPath = ['data', 'ca-bundle.crt'];
const stored = (place: string, one: Pair, ...chain: Pair[]) => secret(place, { 'tls.crt': [one, ...chain].map((each) => certPem(each)).join(''), 'tls.key': keyPem(one) });

test('a tree of three levels is renewed in all encodings, bundles keep their order, and the new chain is whole', async () => {
  const root = await pair('root', { shape: rsa });
  const middle = await pair('middle', { by: root, ca: true });
  const leaf = await pair('leaf', { by: middle, shape: { type: 'ed25519' } });
  const documents = [
    stored('a/root', root), stored('a/middle', middle), secret('a/leaf', { 'tls.crt': certPem(leaf) + certPem(middle), 'tls.key': keyPem(leaf) }, { encoding: 'json' }),
    configMap('a/one', { 'ca-bundle.crt': certPem(root) + certPem(leaf) }), configMap('a/two', { 'ca-bundle.crt': certPem(leaf) + certPem(root) }),
  ] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.facts, []);
  const [newRoot, newMiddle, newLeaf] = [done.certificate(documents[0], crt), done.certificate(documents[1], crt), done.certificate(documents[2], crt)];
  assert.deepEqual([chainFaults(newRoot, newRoot), chainFaults(newMiddle, newRoot), chainFaults(newLeaf, newMiddle)], [[], [], []]);
  assert.deepEqual([0, 1].map((index) => done.certificate(documents[3], bundle, index).digest), [newRoot.digest, newLeaf.digest]);
  assert.deepEqual([0, 1].map((index) => done.certificate(documents[4], bundle, index).digest), [newLeaf.digest, newRoot.digest]);
  assert.equal(done.certificate(documents[2], crt, 1).digest, newMiddle.digest);
  assert.deepEqual(documents.map(({ bytes }) => bytes.subarray(0, 3).join()), done.after.map(({ bytes }) => bytes.subarray(0, 3).join()), 'each in the form it had');
});

test('authorities that sign each other, with and without roots of their own, are renewed', async () => {
  for (const withRoots of [true, false]) {
    const [one, two] = [await pair('one'), await pair('two')];
    const [oneByTwo, twoByOne] = [await pair('one', { key: one.key, by: two, ca: true, serial: Uint8Array.of(7) }), await pair('two', { key: two.key, by: one, ca: true, serial: Uint8Array.of(8) })];
    const documents = [secret('a/1', { 'tls.crt': certPem(oneByTwo) + (withRoots ? certPem(one) : ''), 'tls.key': keyPem(one) }), secret('a/2', { 'tls.crt': certPem(twoByOne) + (withRoots ? certPem(two) : ''), 'tls.key': keyPem(two) })] as const;
    const done = await renewing(documents);
    assert.deepEqual(done.faults, []);
    assert.deepEqual(chainFaults(done.certificate(documents[0], crt), done.certificate(documents[1], crt)), []);
    assert.deepEqual(chainFaults(done.certificate(documents[1], crt), done.certificate(documents[0], crt)), []);
  }
});

test('a CN is no identity: several certificates of one name keep their own keys and signers', async () => {
  const [a, b] = [await pair('signer@1'), await pair('signer@1')];
  const [one, two] = [await pair('127.0.0.1', { by: a }), await pair('127.0.0.1', { by: b })];
  const documents = [stored('x/a', a), stored('x/b', b), stored('x/1', one), stored('x/2', two)] as const;
  const done = await renewing(documents);
  assert.deepEqual(chainFaults(done.certificate(documents[2], crt), done.certificate(documents[0], crt)), []);
  assert.deepEqual(chainFaults(done.certificate(documents[3], crt), done.certificate(documents[1], crt)), []);
  assert.notDeepEqual(chainFaults(done.certificate(documents[2], crt), done.certificate(documents[1], crt)), []);
});

test('a certificate without key identifiers, and one under another name than its issuer says, find their signers all the same', async () => {
  const ca = await pair('ca', { shape: rsa, keyIds: undefined as never });
  const bare = await makeCertificate({ subject: cn('bare'), key: await nodeKeyMaker.make(p256), by: ca });
  const renamed = { certificate: await makeCertificate({ subject: cn('ca after a rename'), key: ca.key, extensions: [extension.basicConstraints(true)] }), key: ca.key };
  const documents = [stored('a/ca', renamed), configMap('a/leaf', { 'ca-bundle.crt': certPem({ certificate: bare, key: ca.key }) })] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.ok(done.record.certificates.every(({ after }) => after !== undefined));
  assert.equal(done.edits.some(({ reason }) => reason.includes('not on the cluster')), false);
});

test('external certificates stay byte for byte, with what is signed below them, and their keys', async () => {
  const company = await pair('company');
  const middle = await pair('middle', { by: company, ca: true });
  const served = await pair('*.apps.example.com', { by: middle });
  const same = await pair('company'); // another authority of the same name: the cluster's own
  const ownLeaf = await pair('own', { by: same });
  const documents = [configMap('a/trust', { 'ca-bundle.crt': certPem(company) + certPem(same) }), stored('a/ingress', served, middle), secret('a/company', { 'tls.key': keyPem(company) }), stored('a/own', same), stored('a/leaf', ownLeaf)] as const;
  const done = await renewing(documents, {}, [certPem(company)]);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.bytes(documents[1]), documents[1].bytes);
  assert.deepEqual(done.bytes(documents[2]), documents[2].bytes);
  assert.equal(done.certificate(documents[0], bundle).digest, company.certificate.digest);
  assert.equal(done.certificate(documents[0], bundle, 1).digest, done.certificate(documents[3], crt).digest);
  assert.notEqual(done.certificate(documents[3], crt).digest, same.certificate.digest);
  assert.deepEqual(done.facts, [
    'the certificate "CN=*.apps.example.com" (etcd:/kubernetes.io/secrets/a/ingress) is not the cluster\'s own and stays as it is',
    'the certificate "CN=middle" (etcd:/kubernetes.io/secrets/a/ingress) is signed by the external "CN=company" and stays as it is',
    'a private key (etcd:/kubernetes.io/secrets/a/company) is not the cluster\'s own and stays as it is',
  ]);
});

test('a signer whose key is not on the cluster gets a new one, or the given one, and signs what it had signed', async () => {
  const bootstrap = await pair('kubelet-bootstrap-kubeconfig-signer', { shape: rsa });
  const client = await pair('node-bootstrapper', { by: bootstrap });
  const documents = [configMap('a/client-ca', { 'ca-bundle.crt': certPem(bootstrap) }), file('/etc/kubernetes/kubeconfig', kubeconfig({ client }))] as const;
  const inFile = [{ in: 'yaml', path: ['users', 0, 'user', 'client-certificate-data'] }, { in: 'base64' }] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  const signer = done.certificate(documents[0], bundle);
  assert.notEqual(signer.publicKey?.id, bootstrap.key.public.id);
  assert.deepEqual(chainFaults(done.certificate(documents[1], [], 0, inFile), signer), []);

  const mine = await nodeKeyMaker.make(rsa);
  const given = await renewing(documents, { useKeys: [useKeyFrom('kubelet-bootstrap-kubeconfig-signer', keyPem({ key: mine }))] });
  assert.equal(given.certificate(documents[0], bundle).publicKey?.id, mine.public.id);
  assert.deepEqual(chainFaults(given.certificate(documents[1], [], 0, inFile), given.certificate(documents[0], bundle)), []);
});

test('an authority that is nowhere can be given by its key', async () => {
  const gone = await pair('gone');
  const leaf = await pair('leaf', { by: gone });
  const document = stored('a/leaf', leaf);
  const mine = await nodeKeyMaker.make(p256);
  const done = await renewing([document], { useKeys: [useKeyFrom('gone', keyPem({ key: mine }))] });
  const verified = await makeCertificate({ subject: cn('gone'), key: mine, extensions: [extension.basicConstraints(true)] });
  assert.deepEqual(chainFaults(done.certificate(document, crt), verified), []);
});

test('a given certificate takes the place of the one of its name, unchanged; with its key it may sign and be stored', async () => {
  const admin = await pair('admin-kubeconfig-signer', { shape: rsa });
  const mine = await pair('admin-kubeconfig-signer', { shape: { type: 'rsa', bits: 3072 }, notAfter: new Date('2033-03-03T03:03:03Z') });
  const document = configMap('a/ca', { 'ca-bundle.crt': certPem(admin), 'admin.pub': pem('PUBLIC KEY', admin.key.public.spki) });
  const useCerts = [useCertFrom('use_cert 1', certPem(mine))];
  const done = await renewing([document], { useCerts, validity: 'extend', rules: [{ old: 'admin-kubeconfig-signer', new: 'x' }] });
  assert.deepEqual(done.faults, []);
  assert.equal(done.certificate(document, bundle).digest, mine.certificate.digest);
  assert.equal(readPublicKey(done.bytes(document, ['data', 'admin.pub'], [{ in: 'pem', index: 0 }])).key.id, mine.key.public.id);

  const leaf = await pair('leaf', { by: admin });
  const documents = [stored('a/ca', admin), stored('a/leaf', leaf)] as const;
  const whole = await renewing(documents, { useCerts, useKeys: [useKeyFrom('admin-kubeconfig-signer', keyPem(mine))] });
  assert.deepEqual(whole.faults, []);
  assert.equal(whole.certificate(documents[0], crt).digest, mine.certificate.digest);
  assert.equal(whole.key(documents[0], key).public.id, mine.key.public.id);
  assert.deepEqual(chainFaults(whole.certificate(documents[1], crt), mine.certificate), []);
});

test('a given key that is the old one is no fault, and a name nobody bears is told', async () => {
  const ca = await pair('ca');
  const document = stored('a/ca', ca);
  const done = await renewing([document], { useKeys: [useKeyFrom('ca', keyPem(ca)), useKeyFrom('nobody', keyPem(ca))], useCerts: [useCertFrom('use_cert 1', certPem(await pair('no one')))] });
  assert.deepEqual(done.faults, []);
  assert.equal(done.text(document, key), keyPem(ca));
  assert.deepEqual(done.facts, ['use_key for "nobody": no certificate of the cluster bears this name', 'use_cert for "no one": no certificate of the cluster bears this name']);
});

test('a given key of another type is refused where labels or tokens would no longer fit it', async () => {
  const ca = await pair('ca', { shape: rsa });
  const rule = [useKeyFrom('ca', keyPem(await pair('x')))];
  await assert.rejects(renewing([stored('a/ca', ca)], { useKeys: rule }), { message: 'use_key for "ca" is of another type than the key in whose place it would stand', next: 'give a key of type rsa' });
  const document = secret('a/ca', { 'tls.crt': certPem(ca), 'tls.key': keyPem(ca, 'pkcs8') });
  const done = await renewing([document], { useKeys: rule });
  assert.deepEqual(done.faults, []);
  assert.equal(done.key(document, key).public.shape.type, 'ec');
});

test('D.7 all rules see the original, the last name rule and the first address rule win; issuers and names follow', async () => {
  const ca = await pair('old');
  const leaf = await pair('old', { by: ca, extensions: [extension.altNames(['old', 'sub.old', '192.168.126.10'], ['192.168.126.10', 'fd00::1'])] });
  const documents = [stored('a/ca', ca), stored('a/leaf', leaf)] as const;
  const rules = [{ old: 'old', new: 'mid' }, { old: 'mid', new: 'new' }, { old: 'old', new: 'final' }, { old: '192.168.126.10', new: '192.168.127.11' }, { old: '192.168.126.10', new: '10.0.0.9' }, { old: 'fd00::1', new: 'fd00::2' }];
  const done = await renewing(documents, { rules });
  const fresh = done.certificate(documents[1], crt);
  assert.deepEqual([fresh.subjectText, fresh.issuerText], ['CN=final', 'CN=final']);
  assert.deepEqual(fresh.dnsNames, ['final', 'sub.old', '10.0.0.9']);
  assert.deepEqual(fresh.ipAddresses.map(ipText), ['192.168.127.11', 'fd00:0:0:0:0:0:0:2']);
  assert.deepEqual(done.faults, []);
});

test('ip_change_only renews whole trees that the rules touch, and no other, no signing key and no token', async () => {
  const ip = '192.168.126.10';
  const [etcd, other] = [await pair('etcd-signer'), await pair('other-signer')];
  const touched = await pair('etcd', { by: etcd, extensions: [extension.altNames(['etcd'], [ip])] });
  const sibling = await pair('etcd-client', { by: etcd });
  const alone = await pair('other', { by: other });
  const signing = await pair('unused', { shape: rsa });
  const bearer = await token(signing.key, { kid: 'yes' });
  const documents = [stored('a/etcd-signer', etcd), stored('a/etcd', touched), stored('a/etcd-client', sibling), stored('a/other-signer', other), stored('a/other', alone), secret('a/sa', { 'service-account.key': keyPem(signing), token: bearer }), configMap('a/all', { 'ca-bundle.crt': certPem(etcd) + certPem(other) })] as const;
  const done = await renewing(documents, { ipChangeOnly: true, rules: [{ old: ip, new: '10.0.0.1' }] });
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.replacements.map(({ kind, ...one }) => (kind === 'changed' && 'document' in one && one.document.in === 'etcd' ? one.document.key.split('/').at(-1) : '')), ['etcd-signer', 'etcd', 'etcd-client', 'all']);
  assert.equal(done.certificate(documents[6], bundle, 1).digest, other.certificate.digest);
  const none = await renewing(documents, { ipChangeOnly: true, rules: [{ old: '1.1.1.1', new: '10.0.0.1' }] });
  assert.deepEqual([none.edits, none.replacements, none.faults], [[], [], []]);
});

test('tokens keep their claims to the byte and name the new key, whatever signs them', async () => {
  const kinds: readonly (readonly [KeyShape, string])[] = [[rsa, 'RS256'], [rsa, 'RS512'], [p256, 'ES256'], [{ type: 'ec', curve: 'P-521' }, 'ES512']];
  for (const [shape, alg] of kinds) {
    const signing = await pair('unused', { shape });
    const [named, nameless] = [await token(signing.key, { kid: 'yes', alg, claims: { sub: 'system:serviceaccount:ns:é', exp: 1, '<&>': 1.50 } }), await token(signing.key, { alg })];
    const documents = [secret('a/sa', { 'service-account.key': keyPem(signing), token: named }, { annotations: { 'openshift.io/token-secret.value': named } }), file('/var/lib/kubelet/pods/x/token', `${nameless}\n`), configMap('a/pub', { 'service-account-001.pub': pem('RSA PUBLIC KEY', signing.key.public.spki) })] as const;
    const done = await renewing(documents);
    assert.deepEqual(done.faults, []);
    const fresh = done.key(documents[0], ['data', 'service-account.key']);
    const jwt = readJwt(done.text(documents[0], ['data', 'token']));
    assert.ok(jwt !== undefined && isJwtSignedBy(jwt, fresh.public));
    assert.equal(jwt.kid, kidOf(fresh.public));
    assert.equal(jwt.payload, named.split('.')[1]);
    assert.equal(done.text(documents[0], ['metadata', 'annotations', 'openshift.io/token-secret.value']), done.text(documents[0], ['data', 'token']));
    assert.ok(done.text(documents[1]).endsWith('\n'));
    assert.deepEqual(Buffer.from(done.bytes(documents[2], ['data', 'service-account-001.pub'], [{ in: 'pem', index: 0 }])), Buffer.from(fresh.public.spki));
  }
});

test('a token of a key that is nowhere stays, an old public service-account key is replaced, and somebody\'s public key stays', async () => {
  const [gone, old, image] = [await pair('x', { shape: rsa }), await pair('y', { shape: rsa }), await pair('z')];
  const documents = [
    secret('a/pull', { token: await token(gone.key, { kid: 'yes' }) }),
    configMap('a/bound-sa-token-signing-certs', { 'service-account-001.pub': pem('RSA PUBLIC KEY', old.key.public.spki) }),
    configMap('a/sigstore', { 'cosign.pub': pem('PUBLIC KEY', image.key.public.spki) }),
    secret('a/of-the-old', { token: await token(old.key, { kid: 'yes' }) }),
  ] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.bytes(documents[0]), documents[0].bytes);
  assert.deepEqual(done.bytes(documents[2]), documents[2].bytes);
  const fresh = readPublicKey(done.bytes(documents[1], ['data', 'service-account-001.pub'], [{ in: 'pem', index: 0 }])).key;
  assert.notEqual(fresh.id, old.key.public.id);
  const jwt = readJwt(done.text(documents[3], ['data', 'token']));
  assert.ok(jwt !== undefined && isJwtSignedBy(jwt, fresh));
  assert.deepEqual(done.facts, [
    'a public key (etcd:/kubernetes.io/configmaps/a/sigstore) has no private half here and stays as it is',
    'a token (etcd:/kubernetes.io/secrets/a/pull) is signed by no key of the cluster and stays as it is',
  ]);
});

test('MachineConfigs, ControllerConfig, APIService, user-data and files of the machine-config daemon hold the new root, in the spelling of their writers', async () => {
  const [root, leaf] = [await pair('root-ca', { shape: rsa }), await pair('unused')];
  const mcoSpelling = (text: string): string => `data:,${Array.from(text).map((char) => (/[A-Za-z0-9\-_.!~*'()]/.test(char) ? char : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)).join('')}`;
  const ignition = (one: Pair) => ({ ignition: { version: '3.4.0' }, storage: { files: [
    { path: '/etc/kubernetes/kubelet-ca.crt', mode: 420, contents: { source: mcoSpelling(`# CA\n${certPem(one)}`) } },
    { path: '/etc/other.conf', contents: { source: mcoSpelling(certPem(leaf)) } },
    { path: '/etc/empty', contents: {} }, { path: '/etc/remote.crt', contents: { source: 'https://example.com/x' } },
    { path: '/etc/kubernetes/kubeconfig', contents: { source: mcoSpelling(kubeconfig({ ca: one })) } },
  ] } });
  const config = (one: Pair) => ({ apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfig', spec: { config: ignition(one), fips: false } });
  const base64 = (one: Pair): string => Buffer.from(certPem(one)).toString('base64');
  const documents = [
    secret('a/root', { 'tls.crt': certPem(root), 'tls.key': keyPem(root) }),
    object('/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/rendered-master-1', config(root), 'json'),
    object('/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/rendered-master-2', config(root), 'cbor'),
    object('/kubernetes.io/machineconfiguration.openshift.io/controllerconfigs/machine-config-controller', { apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'ControllerConfig', spec: { rootCAData: base64(root), kubeAPIServerServingCAData: base64(root), additionalTrustBundle: null, osImageURL: 'quay.io/x' } }, 'json'),
    object('/kubernetes.io/apiregistration.k8s.io/apiservices/v1.packages', { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', spec: { group: 'packages', caBundle: base64(root) } }, 'json'),
    secret('openshift-machine-api/master-user-data', { userData: JSON.stringify({ ignition: { config: { merge: [{ source: 'https://api-int:22623/config/master' }] }, security: { tls: { certificateAuthorities: [{ source: `data:text/plain;charset=utf-8;base64,${base64(root)}` }] } }, version: '3.2.0' } }) }),
    file('/etc/machine-config-daemon/currentconfig', JSON.stringify({ ...config(root), metadata: { name: 'rendered-master-1' } })),
    file('/etc/mcs-machine-config-content.json', `${JSON.stringify(config(root))}\n`),
  ] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.facts, ['the certificate "CN=unused" (etcd:/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/rendered-master-1 and 3 more) is not the cluster\'s own and stays as it is']);
  const fresh: Pair = { certificate: done.certificate(documents[0], crt), key: root.key };
  const after = documents.map((document) => Buffer.from(done.bytes(document)));
  for (const [index, whole] of [[1, config(fresh)], [6, config(fresh)], [7, config(fresh)]] as const) {
    const got = JSON.parse(after[index]?.toString() ?? '') as { spec: unknown };
    assert.deepEqual(got.spec, whole.spec);
    assert.ok(after[index]?.toString().includes(mcoSpelling(`# CA\n${certPem(fresh)}`)));
  }
  assert.ok(after[2]?.includes(mcoSpelling(`# CA\n${certPem(fresh)}`)));
  for (const index of [3, 4, 5]) assert.ok(after[index]?.includes(base64(fresh)), String(index));
});

test('a scan with nothing to renew, or nothing at all, yields no edit', async () => {
  const done = await renewing([configMap('a/b', { x: 'y' }), file('/etc/x.pem', 'no pem'), file('/etc/x.kubeconfig', '- a\n- b: [')]);
  assert.deepEqual([done.edits, done.replacements, done.faults], [[], [], []]);
  assert.deepEqual(done.facts, ['file:/etc/x.kubeconfig, the whole text, is neither JSON nor YAML and stays as it is']);
});

test('broken and foreign PEM is told with its place and stays, and what stands beside it is renewed', async () => {
  const ca = await pair('ca');
  const broken = '-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n';
  const encrypted = pem('ENCRYPTED PRIVATE KEY', Uint8Array.from({ length: 100 }, () => 7));
  const noCertificate = pem('CERTIFICATE', Uint8Array.of(0x30, 3, 2, 1, 5));
  const document = secret('a/b', { 'tls.crt': broken + certPem(ca) + noCertificate, 'tls.key': keyPem(ca), enc: encrypted, csr: pem('CERTIFICATE REQUEST', Uint8Array.of(0x30, 0)) });
  const done = await renewing([document]);
  assert.deepEqual(done.faults, []);
  assert.notEqual(done.certificate(document, crt, 1).digest, ca.certificate.digest);
  assert.ok(done.text(document, crt).startsWith(broken));
  const where = 'etcd:/kubernetes.io/secrets/a/b';
  assert.deepEqual(done.facts, [
    `${where} data/enc, pem block 0, "ENCRYPTED PRIVATE KEY" stays as it is: the private key is encrypted`,
    `${where} data/tls.crt, pem block 0, is a broken "CERTIFICATE" and stays as it is`,
    `${where} data/tls.crt, pem block 2, "CERTIFICATE" stays as it is: bytes are no certificate`,
  ]);
});

test('a value that begins like an object and is none is told and stays', async () => {
  const ca = await pair('ca');
  const lying = { in: 'etcd', key: '/kubernetes.io/secrets/a/lying', bytes: new TextEncoder().encode('{"kind":"Secret"'), modRevision: '1' } as const;
  const cut = { ...stored('a/cut', ca), bytes: stored('a/cut', ca).bytes.subarray(0, 40) };
  const done = await renewing([lying, cut, stored('a/ca', ca)]);
  assert.equal(done.facts.length, 2);
  assert.equal(done.facts[0], 'etcd:/kubernetes.io/secrets/a/lying cannot be read and stays as it is: a value that begins like JSON is not JSON');
  assert.deepEqual(done.faults, []);
});

test('signing 1,000 certificates of 40 authorities asks about as many signatures, not a million', async () => {
  const keys = await Promise.all(Array.from({ length: 60 }, () => nodeKeyMaker.make(p256)));
  const authorities = await Promise.all(Array.from({ length: 40 }, (_, at) => pair(`ca ${at}`, { key: keys[at] ?? keys[0] as never })));
  const leaves = await Promise.all(Array.from({ length: 960 }, (_, at) => pair(`leaf ${at}`, { key: keys[at % 60] ?? keys[0] as never, by: authorities[at % 40] as Pair, serial: Uint8Array.from([1, at >> 8, at & 255]) })));
  const documents = [...authorities.map((one, at) => stored(`a/ca-${at}`, one)), ...leaves.map((one, at) => stored(`a/leaf-${at}`, one))];
  const before = process.cpuUsage();
  const done = await renewing(documents);
  const { user, system } = process.cpuUsage(before);
  assert.deepEqual(done.faults, []);
  assert.equal(done.record.certificates.filter(({ after }) => after !== undefined).length, 1000);
  assert.ok(user + system < 15_000_000, `${user + system} µs; a million checks take a minute`);
});
