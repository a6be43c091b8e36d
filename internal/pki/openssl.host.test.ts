import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { rootCertificates } from 'node:tls';
import { join } from 'node:path';
import { after, test } from 'tap';
import '../../test/certificates/provider.ts';
import { CertificatePolicyExtension, Name, SubjectAlternativeNameExtension, type Extension } from '@peculiar/x509';
import { extension } from '../../test/certificates/extensions.ts';
import { cn, makeCertificate } from '../../test/certificates/make.ts';
import { pemOf } from '../../test/certificates/pem.ts';
import { extendedUsageOf, fixtureOf, type PairSpec } from '../../test/cluster/fixture.ts';
import { seedIdentity } from '../../test/cluster/identities.ts';
import { certificateFacts, type CertificateFacts } from '../../test/cluster/openssl.ts';
import { chainFaults, isSignedBy } from './chain.ts';
import type { Certificate } from './certificate.ts';
import type { KeyShape, PrivateKey } from './keys.ts';
import { shapeText, writePrivateKey, writePublicKey } from './keys.ts';
import { readCertificate } from './certificate.ts';
import { keyIdOf } from './key-identifier.ts';
import { readJwt, resignJwt } from './jwt.ts';
import { materialOf } from './material.ts';
import { extensionsOf } from './extensions.ts';
import { resign } from './resign.ts';
import { newSerial } from './serial.ts';
import { nodeKeyMaker, nodeSigner } from './signer.ts';

/** The judge is the host's openssl: it shares no line with the code under test but the library below node. */
const dir = mkdtempSync(join(tmpdir(), 'pki-'));
after(() => {
  rmSync(dir, { recursive: true });
});

const shapes: readonly KeyShape[] = [
  { type: 'rsa', bits: 2048 },
  { type: 'ec', curve: 'P-256' },
  { type: 'ec', curve: 'P-384' },
  { type: 'ec', curve: 'P-521' },
  { type: 'ed25519' },
];

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
}

function openssl(...args: string[]): { readonly ok: boolean; readonly text: string } {
  const done = spawnSync('openssl', args, { encoding: 'utf8' });
  return { ok: done.status === 0, text: done.stdout + done.stderr };
}

/** `openssl verify` with the root as the only trust, at a time when both are valid. */
function verifies(leaf: Certificate, root: Certificate): string {
  const result = openssl(
    'verify',
    '-x509_strict',
    '-partial_chain',
    '-no_check_time',
    '-no-CAfile',
    '-no-CApath',
    '-trusted',
    file('root.pem', pemOf('CERTIFICATE', root.der)),
    file('leaf.pem', pemOf('CERTIFICATE', leaf.der)),
  );
  return result.ok ? '' : result.text;
}

test('openssl and node verify renewed certificates for each pair of key types', async () => {
  for (const rootShape of shapes) {
    const rootKey = await nodeKeyMaker.make(rootShape);
    const old = await makeCertificate({
      subject: cn('root@1'),
      key: rootKey,
      keyIds: 'rfc5280-1',
      extensions: [
        extension.basicConstraints(true),
        extension.keyUsage('digitalSignature', 'keyEncipherment', 'keyCertSign'),
      ],
    });
    const newRootKey = await nodeKeyMaker.make(rootShape);
    const { certificate: root } = await resign(old, {
      newKey: newRootKey.public,
      signer: nodeSigner(newRootKey),
      authority: 'self',
      serial: newSerial(old.serial),
      validity: 'keep',
    });
    assert.equal(verifies(root, root), '', shapeText(rootShape));
    for (const shape of shapes) {
      const key = await nodeKeyMaker.make(shape);
      const leaf = await makeCertificate({
        subject: cn('leaf'),
        key,
        by: { certificate: old, key: rootKey },
        keyIds: 'rfc7093-1',
        extensions: [extension.altNames(['leaf'], ['10.0.0.1', 'fd00::1'])],
      });
      const newKey = await nodeKeyMaker.make(shape);
      const { certificate } = await resign(leaf, {
        newKey: newKey.public,
        signer: nodeSigner(newRootKey),
        authority: root,
        serial: newSerial(leaf.serial),
        validity: { notBefore: new Date('2049-01-01'), notAfter: new Date('2051-01-01') },
      });
      assert.equal(verifies(certificate, root), '', `${shapeText(shape)} under ${shapeText(rootShape)}`);
      assert.ok(new X509Certificate(certificate.der).verify(newRootKey.public.object));
      assert.notEqual(verifies(certificate, old), '', 'the old root does not vouch for the new leaf');
      assert.match(openssl('x509', '-noout', '-enddate', '-in', join(dir, 'leaf.pem')).text, /2051 GMT/);
    }
  }
});

test('certificates with names of every kind are signed anew with the same extensions, and openssl reads them alike but for the keys', async () => {
  for (const shape of shapes) {
    const key = await nodeKeyMaker.make(shape);
    const subject = new Name([{ O: ['Ré'] }, { CN: ['old'] }]);
    const serial = Uint8Array.of(0x2b, 0x01);
    const id = keyIdOf(key.public, 'rfc5280-1');
    const old = await makeCertificate({
      subject,
      key,
      serial,
      extensions: [
        extension.subjectKeyId(id),
        extension.authorityKeyId(id, subject, serial),
        extension.basicConstraints(true),
        new SubjectAlternativeNameExtension([
          { type: 'dns', value: 'old' },
          { type: 'ip', value: '10.0.0.1' },
          { type: 'email', value: 'a@b' },
          { type: 'url', value: 'https://x' },
          { type: 'dn', value: 'CN=old' },
          { type: 'id', value: '1.2.3.4' },
        ]),
        new CertificatePolicyExtension(['1.2.3.4']),
      ],
    });
    const newKey = await nodeKeyMaker.make(shape);
    const { certificate, keyIdMethod } = await resign(old, {
      newKey: newKey.public,
      signer: nodeSigner(newKey),
      authority: 'self',
      serial: newSerial(old.serial),
      validity: 'keep',
      rules: [{ old: 'old', new: 'new' }],
    });
    assert.equal(keyIdMethod, 'rfc5280-1');
    assert.equal(verifies(certificate, certificate), '');
    const [before, after] = await certificateFacts([old, certificate].map(({ der }) => pemOf('CERTIFICATE', der)));
    assert.ok(before && after);
    assert.match(
      before.shape,
      /DNS:old, IP Address:10\.0\.0\.1, email:a@b, URI:https:\/\/x, DirName:\/CN=old, Registered ID:1\.2\.3\.4/,
    );
    assert.equal(after.shape, before.shape.replaceAll(/\bold\b/g, 'new'), shapeText(shape));
    assert.equal(after.validity, before.validity);
  }
});

test('public authorities of every make are signed anew, and openssl reads them alike but for the keys', async () => {
  const keys = {
    rsa: await nodeKeyMaker.make({ type: 'rsa', bits: 2048 }),
    ec: await nodeKeyMaker.make({ type: 'ec', curve: 'P-384' }),
  };
  const all = rootCertificates.map((text) => readCertificate(new Uint8Array(new X509Certificate(text).raw)));
  // One of each make: what a writer writes is told by its extensions, their order and the algorithm.
  const make = (one: Certificate): string => [one.signatureOid, ...extensionsOf(one).map(({ id }) => id)].join();
  const old = [...Map.groupBy(all, make).values()].flatMap(([first]) => first ?? []);
  const fresh: Certificate[] = [];
  for (const authority of old) {
    const key = authority.publicKey?.shape.type === 'rsa' ? keys.rsa : keys.ec;
    const { certificate } = await resign(authority, {
      newKey: key.public,
      signer: nodeSigner(key),
      authority: 'self',
      serial: newSerial(authority.serial),
      validity: 'keep',
    });
    assert.ok(isSignedBy(certificate, key.public), authority.subjectText);
    fresh.push(certificate);
  }
  const [before, after] = await Promise.all(
    [old, fresh].map((all) => certificateFacts(all.map(({ der }) => pemOf('CERTIFICATE', der)))),
  );
  assert.ok(before !== undefined && before.length > 10);
  // The hash of the signature is none of ours where it was SHA-1.
  const shown = (facts: CertificateFacts | undefined): object => ({
    shape: facts?.shape.replace(/Signature Algorithm: .*/, ''),
    validity: facts?.validity,
  });
  for (const [at, facts] of before.entries()) assert.deepEqual(shown(after?.[at]), shown(facts), old[at]?.subjectText);
});

test('openssl reads written keys, and keys written by openssl are read, in each form', async () => {
  for (const shape of shapes) {
    const key = await nodeKeyMaker.make(shape);
    const forms =
      shape.type === 'rsa'
        ? (['pkcs1', 'pkcs8'] as const)
        : shape.type === 'ec'
          ? (['sec1', 'pkcs8'] as const)
          : (['pkcs8'] as const);
    for (const form of forms) {
      const tag = { pkcs1: 'RSA PRIVATE KEY', sec1: 'EC PRIVATE KEY', pkcs8: 'PRIVATE KEY' }[form];
      const shown = openssl('pkey', '-pubout', '-in', file('key.pem', pemOf(tag, writePrivateKey(key, form))));
      assert.equal(shown.text, pemOf('PUBLIC KEY', writePublicKey(key.public, 'spki')));
      const again = openssl(
        ...(form === 'pkcs8' ? ['pkcs8', '-topk8', '-nocrypt'] : ['pkey', '-traditional']),
        '-outform',
        'DER',
        '-in',
        join(dir, 'key.pem'),
        '-out',
        join(dir, 'key.der'),
      );
      assert.ok(again.ok);
      const material = materialOf(tag, new Uint8Array(readFileSync(join(dir, 'key.der'))));
      assert.ok(material.kind === 'private-key' && material.form === form && material.key.public.id === key.public.id);
    }
  }
});

test('openssl verifies a token that was signed anew', async () => {
  const key = await nodeKeyMaker.make({ type: 'rsa', bits: 2048 });
  const encode = (text: string): string => Buffer.from(text).toString('base64url');
  const old = readJwt(`${encode('{"alg":"RS256","kid":"x"}')}.${encode('{"sub":"a"}')}.${encode('s')}`);
  assert.ok(old);
  const fresh = readJwt(await resignJwt(old, nodeSigner(key)));
  assert.ok(fresh);
  const result = openssl(
    'dgst',
    '-sha256',
    '-verify',
    file('pub.pem', pemOf('PUBLIC KEY', key.public.spki)),
    '-signature',
    file('sig', Buffer.from(fresh.signature, 'base64url')),
    file('signed', fresh.signed),
  );
  assert.match(result.text, /Verified OK/);
});

test('all pairs of a real single-node cluster are renewed, and openssl verifies each of them under its new signer', async (t) => {
  const { pairs } = fixtureOf('full', seedIdentity(), seedIdentity());
  const [rsa, otherRsa, ec, otherEc] = await Promise.all(
    [shapes[0], shapes[0], shapes[1], shapes[1]].map((shape) => nodeKeyMaker.make(shape ?? { type: 'ed25519' })),
  );
  assert.ok(rsa && otherRsa && ec && otherEc);
  const keyFor = (pair: PairSpec, fresh: boolean): PrivateKey =>
    pair.key === 'p256' ? (fresh ? otherEc : ec) : fresh ? otherRsa : rsa;
  const signers = new Map<string, { old: Certificate; fresh: Certificate; oldKey: PrivateKey; freshKey: PrivateKey }>();
  const recipe = (pair: PairSpec): { subject: Name; extensions: Extension[] } => ({
    subject: new Name([
      ...(pair.orgs ?? []).map((org) => ({ O: [org] })),
      ...(pair.cn === '' ? [] : [{ CN: [pair.cn] }]),
    ]),
    extensions: [
      extension.keyUsage(
        'digitalSignature',
        'keyEncipherment',
        ...(pair.kind === 'signer' ? (['keyCertSign'] as const) : []),
      ),
      ...(extendedUsageOf(pair).length > 0
        ? [
            extension.extendedUsage(
              ...(['serverAuth', 'clientAuth'] as const).filter((usage) => extendedUsageOf(pair).includes(usage)),
            ),
          ]
        : []),
      extension.basicConstraints(pair.kind === 'signer'),
      ...((pair.dns ?? []).length + (pair.ips ?? []).length > 0
        ? [extension.altNames(pair.dns ?? [], pair.ips ?? [])]
        : []),
    ],
  });
  const signerOf = async (
    name: string,
  ): Promise<{ old: Certificate; fresh: Certificate; oldKey: PrivateKey; freshKey: PrivateKey }> => {
    const known = signers.get(name);
    if (known !== undefined) return known;
    const old = await makeCertificate({
      subject: cn(name),
      key: rsa,
      keyIds: 'library-go-sha1',
      extensions: [
        extension.keyUsage('digitalSignature', 'keyEncipherment', 'keyCertSign'),
        extension.basicConstraints(true),
      ],
    });
    const { certificate: fresh } = await resign(old, {
      newKey: otherRsa.public,
      signer: nodeSigner(otherRsa),
      authority: 'self',
      serial: newSerial(old.serial),
      validity: 'keep',
    });
    const made = { old, fresh, oldKey: rsa, freshKey: otherRsa };
    signers.set(name, made);
    return made;
  };
  for (const pair of pairs) {
    const signer = await signerOf(pair.issuer ?? pair.cn);
    const old = await makeCertificate({
      ...recipe(pair),
      key: keyFor(pair, false),
      by: { certificate: signer.old, key: signer.oldKey },
      keyIds: 'rfc5280-1',
    });
    assert.deepEqual(chainFaults(old, signer.old), [], pair.cn);
    const { certificate } = await resign(old, {
      newKey: keyFor(pair, true).public,
      signer: nodeSigner(signer.freshKey),
      authority: signer.fresh,
      serial: newSerial(old.serial),
      validity: 'keep',
    });
    assert.deepEqual(chainFaults(certificate, signer.fresh), [], pair.cn);
    assert.deepEqual([certificate.subjectText, certificate.dnsNames], [old.subjectText, old.dnsNames]);
    if (pair.cn !== '') assert.equal(verifies(certificate, signer.fresh), '', pair.cn);
  }
  t.comment(`${pairs.length} pairs under ${signers.size} signers`);
  assert.equal(pairs.length, 131);
});
