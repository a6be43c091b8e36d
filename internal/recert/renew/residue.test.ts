import assert from 'node:assert/strict';
import { test } from 'tap';
import type { PrivateForm, PrivateKey } from '../../pki/keys.ts';
import { writePrivateKey } from '../../pki/keys.ts';
import { certPem, configMap, keyPem, p256, pair, pemOf, renewing, rsa, secret, token } from '../test-documents.ts';

test('an old private key or token in a form that is not read is told, however it is wrapped', async () => {
  for (const [shape, form, alg] of [
    [rsa, 'pkcs1', 'RS256'],
    [rsa, 'pkcs8', 'RS256'],
    [p256, 'sec1', 'ES256'],
    [p256, 'pkcs8', 'ES256'],
    [{ type: 'ec', curve: 'P-384' }, 'pkcs8', 'ES384'],
    [{ type: 'ec', curve: 'P-521' }, 'sec1', 'ES512'],
    [{ type: 'ed25519' }, 'pkcs8', 'EdDSA'],
  ] as const) {
    const ca = await pair('ca', { shape });
    const bearer = await token(ca.key, { kid: 'yes', alg });
    const key = keyPem(ca, form);
    const forms: Readonly<Record<string, string>> = {
      'escaped in JSON': JSON.stringify({ key }),
      'as in what was last applied': JSON.stringify({ data: { 'tls.key': Buffer.from(key).toString('base64') } }),
      'wrapped at 76 columns': JSON.stringify({
        key: pemOf('PRIVATE KEY', writePrivateKey(ca.key, form), { width: 76 }),
      }),
      'in one line': writeOneLine(ca.key, form),
      'shifted by one': Buffer.from(`x${key}`).toString('base64'),
      'shifted by two': Buffer.from(`xy${key}`).toString('base64'),
      'a token in a text': `Authorization: Bearer ${bearer}\n`,
    };
    for (const [name, text] of Object.entries(forms)) {
      const document = secret(
        'a/b',
        { 'tls.crt': certPem(ca), 'tls.key': key, token: bearer },
        { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': text } },
      );
      const done = await renewing([document]);
      assert.deepEqual(done.faults, [], name);
      assert.deepEqual(
        done.facts.filter((fact) => fact.endsWith('not read')),
        [
          `an old ${name.includes('token') ? 'token' : 'private key'} is left in etcd:/kubernetes.io/secrets/a/b, in a form that is not read`,
        ],
        `${form} ${JSON.stringify(shape)} ${name}`,
      );
    }
    assert.deepEqual(
      (
        await renewing([
          secret('a/b', { 'tls.crt': certPem(ca), 'tls.key': key, token: bearer }),
          configMap('a/c', { other: 'text' }),
        ])
      ).facts,
      [],
    );
  }
});

function writeOneLine(key: PrivateKey, form: PrivateForm): string {
  return `key: ${Buffer.from(writePrivateKey(key, form)).toString('base64')}`;
}
