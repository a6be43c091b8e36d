import assert from 'node:assert/strict';
import { test } from 'tap';
import { findingsIn, masked } from './findings.ts';

const certificate = `-----BEGIN CERTIFICATE-----\n${'MIIBszCCAVmgAwIBAgIUf6pX'.repeat(8).replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
const token = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhYmMifQ.${'c2lnbmF0dXJl'.repeat(4)}`;
const kinds = (bytes: string | Buffer): string[] => findingsIn(Buffer.from(bytes)).map(({ kind }) => kind);

await test('findingsIn() finds PEM in text, in JSON, in base64, in a data URL, and in base64 of base64', async () => {
  assert.deepEqual(kinds(certificate), ['certificate']);
  assert.deepEqual(kinds(JSON.stringify({ a: certificate })), ['certificate']);
  assert.deepEqual(kinds(`certificate-authority-data: ${Buffer.from(certificate).toString('base64')}\n`), [
    'certificate',
  ]);
  assert.deepEqual(kinds(JSON.stringify({ source: `data:,${encodeURIComponent(certificate)}` })), ['certificate']);
  assert.deepEqual(kinds(Buffer.from(`x: ${Buffer.from(certificate).toString('base64')}`).toString('base64')), [
    'certificate',
  ]);
  assert.deepEqual(kinds(`k${Buffer.from(certificate).toString('base64')}`), ['certificate'], 'a letter before it');
  assert.equal(
    new Set(
      [
        certificate,
        certificate.replaceAll('\n', '\r\n'),
        JSON.stringify({ a: certificate }),
        certificate.replace(/(?<=[A-Za-z0-9])\n(?=[A-Za-z0-9])/g, ''),
      ].map((text) => findingsIn(Buffer.from(text))[0]?.text),
    ).size,
    1,
    'one text, however it is wrapped',
  );
});

await test('findingsIn() finds tokens, tells keys apart, keeps the order, and leaves what is broken', async () => {
  const key = certificate.replaceAll('CERTIFICATE', 'RSA PRIVATE KEY');
  assert.deepEqual(kinds(`${key}${token} ${certificate.replaceAll('CERTIFICATE', 'PUBLIC KEY')}${certificate}`), [
    'private-key',
    'token',
    'public-key',
    'certificate',
  ]);
  assert.deepEqual(kinds(JSON.stringify({ auth: Buffer.from(`serviceaccount:${token}`).toString('base64') })), [
    'token',
  ]);
  assert.deepEqual(
    kinds(
      `${certificate.slice(0, 100)}\n${token.split('.').slice(0, 2).join('.')} -----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----`,
    ),
    [],
  );
});

await test('masked() is the same for another certificate, and another for other wrapping, line ends, comments and tags', async () => {
  const other = certificate.replaceAll('MIIB', 'MIIC');
  const same = (text: string): boolean => masked(Buffer.from(text)) === masked(Buffer.from(`# a\n${certificate}`));
  assert.ok(same(`# a\n${other}`));
  for (const changed of [
    `# b\n${other}`,
    `# a\n${other.replaceAll('\n', '\r\n')}`,
    `# a\n${other}`.trimEnd(),
    `# a\n${other.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')}`,
    `# a\n${other.replace(/(?<=[A-Za-z0-9])\n(?=[A-Za-z0-9])/g, '')}`,
  ])
    assert.ok(!same(changed), changed);
  assert.equal(masked(Buffer.from(`token: ${token}\n`)), 'token: <token>\n');
});
