import assert from 'node:assert/strict';
import { test } from 'tap';
import { parseChallenge, parseToken, tokenUrl } from './token.ts';

const shown = (...lines: string[]): string => {
  const challenge = parseChallenge(lines, 'r');
  return challenge?.scheme === 'bearer'
    ? `${challenge.realm.href} ${challenge.service ?? '-'}`
    : (challenge?.scheme ?? 'none');
};

test('a Bearer challenge leads to a token URL', async () => {
  const challenge = parseChallenge(
    ['Bearer realm="https://auth.lab/token?x=1",service="reg, istry",scope="repository:a/b:pull"'],
    'r',
  );
  assert.ok(challenge?.scheme === 'bearer');
  assert.equal(
    tokenUrl(challenge, 'a/b').href,
    'https://auth.lab/token?x=1&service=reg%2C+istry&scope=repository%3Aa%2Fb%3Apull',
  );
  assert.equal(
    tokenUrl(challenge, 'a/b', 'u+x').href,
    'https://auth.lab/token?x=1&account=u%2Bx&service=reg%2C+istry&scope=repository%3Aa%2Fb%3Apull',
  );
});

test('of each line the first challenge counts, of the lines the first that can be met', async () => {
  const table: [string[], string][] = [
    [['Basic realm="x"'], 'basic'],
    [['basic'], 'basic'],
    [['Negotiate'], 'none'],
    [[], 'none'],
    [['Bearer realm="https://a.lab/t",service="s", Basic realm="b"'], 'https://a.lab/t s'],
    [['Bearer realm="https://a.lab/t",service="s",Basic realm="b"'], 'https://a.lab/t s'],
    [['Bearer realm="https://a.lab/t",service="s"', 'Basic realm="b"'], 'https://a.lab/t s'],
    [['Basic realm="b"', 'Bearer realm="https://a.lab/t"'], 'basic'],
    [['Basic realm="b", Bearer realm="https://a.lab/t"'], 'basic'],
    [['Negotiate', 'bearer Realm="https://a.lab/t" , SERVICE = "s"'], 'https://a.lab/t -'],
    [['Bearer realm="https://a.lab/t" , service=plain'], 'https://a.lab/t plain'],
    [['Bearer service="say \\"s\\"",realm="https://a.lab/t"'], 'https://a.lab/t say "s"'],
    [['Bearer realm="https://a.lab/t",error="insufficient_scope"'], 'https://a.lab/t -'],
    [['Bearer realm="https://a.lab/t",'], 'https://a.lab/t -'],
  ];
  for (const [lines, wanted] of table) assert.equal(shown(...lines), wanted, lines.join(' | '));
});

test('a token server without a usable address is named', async () => {
  for (const [line, realm] of [
    ['Bearer service="x"', ''],
    ['Bearer realm="/token"', '/token'],
    ['Bearer realm=https://a.lab/t', 'https'],
    ['Bearer', ''],
  ])
    assert.throws(() => parseChallenge([line ?? ''], 'r'), {
      message: 'registry "r" names no usable token server',
      why: `its realm is "${realm ?? ''}"`,
      next: 'correct the address of the token server in the settings of registry "r"',
    });
});

test('both spellings of a token are read, and null is nothing', async () => {
  const table: [string, number][] = [
    ['{"token":"t","expires_in":300}', 270_000],
    ['{"access_token":"t"}', 54_000],
    ['{"token":"t","expires_in":null}', 54_000],
    ['{"token":"t","access_token":null,"expires_in":null,"issued_at":null,"refresh_token":null}', 54_000],
    ['{"token":null,"access_token":"t"}', 54_000],
    ['{"token":"","access_token":"t"}', 54_000],
    ['{"token":"t","issued_at":"2026-01-02T03:04:05.123456789Z"}', 54_000],
    ['{"token":"t","scope":7}', 54_000],
    ['{"Access_Token":"t"}', 54_000],
  ];
  for (const [text, lifeMs] of table) assert.deepEqual(parseToken(text, 'r'), { value: 't', lifeMs }, text);
});

test('an answer without a token is an error without the text', async () => {
  const next = 'look at the log of the token server of registry "r"';
  const message = 'token server of registry "r" gave no token';
  for (const text of ['canary', '{}', '{"token":null}', '{"token":""}'])
    assert.throws(() => parseToken(text, 'r'), { message, why: undefined, next });
  for (const [text, at] of [
    ['{"token":"canary","expires_in":"300"}', 'expires_in'],
    ['{"token":"canary","expires_in":1.5}', 'expires_in'],
    ['{"token":"canary","issued_at":"yesterday"}', 'issued_at'],
    ['{"token":5}', 'token'],
    ['["canary"]', 'its top'],
  ])
    assert.throws(() => parseToken(text ?? '', 'r'), {
      message,
      why: `its answer is not understood at "${at ?? ''}"`,
      next,
    });
});
