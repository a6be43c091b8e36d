import assert from 'node:assert/strict';
import { test } from 'tap';
import { parseChallenge, parseToken, tokenUrl } from './token.ts';

test('a Bearer challenge leads to a token URL', async () => {
  const challenge = parseChallenge(
    'Bearer realm="https://auth.lab/token?x=1",service="reg, istry",scope="repository:a/b:pull"',
    'r',
  );
  assert.ok(challenge?.scheme === 'bearer');
  assert.equal(
    tokenUrl(challenge, 'a/b').href,
    'https://auth.lab/token?x=1&service=reg%2C+istry&scope=repository%3Aa%2Fb%3Apull',
  );
});

test('Basic is understood, nothing and unknown schemes are no challenge', async () => {
  assert.deepEqual(parseChallenge('Basic realm="x"', 'r'), { scheme: 'basic' });
  assert.equal(parseChallenge('Negotiate', 'r'), undefined);
  assert.equal(parseChallenge(undefined, 'r'), undefined);
  assert.throws(() => parseChallenge('Bearer service="x"', 'r'), {
    message: 'registry "r" names no usable token server',
    why: 'its realm is ""',
  });
});

test('both spellings of a token are read, and a missing one is an error without the text', async () => {
  assert.deepEqual(parseToken('{"token":"t","expires_in":300}', 'r'), { value: 't', lifeMs: 270_000 });
  assert.deepEqual(parseToken('{"access_token":"t"}', 'r'), { value: 't', lifeMs: 54_000 });
  assert.throws(() => parseToken('canary', 'r'), { message: 'token server of registry "r" gave no token' });
});
