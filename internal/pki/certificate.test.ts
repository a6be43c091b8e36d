import assert from 'node:assert/strict';
import { test } from 'tap';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate as Schema,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509';
import { rootCertificates } from 'node:tls';
import { extension } from '../../test/certificates/extensions.ts';
import { cn, makeCertificate } from '../../test/certificates/make.ts';
import { extensions, readCertificate } from './certificate.ts';
import { hex, tags, tlv } from './der.ts';
import { nodeKeyMaker } from './signer.ts';
import { readTime } from './validity.ts';

const derOf = (pem: string): Uint8Array =>
  new Uint8Array(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'));

/** What a schema reads of a certificate, in the words of ours. */
function bySchema(der: Uint8Array): object {
  const { tbsCertificate, signatureAlgorithm } = AsnConvert.parse(der, Schema);
  const value = (number: number): ArrayBuffer | undefined =>
    tbsCertificate.extensions?.find(({ extnID }) => extnID === `2.5.29.${number}`)?.extnValue.buffer;
  const [key, authority, basic] = [
    value(extensions.subjectKeyId),
    value(extensions.authorityKeyId),
    value(extensions.basicConstraints),
  ];
  const id = authority === undefined ? undefined : AsnConvert.parse(authority, AuthorityKeyIdentifier);
  const octets = (buffer: ArrayBuffer | undefined): string | undefined =>
    buffer === undefined ? undefined : hex(new Uint8Array(buffer));
  return {
    serial: octets(tbsCertificate.serialNumber),
    signatureOid: signatureAlgorithm.algorithm,
    notBefore: tbsCertificate.validity.notBefore.getTime(),
    notAfter: tbsCertificate.validity.notAfter.getTime(),
    subjectKeyId: key === undefined ? undefined : octets(AsnConvert.parse(key, SubjectKeyIdentifier).buffer),
    authorityKeyId: octets(id?.keyIdentifier?.buffer),
    authoritySerial: octets(id?.authorityCertSerialNumber),
    isCa: basic === undefined ? false : AsnConvert.parse(basic, BasicConstraints).cA,
  };
}

function byUs(der: Uint8Array): object {
  const { serial, signatureOid, validity, subjectKeyId, authorityKeyId, authoritySerial, isCa } = readCertificate(der);
  const shown = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : hex(bytes));
  return {
    serial: shown(serial),
    signatureOid,
    ...validity,
    subjectKeyId: shown(subjectKeyId),
    authorityKeyId: shown(authorityKeyId),
    authoritySerial: shown(authoritySerial),
    isCa,
  };
}

test('a certificate is read as a schema reads it: the public authorities of the world, and odd ones of our own', async () => {
  assert.ok(rootCertificates.length > 100);
  for (const pem of rootCertificates) assert.deepEqual(byUs(derOf(pem)), bySchema(derOf(pem)));
  const key = await nodeKeyMaker.make({ type: 'ed25519' });
  const id = Uint8Array.of(1, 2, 3);
  const recipes = [
    {},
    { notAfter: new Date('2051-01-01T00:00:00Z') },
    { notBefore: new Date('1951-01-01T00:00:00Z') },
    { serial: Uint8Array.of(0, 0x80) },
    {
      extensions: [
        extension.basicConstraints(false),
        extension.authorityKeyId(id, cn('x'), Uint8Array.of(9)),
        extension.subjectKeyId(id),
      ],
    },
  ];
  for (const recipe of recipes) {
    const { der } = await makeCertificate({ subject: cn('odd'), key, ...recipe });
    assert.deepEqual(byUs(der), bySchema(der));
  }
});

test('what is no certificate is refused without a word of it', async () => {
  const [whole] = rootCertificates;
  const der = derOf(whole ?? '');
  for (const broken of [
    new Uint8Array(),
    Uint8Array.of(0x30, 3, 2, 1, 5),
    der.subarray(0, 300),
    tlv(tags.sequence),
    Uint8Array.from({ length: 500 }, (_, at) => at % 256),
  ]) {
    assert.throws(() => readCertificate(broken), { message: 'bytes are no certificate' });
  }
  for (const [tag, text] of [
    [tags.utcTime, '20260101000000Z'],
    [tags.generalizedTime, '260101000000Z'],
    [tags.utcTime, '260101000000'],
    [tags.utcTime, '261301000000Z'],
    [tags.integer, '260101000000Z'],
  ] as const) {
    assert.throws(() => readTime({ tag, content: new TextEncoder().encode(text) }), {
      message: 'a date of a certificate is broken',
    });
  }
});
