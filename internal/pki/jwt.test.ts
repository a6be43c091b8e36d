import assert from 'node:assert/strict';
import { test } from 'tap';
import { isJwtSignedBy, kidOf, readJwt, resignJwt } from './jwt.ts';
import { readPublicKey } from './keys.ts';
import { nodeKeyMaker, nodeSigner } from './signer.ts';

const encode = (text: string): string => Buffer.from(text).toString('base64url');
const payload = '{"iss":"kubernetes/serviceaccount", "sub":"system:serviceaccount:a:b","exp":1.0e9,"u":"\\u00e9"}';

function token(header: string): string {
  return `${encode(header)}.${encode(payload)}.${encode('no signature yet')}`;
}

test('the key id is that of Kubernetes', async () => {
  const spki =
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvDc1sZX2EkQUj/DF6+6Jvt3f+Nsp8lb6njfPZkyWZhVoAZJoCUh0px8etP1W2fK0G8mWEo3pvyP6ZklicRVop5hZ44FF88zuWbhOcWHaEDyftBBexBstlCOuKCIXdTlSsBMoTrGlduOWzLs+6R+TOIDgpjYEIx1ucJV835rOV3Eh2vaSev8z1MOyhHhxx3M4Te92N0B2XlDV5Zi0CuAJasmuyeRlBmGArXOvra2wqetWUmkwiurKgas20FjLFuMmNmJHtNLPjeCuZtMfBuawj3r4+HDSTFLTnDry//oIUgb+sZt3AIb0OkD5L63od2apMkw0OyKyhGnLxR/NtGwYuQIDAQAB';
  assert.equal(kidOf(readPublicKey(Buffer.from(spki, 'base64')).key), 'GKx0EwGz_guqR2ID87rRHmYY_YPhED667Y0QN7m8JtY');
});

test('a token keeps header order, blanks and payload, and verifies under the key that its kid names', async () => {
  for (const [algorithm, shape] of [
    ['RS256', { type: 'rsa', bits: 2048 }],
    ['ES256', { type: 'ec', curve: 'P-256' }],
    ['ES384', { type: 'ec', curve: 'P-384' }],
    ['ES512', { type: 'ec', curve: 'P-521' }],
    ['EdDSA', { type: 'ed25519' }],
  ] as const) {
    const [key, other] = [await nodeKeyMaker.make(shape), await nodeKeyMaker.make(shape)];
    const kid = kidOf(key.public);
    for (const [header, expected] of [
      [`{ "alg":"${algorithm}" ,"kid":"old","x":"kid"}`, `{ "alg":"${algorithm}" ,"kid":"${kid}","x":"kid"}`],
      [`{"typ":"JWT","alg":"${algorithm}"}`, `{"typ":"JWT","alg":"${algorithm}","kid":"${kid}"}`],
      [`{"alg":"${algorithm}","kid":""}`, `{"alg":"${algorithm}","kid":"${kid}"}`],
      [
        `{"alg":"${algorithm}","x":{"kid":"inner"},"kid":7}`,
        `{"alg":"${algorithm}","x":{"kid":"inner"},"kid":"${kid}"}`,
      ],
    ] as const) {
      const old = readJwt(token(header));
      assert.ok(old);
      assert.equal(isJwtSignedBy(old, key.public), false);
      const fresh = readJwt(await resignJwt(old, nodeSigner(key)));
      assert.ok(fresh);
      assert.equal(fresh.header, expected);
      assert.equal(fresh.payload, encode(payload));
      assert.equal(isJwtSignedBy(fresh, key.public), true, algorithm);
      assert.equal(isJwtSignedBy(fresh, other.public), false);
    }
  }
});

test('three dotted words that are no token are none', async () => {
  for (const text of [
    'aaa.bbb.ccc',
    'a.b',
    `${token('{"alg":"RS256"}')}\n`,
    token('["alg"]'),
    token('{"typ":"JWT"}'),
    'quay.io.example',
    '..',
  ])
    assert.equal(readJwt(text), undefined);
});

test('a key of another kind is refused with the algorithm only', async () => {
  const jwt = readJwt(token('{"alg":"RS256"}'));
  const alien = readJwt(token('{"alg":"HS256"}'));
  assert.ok(jwt && alien);
  const signer = nodeSigner(await nodeKeyMaker.make({ type: 'ed25519' }));
  await assert.rejects(resignJwt(jwt, signer), { message: 'the new key does not fit tokens of algorithm "RS256"' });
  await assert.rejects(resignJwt(alien, signer), { message: 'tokens of algorithm "HS256" cannot be signed' });
});
