import assert from 'node:assert/strict';
import { test } from 'tap';
import { hex } from './der.ts';
import { signatureAlgorithmFor } from './signature-algorithm.ts';
import {
  algorithmValue,
  authorityKeyIdValue,
  renamedGeneralNames,
  subjectKeyIdValue,
  validityValue,
} from './values.ts';

/** What the schemas write, against bytes written out by hand. */

const raw = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const same = (made: Uint8Array, bytes: string, why?: string): void => {
  assert.equal(hex(made), bytes.replaceAll(' ', ''), why);
};

test('an algorithm has NULL parameters for RSA and none for others', async () => {
  same(algorithmValue(signatureAlgorithmFor({ type: 'rsa', bits: 2048 }, '')), '300d 0609 2a864886f70d01010b 0500');
  same(algorithmValue(signatureAlgorithmFor({ type: 'ec', curve: 'P-256' }, '')), '300a 0608 2a8648ce3d040302');
  same(algorithmValue(signatureAlgorithmFor({ type: 'ec', curve: 'P-521' }, '')), '300a 0608 2a8648ce3d040304');
  same(algorithmValue(signatureAlgorithmFor({ type: 'ed25519' }, '')), '3005 0603 2b6570');
});

test('a date is UTCTime from 1950 through 2049 and GeneralizedTime otherwise, in whole seconds', async () => {
  const bytesOf = (text: string): string => Buffer.from(text).toString('hex');
  for (const [date, tag, text] of [
    ['1949-12-31T23:59:59Z', '180f', '19491231235959Z'],
    ['1950-01-01T00:00:00Z', '170d', '500101000000Z'],
    ['1999-12-31T23:59:59Z', '170d', '991231235959Z'],
    ['2049-12-31T23:59:59.999Z', '170d', '491231235959Z'],
    ['2050-01-01T00:00:00.001Z', '180f', '20500101000000Z'],
    ['9999-12-31T23:59:59Z', '180f', '99991231235959Z'],
  ] as const) {
    const bound = `${tag}${bytesOf(text)}`;
    const [notBefore, notAfter] = [new Date(date), new Date(date)];
    same(validityValue({ notBefore, notAfter }), `30${tag === '170d' ? '1e' : '22'} ${bound} ${bound}`, date);
  }
});

test('an authority key identifier gets new values for the parts it has, and no part more', async () => {
  const signer = { keyId: raw('aabb'), serial: raw('00ff') };
  const issuer = 'a10b a409 3007 3105 3003 0601 00';
  same(subjectKeyIdValue(raw('0102')), '0402 0102');
  same(authorityKeyIdValue(raw('3000'), signer, []), '3000');
  same(authorityKeyIdValue(raw('3004 8002 0102'), signer, []), '3004 8002 aabb');
  same(authorityKeyIdValue(raw('3003 8201 05'), signer, []), '3004 8202 00ff');
  same(authorityKeyIdValue(raw(`3011 8002 0102 ${issuer}`), signer, []), `3011 8002 aabb ${issuer}`);
  same(authorityKeyIdValue(raw('3004 8002 0102'), { keyId: undefined, serial: undefined }, []), '3004 8002 0102');
  same(authorityKeyIdValue(raw('3007 8002 0102 8301 07'), signer, []), '3007 8002 aabb 8301 07', 'a part of nobody');
  same(
    authorityKeyIdValue(raw('3003 8201 05'), { keyId: undefined, serial: raw('0001') }, []),
    '3004 8202 0001',
    'a serial number that is no DER is that of the signer all the same',
  );
});

test('alternative names are replaced one by one: what no rule names keeps its bytes, also where they are no DER', async () => {
  const rules = [
    { old: 'a', new: 'bc' },
    { old: '10.0.0.1', new: '::ffff:1.2.3.4' },
    { old: 'fd00:0::1', new: '10.0.0.2' },
  ];
  const ip6 = `8710 fd00 ${'00'.repeat(13)} 01`;
  for (const [old, fresh, why] of [
    ['8201 61', '8202 6263', 'a DNS name'],
    ['828101 61', '8202 6263', 'its length in two bytes'],
    ['828101 78', '828101 78', 'another name with its length in two bytes'],
    ['8202 e961', '8202 e961', 'bytes that are no ASCII'],
    ['8704 0a000001', `8710 ${'00'.repeat(10)} ffff 01020304`, 'an address'],
    [ip6, '8704 0a000002', 'an address in another spelling'],
    ['8705 0102030405', '8705 0102030405', 'an address of five bytes'],
    ['8708 0a000001 ffffffff', '8708 0a000001 ffffffff', 'an address with its mask'],
    ['8101 61', '8101 61', 'a mail address'],
    ['a502 ffff', 'a502 ffff', 'what no schema reads'],
    ['a40e 300c 310a 3008 0603 550403 1301 61', 'a40f 300d 310b 3009 0603 550403 1302 6263', 'a whole subject'],
  ] as const) {
    const [element, expected] = [old, fresh].map((text) => text.replaceAll(' ', ''));
    const around = (inside = ''): string => `30${Buffer.of(inside.length / 2).toString('hex')}${inside}`;
    same(renamedGeneralNames(raw(around(element)), rules), around(expected), why);
  }
});
