import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { t as file, test } from 'tap';
import { startFront } from '../../test/registry-front.ts';
import { makeLayer, pushImage, startPeer, type Account } from '../../test/registry-peer.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';
import { assertSame, verdictsOn, type Expected } from './test-verdicts.ts';

/*
 * Credentials: what our client and skopeo make of the same auth file, challenge and token answer. R is a registry with a user and a
 * password; where a registry shall misbehave, a front answers "401" for it in odd ways and leaves the rest to the real one.
 */

file.setTimeout(0); // one process a question; run by hand, a file has 30 s

const account: Account = { username: 'u', password: 'canary-pw' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const good = { auth: base64(`${account.username}:${account.password}`) };
const image = 'R/lab/app:1';

function trustPlain(at: Surroundings, address: string): void {
  mkdirSync(join(at.folder, '.config/containers'), { recursive: true });
  writeFileSync(
    join(at.folder, '.config/containers/registries.conf'),
    `[[registry]]\nlocation="${address}"\ninsecure=true\n`,
  );
}

const add =
  'add credentials for "R" to the pull secret, or check the name: some registries answer so when an image does not exist';
const wanted = (why: string): Expected => ({
  refused: ['registry "R" wants credentials for "R/lab/app:1"', `auth file "AUTH"${why}`, add],
});
const noEntry = wanted(' has no entry for "R"');
const refusedAccount: Expected = {
  refused: [
    'registry "R" refused the credentials for "R/lab/app:1"',
    'it answered 401: authentication required',
    'renew the entry for "R" in auth file "AUTH"',
  ],
};
const unusable = (fault: string): Expected => ({
  refused: [
    'auth file "AUTH" cannot be used for registry "R"',
    fault,
    'correct this in the pull secret; "auth" is the base64 of USER:PASSWORD',
  ],
});
const notBase64 = unusable('the entry "R" has an "auth" that is not base64');
const notJson: Expected = { refused: ['auth file "AUTH" is not JSON', undefined, 'write the pull secret there anew'] };

type FileRow = readonly [name: string, file: unknown, expected?: Expected, warning?: string];

const files: FileRow[] = [
  ['the account', { auths: { R: good } }],
  ['nothing', { auths: {} }, noEntry],
  ['null', null, noEntry],
  ['null entries', { auths: null }, noEntry],
  ['a wrong password', { auths: { R: { auth: base64('u:canary-no') } } }, refusedAccount],
  ['a password without user', { auths: { R: { auth: base64(':canary-pw') } } }, refusedAccount],
  ['the account of the namespace', { auths: { 'R/lab': good } }],
  [
    'an empty entry of the namespace before it',
    { auths: { 'R/lab': {}, R: good } },
    wanted(': the entry "R/lab" has no "auth"'),
  ],
  ['a URL as key', { auths: { 'https://R/v1/': good } }],
  ['a URL without TLS as key', { auths: { 'http://R': good } }],
  ['a slash behind the key', { auths: { 'R/': good } }, noEntry],
  [
    'user and password in clear',
    { auths: { R: { username: 'u', password: 'canary-pw' } } },
    wanted(': the entry "R" has no "auth"; podman does not look at "username"'),
  ],
  ['an identity token alone', { auths: { R: { identitytoken: 'canary' } } }, wanted(': the entry "R" has no "auth"')],
  ['a placeholder', { auths: { R: { auth: 'REPLACE ME' } } }, notBase64],
  [
    'no colon',
    { auths: { R: { auth: base64('nothing') } } },
    wanted(': the entry "R" has an "auth" that is not base64 of USER:PASSWORD'),
  ],
  ['a newline behind', { auths: { R: { auth: `${good.auth}\n` } } }],
  ['no padding', { auths: { R: { auth: good.auth.replace(/=+$/, '') } } }, notBase64],
  ['a blank before', { auths: { R: { auth: ` ${good.auth}` } } }, notBase64],
  ['zeros behind the password', { auths: { R: { auth: base64('u:canary-pw\0\0') } } }],
  ['names in capitals', { Auths: { R: { AUTH: good.auth } } }],
  ['another entry that is null', { auths: { R: good, 'o.lab': null } }, {}, 'the entry "o.lab" has no "auth"'],
  ['another entry that is empty', { auths: { R: good, 'o.lab': {} } }, {}, 'the entry "o.lab" has no "auth"'],
  [
    'another entry that is half-filled',
    { auths: { R: good, 'o.lab': { auth: '', email: 'a@b' } } },
    {},
    'the entry "o.lab" has no "auth"',
  ],
  [
    'another entry that is a placeholder',
    { auths: { R: good, 'o.lab': { auth: 'REPLACE ME' } } },
    {},
    'the entry "o.lab" has an "auth" that is not base64',
  ],
  [
    'another entry without colon',
    { auths: { R: good, 'o.lab': { auth: base64('nothing') } } },
    {},
    'the entry "o.lab" has an "auth" that is not base64 of USER:PASSWORD',
  ],
  [
    'another entry in clear',
    { auths: { R: good, 'o.lab': { username: 'u', password: 'canary' } } },
    {},
    'the entry "o.lab" has no "auth"; podman does not look at "username"',
  ],
  [
    'another entry with a store',
    { auths: { R: good, 'o.lab': { credsStore: 'x' } } },
    {},
    'the entry "o.lab" has no "auth"; podman does not look at "credsStore"',
  ],
  ['no helpers', { auths: { R: good }, credHelpers: null }],
  ['a helper of another registry', { auths: { R: good }, credHelpers: { 'o.lab': 'nonesuch' } }],
  [
    'a store for all',
    { auths: { R: good }, credsStore: 'desktop' },
    {},
    'has a "credsStore", which podman does not ask',
  ],
  ['a store of a wrong type', { auths: { R: good }, credsStore: 5 }],
  [
    'another entry with a number',
    { auths: { R: good, 'o.lab': { auth: 5 } } },
    unusable('a number at auths.o.lab.auth, where a text belongs'),
  ],
  [
    'another entry that is a text',
    { auths: { R: good, 'o.lab': 'x' } },
    unusable('a text at auths.o.lab, where an object belongs'),
  ],
  [
    'a helper that is a number',
    { auths: { R: good }, credHelpers: { 'o.lab': 5 } },
    unusable('a number at credHelpers.o.lab, where a text belongs'),
  ],
  ['a list', [], unusable('a list at its top, where an object belongs')],
];

const texts: readonly (readonly [string, string])[] = [
  ['an empty file', ''],
  ['half a file', '{"auths":'],
  ['a byte order mark', '\uFEFF{}'],
  ['text behind', '{} x'],
];

test("auth files: our verdict is skopeo's, and what nobody asks for is a warning", { timeout: 0 }, async (t) => {
  await using at = await surroundings();
  await using closed = await startPeer({ folder: join(at.folder, 'closed'), account });
  await using open = await startPeer({ folder: join(at.folder, 'open') });
  const layers = [await makeLayer({ x: 'x' })];
  for (const peer of [closed, open]) await pushImage(peer, 'lab/app', '1', layers);
  const authFile = join(at.folder, 'auth.json');
  const ask = async (address: string, text: string, expected: Expected): Promise<readonly string[]> => {
    trustPlain(at, address);
    writeFileSync(authFile, text.replaceAll(/\bR(?=[/"])/g, address));
    const found = await verdictsOn(at, { image: `${address}/lab/app:1`, authFile });
    assertSame(found, expected, { R: address, AUTH: authFile });
    assert.ok(!found.said.join('').includes('canary'));
    return found.said.map((line) => line.replaceAll(authFile, 'AUTH'));
  };
  for (const [name, content, expected = {}, warning] of files)
    await t.test(`${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      const said = await ask(closed.address, JSON.stringify(content), expected);
      if (expected.refused !== undefined) return;
      const line =
        warning?.startsWith('has') === true ? `auth file "AUTH" ${warning}` : `auth file "AUTH": ${warning ?? ''}`;
      assert.deepEqual(said, warning === undefined ? [] : [line]);
    });
  for (const [name, text] of texts)
    await t.test(`${name}: refused`, async () => {
      await ask(closed.address, text, notJson);
    });
  await t.test('a placeholder where no credentials are wanted: refused', async () => {
    await ask(open.address, JSON.stringify({ auths: { R: { auth: 'REPLACE ME' } } }), notBase64);
  });
  await t.test('no colon where no credentials are wanted: read', async () => {
    await ask(open.address, JSON.stringify({ auths: { R: { auth: base64('nothing') } } }), {});
  });
  await t.test('credentials in another file, where this podman looks, too: read by skopeo', async () => {
    writeFileSync(
      join(at.folder, '.config/containers/auth.json'),
      JSON.stringify({ auths: { [closed.address]: good } }),
    );
    await ask(closed.address, '{}', { alone: 'registry "R" wants credentials for "R/lab/app:1"' });
  });
});

test("challenges and token answers: our verdict is skopeo's", { timeout: 0 }, async (t) => {
  await using at = await surroundings();
  await using open = await startPeer({ folder: join(at.folder, 'open') });
  await pushImage(open, 'lab/app', '1', [await makeLayer({ x: 'x' })]);
  let challenge: string | string[] = '';
  let silent: RegExp | undefined;
  let ping: number | undefined;
  await using front = await startFront(open, ({ path, headers }) => {
    if (path === '/v2/' && ping !== undefined) return ping === 200 ? 'pass' : { answer: ping };
    if (['Bearer tok', `Basic ${good.auth}`].includes(headers.authorization ?? '')) return 'pass';
    const named = silent?.test(path) === true ? {} : { 'www-authenticate': challenge };
    return {
      answer: 401,
      headers: named,
      body: '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
    };
  });
  let answer = '';
  let status = 200;
  const server = createServer((_, outgoing) => outgoing.writeHead(status).end(answer)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`; // it listens
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  trustPlain(at, front.address);
  const authFile = join(at.folder, 'auth.json');
  writeFileSync(authFile, JSON.stringify({ auths: { [front.address]: good } }));
  const ask = async (expected: Expected): Promise<void> => {
    const found = await verdictsOn(at, { image: image.replace('R', front.address), authFile });
    assertSame(found, expected, { R: front.address, AUTH: authFile });
  };

  const noServer = (of: string): Expected => ({
    refused: [
      'registry "R" names no usable token server',
      `its realm is "${of}"`,
      'correct the address of the token server in the settings of registry "R"',
    ],
  });
  const bearer = `Bearer realm="${realm}",service="s"`;
  const basic = 'Basic realm="b"';
  const challenges: readonly (readonly [string, string | string[], Expected?])[] = [
    ['Bearer', bearer],
    ['Bearer, then Basic, in one line', `${bearer}, ${basic}`],
    ['Bearer, then Basic, in one line without blank', `${bearer},${basic}`],
    ['Bearer, then Basic, in two lines', [bearer, basic]],
    ['Basic, then Bearer, in one line', `${basic}, ${bearer}`],
    ['Basic, then Bearer, in two lines', [basic, bearer]],
    ['an unknown scheme, then Bearer, in two lines', ['Negotiate', bearer]],
    ['an unknown scheme, then Bearer, in one line', `Negotiate, ${bearer}`, refusedAccount],
    ['small letters', `bearer realm="${realm}"`],
    ['Basic without realm', 'Basic'],
    ['more parameters', `${bearer},scope="repository:lab/app:pull",error="invalid_token"`],
    ['a realm without quotes', `Bearer realm=${realm}`, noServer('http')],
    ['a realm that is a path', 'Bearer realm="/token"', noServer('/token')],
    ['no realm', ['Bearer service="s"', basic], noServer('')],
    ['only an unknown scheme', 'Digest realm="x"', refusedAccount],
    ['none', '', refusedAccount],
  ];
  answer = '{"token":"tok"}';
  for (const [name, lines, expected = {}] of challenges)
    await t.test(`challenge: ${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      challenge = lines;
      await ask(expected);
    });

  challenge = bearer;
  await t.test('a challenge that only "/v2/" names: read', async () => {
    silent = /manifests|blobs/;
    await ask({});
    silent = undefined;
  });
  const refusedPing = (why: string, next: string): Expected => ({
    alone: 'reads',
    refused: ['podman will not pull "R/lab/app:1", although its registry gives it', why, next],
  });
  await t.test('a "/v2/" that asks for nothing: refused', async () => {
    ping = 200;
    await ask(
      refusedPing(
        'reading manifest 1 in R/lab/app: unauthorized',
        'let "/v2/" of the registry answer 401 with the challenge: podman gives credentials only when they are asked for there',
      ),
    );
  });
  for (const code of [403, 404, 500])
    await t.test(`a "/v2/" that answers ${code}: refused`, async () => {
      ping = code;
      await ask(
        refusedPing(
          "can't talk to a V1 container registry",
          'check name and port of the registry, and its proxies: podman first asks "/v2/", which must answer 200 or 401',
        ),
      );
    });
  ping = undefined;

  const next = 'look at the log of the token server of registry "R"';
  const noToken = (why?: string): Expected => ({
    refused: [
      'token server of registry "R" gave no token',
      why === undefined ? undefined : `its answer is not understood at "${why}"`,
      next,
    ],
  });
  const answers: readonly (readonly [string, string, Expected?])[] = [
    ['a life span that is null', '{"token":"tok","expires_in":null}'],
    ['all else null', '{"token":"tok","access_token":null,"expires_in":null,"issued_at":null}'],
    ['null beside the other spelling', '{"token":null,"access_token":"tok"}'],
    ['a negative life span', '{"token":"tok","expires_in":-1}'],
    ['issued in the future', '{"token":"tok","issued_at":"2050-01-02T03:04:05Z"}'],
    ['names in capitals', '{"Token":"tok"}'],
    ['a life span that is a text', '{"token":"tok","expires_in":"300"}', noToken('expires_in')],
    ['a life span with a fraction', '{"token":"tok","expires_in":300.5}', noToken('expires_in')],
    ['an empty date', '{"token":"tok","issued_at":""}', noToken('issued_at')],
    ['a date of another form', '{"token":"tok","issued_at":"2026-01-02 03:04:05"}', noToken('issued_at')],
    ['a token that is a number', '{"token":5,"access_token":"tok"}', noToken('token')],
    ['no token', '{}', noToken()],
    ['a page', '<html>', noToken()],
    ['text behind', '{"token":"tok"} x', noToken()],
    ['another token', '{"token":"no"}', refusedAccount],
    [
      'a life span written as a fraction',
      '{"token":"tok","expires_in":300.0}',
      refusedPing(
        'json: cannot unmarshal number 300.0 into Go struct field bearerToken.expires_in of type int',
        'look at the settings and the log of the token server of the registry',
      ),
    ],
  ];
  for (const [name, text, expected = {}] of answers)
    await t.test(`token: ${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      answer = text;
      await ask(expected);
    });
  answer = '{"details":"no such account"}';
  for (const code of [400, 401, 403])
    await t.test(`a token server that answers ${code}: refused`, async () => {
      status = code;
      await ask({
        refused:
          code === 403
            ? [
                'registry "R" does not allow reading "R/lab/app:1" with these credentials',
                'it answered 403: no such account',
                'give the account of "R" in the pull secret the right to pull',
              ]
            : [refusedAccount.refused?.[0], `it answered ${code}: no such account`, refusedAccount.refused?.[2]],
      });
    });
});
