import assert from 'node:assert/strict';
import '../../test/certificates/provider.ts';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AttributeTypeAndValue,
  AttributeValue,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  Name as AsnName,
  NameConstraints,
  RelativeDistinguishedName,
} from '@peculiar/asn1-x509';
import { Extension, Name } from '@peculiar/x509';
import { verify, X509Certificate } from 'node:crypto';
import { test } from 'tap';
import { extension } from '../../test/certificates/extensions.ts';
import { cn, makeCertificate, nameDer } from '../../test/certificates/make.ts';
import { explicitFalse, invalidUtf8, longDnsName, withoutSeconds } from '../../test/certificates/odd-forms.ts';
import { chainFaults, isSignedBy } from './chain.ts';
import type { Certificate } from './certificate.ts';
import { readCertificate, tbsParts } from './certificate.ts';
import { childrenOf, content, hex, tags, tlv, tlvAt, whole } from './der.ts';
import { ipBytes, ipText } from './ip-bytes.ts';
import { keyIdMethodOf, keyIdMethods } from './key-identifier.ts';
import type { KeyShape, PrivateKey } from './keys.ts';
import { commonNamesOf, nameText, renamedName } from './names.ts';
import type { Renewal } from './resign.ts';
import { extensionsOf, resign } from './resign.ts';
import { newSerial } from './serial.ts';
import { nodeKeyMaker, nodeSigner } from './signer.ts';
import { expired, extended } from './validity.ts';

const rsa: KeyShape = { type: 'rsa', bits: 2048 };
const p256: KeyShape = { type: 'ec', curve: 'P-256' };
const shapes: readonly KeyShape[] = [
  rsa,
  p256,
  { type: 'ec', curve: 'P-384' },
  { type: 'ec', curve: 'P-521' },
  { type: 'ed25519' },
];
/** One attribute of a name, in a type of string that the package's own names do not offer. */
const named = (type: string, value: ConstructorParameters<typeof AttributeValue>[0]): RelativeDistinguishedName =>
  new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value: new AttributeValue(value) })]);
const raw = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Renews a root with a new key of its shape, everything else kept. */
async function renewedRoot(
  old: Certificate,
  change: Partial<Renewal> = {},
): Promise<{ readonly certificate: Certificate; readonly key: PrivateKey }> {
  assert.ok(old.publicKey);
  const key = await nodeKeyMaker.make(old.publicKey.shape);
  const { certificate } = await resign(old, {
    newKey: key.public,
    signer: nodeSigner(key),
    authority: 'self',
    serial: 'keep',
    validity: 'keep',
    ...change,
  });
  return { certificate, key };
}

test('leaf under root verifies for each pair of key types, with the algorithm of the signer and no NULL for ECDSA', async () => {
  for (const rootShape of shapes) {
    const rootKey = await nodeKeyMaker.make(rootShape);
    const root = await makeCertificate({
      subject: cn('root'),
      key: rootKey,
      keyIds: 'rfc5280-1',
      extensions: [extension.basicConstraints(true)],
    });
    const newRoot = await renewedRoot(root);
    assert.deepEqual(chainFaults(newRoot.certificate, newRoot.certificate), []);
    for (const leafShape of shapes) {
      const leafKey = await nodeKeyMaker.make(leafShape);
      const leaf = await makeCertificate({
        subject: cn('leaf'),
        key: leafKey,
        by: { certificate: root, key: rootKey },
        keyIds: 'rfc7093-1',
        extensions: [extension.altNames(['leaf'])],
      });
      const newKey = await nodeKeyMaker.make(leafShape);
      const { certificate, keyIdMethod } = await resign(leaf, {
        newKey: newKey.public,
        signer: nodeSigner(newRoot.key),
        authority: newRoot.certificate,
        serial: newSerial(leaf.serial),
        validity: 'keep',
      });
      assert.deepEqual(chainFaults(certificate, newRoot.certificate), [], `${rootShape.type} ${leafShape.type}`);
      assert.notDeepEqual(chainFaults(certificate, root), []);
      assert.equal(keyIdMethod, 'rfc7093-1');
      assert.equal(certificate.serial.length, leaf.serial.length);
      assert.ok(new X509Certificate(certificate.der).checkPrivateKey(newKey.object));
      const algorithm = hex(tbsParts(certificate.der).algorithm);
      assert.equal(algorithm.endsWith('0500'), rootShape.type === 'rsa');
    }
  }
});

test('a certificate signed with SHA-512 stays so, and one signed with another family takes what fits the signer', async () => {
  const key = await nodeKeyMaker.make(rsa);
  const root = await makeCertificate({ subject: cn('root'), key, hash: 'sha512' });
  assert.equal((await renewedRoot(root)).certificate.signatureOid, '1.2.840.113549.1.1.13');
  const ec = await nodeKeyMaker.make({ type: 'ec', curve: 'P-384' });
  assert.equal(
    (
      await resign(root, {
        newKey: ec.public,
        signer: nodeSigner(ec),
        authority: 'self',
        serial: 'keep',
        validity: 'keep',
      })
    ).certificate.signatureOid,
    '1.2.840.10045.4.3.3',
  );
});

test('everything that is not meant to change keeps its bytes: order, criticality, explicit FALSE, unknown extensions, string types', async () => {
  const key = await nodeKeyMaker.make(p256);
  const subject = new Name(
    new AsnName([
      named('2.5.4.10', { teletexString: 'Org' }),
      named('2.5.4.3', { utf8String: 'a@b' }),
      named('2.5.4.6', { printableString: 'DE' }),
      named('0.9.2342.19200300.100.1.25', { ia5String: 'dc' }),
    ]),
  );
  const extensions = [
    new Extension('1.2.3.4', false, raw('deadbeef')),
    extension.keyUsage('digitalSignature', 'keyEncipherment'),
    new Extension('2.5.29.32', true, tlv(tags.sequence)),
    extension.altNames(['x'], ['10.0.0.1']),
    extension.basicConstraints(true),
    new Extension('1.2.3.5', false, raw('00')),
  ];
  const old = await makeCertificate({
    subject,
    key,
    extensions,
    keyIds: 'rfc7093-1',
    notAfter: new Date('2060-01-01T00:00:00Z'),
    odd: [explicitFalse('2a0304')],
  });
  const { certificate } = await renewedRoot(old);
  const [before, after] = [tbsParts(old.der), tbsParts(certificate.der)];
  for (const part of ['version', 'serial', 'algorithm', 'issuer', 'validity', 'subject'] as const)
    assert.equal(hex(after[part]), hex(before[part]), part);
  const [left, right] = [extensionsOf(old), extensionsOf(certificate)];
  assert.deepEqual(
    right.map(({ id }) => id),
    left.map(({ id }) => id),
  );
  for (const [at, one] of left.entries())
    assert.equal(hex(one.der) === hex(right[at]?.der ?? raw('')), !['551d0e', '551d23'].includes(one.id), one.id);
});

test('name constraints are copied as they stand: rules are for whole names', async () => {
  const base = (of: ConstructorParameters<typeof GeneralName>[0]): GeneralSubtree =>
    new GeneralSubtree({ base: new GeneralName(of) });
  const constraints = AsnConvert.serialize(
    new NameConstraints({
      permittedSubtrees: new GeneralSubtrees([base({ dNSName: 'old' }), base({ iPAddress: '10.0.0.0/8' })]),
    }),
  );
  const old = await makeCertificate({
    subject: cn('old'),
    key: await nodeKeyMaker.make(p256),
    extensions: [extension.basicConstraints(true), new Extension(id_ce_nameConstraints, true, constraints)],
  });
  const { certificate } = await renewedRoot(old, { rules: [{ old: 'old', new: 'new' }] });
  assert.deepEqual(certificate.commonNames, ['new']);
  assert.equal(hex(extensionsOf(certificate)[1]?.value ?? raw('')), hex(new Uint8Array(constraints)));
});

test('forms that are no DER, or that a schema would write otherwise, stay as they are beside what changes', async () => {
  const key = await nodeKeyMaker.make(p256);
  const subject = new Name([{ O: [{ utf8String: 'Größe' }] }, { CN: ['old'] }]);
  const old = await makeCertificate({
    subject,
    key,
    keyIds: 'rfc7093-1',
    extensions: [extension.basicConstraints(true), extension.altNames(['old', 'stays'])],
    odd: [withoutSeconds, longDnsName('stays'), invalidUtf8('Größe'), explicitFalse('551d11'), explicitFalse('551d23')],
  });
  const { certificate, key: newKey } = await renewedRoot(old, { rules: [{ old: 'old', new: 'new' }] });
  assert.deepEqual(
    [certificate.commonNames, certificate.dnsNames, certificate.authorityKeyId],
    [['new'], ['new', 'stays'], certificate.subjectKeyId],
  );
  const [before, after] = [tbsParts(old.der), tbsParts(certificate.der)];
  assert.equal(hex(after.validity), hex(before.validity), 'UTCTime without seconds');
  assert.equal(hex(after.subject), hex(before.subject).replace(hex(utf8('old')), hex(utf8('new'))), 'invalid UTF-8');
  const valueOf = (one: Certificate, oid: string): string =>
    hex(extensionsOf(one).find(({ id }) => id === oid)?.der ?? raw(''));
  assert.equal(
    valueOf(certificate, '551d11'),
    valueOf(old, '551d11').replace(hex(utf8('old')), hex(utf8('new'))),
    'a length in two bytes, and critical FALSE',
  );
  assert.match(valueOf(certificate, '551d11'), /^30..0603551d11010100.*828105/);
  assert.match(valueOf(certificate, '551d23'), /^30..0603551d23010100/);
  // OpenSSL reads neither UTCTime without seconds nor invalid UTF-8, so the signature is checked over the bytes.
  const [tbs, , signature] = childrenOf(certificate.der, tlvAt(certificate.der));
  assert.ok(tbs !== undefined && signature !== undefined);
  const signed = whole(certificate.der, tbs);
  assert.ok(verify('sha256', signed, newKey.public.object, content(certificate.der, signature).subarray(1)));
});

test('the same key, serial and validity give the same to-be-signed bytes', async () => {
  const key = await nodeKeyMaker.make(rsa);
  const old = await makeCertificate({
    subject: cn('x'),
    key,
    keyIds: 'library-go-sha1',
    extensions: [extension.basicConstraints(true), new Extension('1.2.3.4', false, raw('01'))],
    odd: [explicitFalse('2a0304')],
  });
  const { certificate } = await resign(old, {
    newKey: key.public,
    signer: nodeSigner(key),
    authority: 'self',
    serial: 'keep',
    validity: 'keep',
  });
  assert.equal(hex(certificate.der), hex(old.der));
});

test('the method of the subject key identifier is found on the old key and used for the new', async () => {
  const key = await nodeKeyMaker.make(rsa);
  for (const method of keyIdMethods) {
    const old = await makeCertificate({
      subject: cn('x'),
      key,
      keyIds: method,
      extensions: [extension.basicConstraints(true)],
    });
    const renewed = await renewedRoot(old);
    assert.ok(renewed.certificate.subjectKeyId);
    assert.equal(keyIdMethodOf(renewed.key.public, renewed.certificate.subjectKeyId), method);
    assert.deepEqual(renewed.certificate.authorityKeyId, renewed.certificate.subjectKeyId);
  }
});

test('a self-signed certificate whose authority identifier carries its own serial gets the new one there too', async () => {
  const key = await nodeKeyMaker.make(p256);
  const serial = raw('05');
  const old = await makeCertificate({
    subject: cn('old name'),
    key,
    serial,
    extensions: [extension.basicConstraints(true), extension.authorityKeyId(undefined, cn('old name'), serial)],
  });
  const { certificate } = await renewedRoot(old, {
    serial: raw('0777'),
    rules: [{ old: 'old name', new: 'new name' }],
  });
  assert.equal(hex(certificate.authoritySerial ?? raw('')), '0777');
  assert.deepEqual(chainFaults(certificate, certificate), []);
  assert.ok(
    hex(certificate.der).includes(hex(tlv(0xa4, nameDer(cn('new name'))))),
    'the issuer inside the identifier follows the rules',
  );
});

test('an orphan keeps its authority identifier', async () => {
  const [gone, key] = [await nodeKeyMaker.make(p256), await nodeKeyMaker.make(p256)];
  const root = await makeCertificate({
    subject: cn('gone'),
    key: gone,
    keyIds: 'rfc5280-1',
    extensions: [extension.basicConstraints(true)],
  });
  const orphan = await makeCertificate({
    subject: cn('orphan'),
    key,
    by: { certificate: root, key: gone },
    keyIds: 'rfc5280-1',
  });
  const { certificate } = await renewedRoot(orphan, { authority: 'unknown' });
  assert.deepEqual(certificate.authorityKeyId, root.subjectKeyId);
  assert.notDeepEqual(certificate.subjectKeyId, orphan.subjectKeyId);
});

test('names: all rules see the original, the last that fits wins (vector D.7); addresses the first', async () => {
  const key = await nodeKeyMaker.make(p256);
  const old = await makeCertificate({
    subject: cn('old'),
    key,
    extensions: [
      extension.altNames(['old', 'older', '192.168.126.10', '*.apps.old'], ['192.168.126.10', 'fd00::1', '10.0.0.1']),
    ],
  });
  const rules = [
    { old: 'old', new: 'mid' },
    { old: 'mid', new: 'new' },
    { old: 'old', new: 'final' },
    { old: '192.168.126.10', new: '192.168.127.11' },
    { old: 'fd00::1', new: 'fd00::2' },
    { old: 'fd00:0::1', new: 'fd00::3' },
    { old: '10.0.0.1', new: 'fd00::4' },
  ];
  const { certificate } = await renewedRoot(old, { rules });
  assert.deepEqual(certificate.commonNames, ['final']);
  assert.equal(certificate.issuerText, 'CN=final');
  assert.deepEqual(certificate.dnsNames, ['final', 'older', '192.168.127.11', '*.apps.old']);
  assert.deepEqual(certificate.ipAddresses.map(ipText), ['192.168.127.11', 'fd00:0:0:0:0:0:0:2', 'fd00:0:0:0:0:0:0:4']);
});

test('a name keeps its string type, and becomes UTF8String where that cannot hold the new one', async () => {
  for (const [kind, fresh, expected] of [
    ['printableString', 'new', 'printableString'],
    ['printableString', 'a_b', 'utf8String'],
    ['utf8String', 'new', 'utf8String'],
    ['ia5String', 'a@b', 'ia5String'],
  ] as const) {
    const renamed = renamedName(nameDer(new Name([{ O: ['o'] }, { CN: [{ [kind]: 'old' }] }])), [
      { old: 'old', new: fresh },
    ]);
    assert.equal(hex(renamed), hex(nameDer(new Name([{ O: ['o'] }, { CN: [{ [expected]: fresh }] }]))));
  }
  const bmp = nameDer(new Name([{ CN: [{ bmpString: 'old' }] }]));
  assert.deepEqual(commonNamesOf(bmp), ['old']);
  assert.equal(
    renamedName(bmp, [{ old: 'x', new: 'y' }]),
    bmp,
    'a type that we do not write stays as long as no rule fits',
  );
  assert.equal(nameText(nameDer(new Name([{ O: ['Red Hat, Inc.'] }, { CN: ['olm'] }]))), 'CN=olm, O=Red Hat, Inc.');
});

test('validity: UTCTime through 2049, GeneralizedTime from 2050, each bound for itself', async () => {
  const key = await nodeKeyMaker.make(p256);
  const old = await makeCertificate({
    subject: cn('x'),
    key,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2051-06-01T00:00:00Z'),
  });
  for (const [notBefore, notAfter, expected] of [
    [
      '2049-12-31T23:59:59Z',
      '2050-01-01T00:00:00Z',
      '170d3439313233313233353935395a180f32303530303130313030303030305a',
    ],
    ['2026-01-01T00:00:00Z', '2030-01-01T00:00:00Z', '170d3236303130313030303030305a170d3330303130313030303030305a'],
  ] as const) {
    const validity = { notBefore: new Date(notBefore), notAfter: new Date(notAfter) };
    const { certificate } = await renewedRoot(old, { validity });
    assert.equal(hex(tbsParts(certificate.der).validity).slice(4), expected);
    assert.deepEqual(certificate.validity, validity);
  }
});

test('expiring and then extending restores every length; "never" stays never', async () => {
  const now = new Date('2026-11-21T12:00:00.789Z');
  for (const [from, to] of [
    ['2026-01-01T00:00:00Z', '2036-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00Z', '2026-01-01T12:00:00Z'],
    ['2045-01-01T00:00:00Z', '2055-01-01T00:00:00Z'],
  ] as const) {
    const old = { notBefore: new Date(from), notAfter: new Date(to) };
    const dead = expired(old, now);
    assert.equal(dead.notAfter.toISOString(), '2026-11-21T12:00:00.000Z');
    const later = new Date('2049-12-31T00:00:00Z');
    const alive = extended(dead, later);
    assert.equal(alive.notBefore.getTime(), later.getTime());
    assert.equal(
      alive.notAfter.getTime() - alive.notBefore.getTime(),
      old.notAfter.getTime() - old.notBefore.getTime(),
    );
  }
  const never = new Date('9999-12-31T23:59:59Z');
  assert.deepEqual(extended({ notBefore: now, notAfter: never }, now).notAfter, never);
});

test('a new serial number is positive, DER and as long as the old one', async () => {
  for (const old of ['01', '067a', '3a0b0c0d0e0f1011', '00ff0c0d0e0f101112', '7f'.repeat(20)]) {
    for (let round = 0; round < 200; round += 1) {
      const serial = newSerial(raw(old));
      assert.equal(serial.length, raw(old).length);
      assert.notEqual(hex(serial), old);
      const [first = 0, second = 0] = serial;
      assert.ok(first < 0x80 && (serial.length === 1 ? first > 0 : first > 0 || second >= 0x80), hex(serial));
    }
  }
});

test('a serial number that another certificate of the issuer has is not taken, and a short one grows when all are used', async () => {
  const taken = new Set(Array.from({ length: 120 }, (_, at) => hex(Uint8Array.of(at + 1))));
  for (let round = 0; round < 200; round += 1) assert.ok(!taken.has(hex(newSerial(raw('01'), taken))));
  const all = new Set(Array.from({ length: 127 }, (_, at) => hex(Uint8Array.of(at + 1))));
  assert.equal(newSerial(raw('01'), all).length, 9);
});

test('a certificate without extensions (version 1) is signed anew as it is', async () => {
  const old = await makeCertificate({ subject: cn('v1'), key: await nodeKeyMaker.make(p256) });
  const { certificate, key } = await renewedRoot(old);
  assert.equal(tbsParts(certificate.der).version.length, 0);
  assert.ok(isSignedBy(certificate, key.public));
});

test('what follows a trusted certificate in its block stays', async () => {
  const key = await nodeKeyMaker.make(p256);
  const plain = await makeCertificate({ subject: cn('x'), key });
  const trusted = readCertificate(new Uint8Array([...plain.der, 0x30, 0x02, 0x05, 0x00]));
  assert.equal(trusted.digest, plain.digest);
  const { certificate } = await renewedRoot(trusted);
  assert.deepEqual([hex(certificate.trailer), plain.trailer.length], ['30020500', 0]);
});

test('a broken certificate is refused without quoting it', async () => {
  const { der } = await makeCertificate({ subject: cn('secret-name'), key: await nodeKeyMaker.make(p256) });
  for (const bytes of [
    der.subarray(0, 40),
    new Uint8Array(),
    Uint8Array.of(0x30, 0x00),
    Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff),
  ]) {
    assert.throws(() => readCertificate(bytes), { message: 'bytes are no certificate' });
  }
});

test('addresses are compared as bytes', async () => {
  for (const [one, other] of [
    ['fd00::1', 'fd00:0:0::0:1'],
    ['::', '0:0:0:0:0:0:0:0'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
  ] as const)
    assert.deepEqual(ipBytes(one), ipBytes(other));
  assert.equal(ipBytes('host'), undefined);
  assert.equal(ipBytes('fe80::1%eth0'), undefined);
});

test('a certificate with any byte changed is read or refused, never anything else', async () => {
  const { der } = await makeCertificate({
    subject: cn('x'),
    key: await nodeKeyMaker.make(p256),
    keyIds: 'rfc5280-1',
    extensions: [extension.altNames(['x'], ['10.0.0.1']), extension.basicConstraints(true)],
  });
  let read = 0;
  for (let at = 0; at < der.length; at += 1) {
    for (const value of [0x00, 0x30, 0x84, 0xff]) {
      const changed = Uint8Array.from(der);
      changed[at] = value;
      try {
        readCertificate(changed);
        read += 1;
      } catch (error) {
        assert.equal((error as Error).message, 'bytes are no certificate'); // what readCertificate says it throws
      }
    }
  }
  assert.ok(read > 0);
});
