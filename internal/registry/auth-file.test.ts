import assert from 'node:assert/strict';
import { test } from 'tap';
import { inspect } from 'node:util';
import { parseReference } from '../image/reference.ts';
import { parseAuthFile } from './auth-file.ts';

const path = '/var/tmp/pull-secret.json';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const parse = (file: unknown): ReturnType<typeof parseAuthFile> => parseAuthFile(JSON.stringify(file), path);
const find = (file: unknown, image: string): string => {
  const found = parse(file).find(parseReference(image));
  switch (found.kind) {
    case 'none':
      return found.fault ?? 'none';
    case 'broken':
      return `broken: ${found.fault}`;
    case 'helper':
      return `helper ${found.helper}`;
    case 'account':
      return `${found.username}:${found.password.reveal()}${found.identityToken === undefined ? '' : ` token ${found.identityToken.reveal()}`}`;
  }
};
const u = { auth: base64('u:p') };

test('the most specific key that is there decides, also when it is empty', async () => {
  const file = {
    auths: {
      'quay.io': { auth: base64('host:1') },
      'quay.io/org': { auth: base64('org:2') },
      'quay.io/org/app': { auth: base64('app:3') },
      'quay.io/empty': {},
    },
  };
  assert.equal(find(file, 'quay.io/org/app:1'), 'app:3');
  assert.equal(find(file, 'quay.io/org/other'), 'org:2');
  assert.equal(find(file, 'quay.io/organ/other'), 'host:1');
  assert.equal(find(file, 'quay.io/empty/app'), 'the entry "quay.io/empty" has no "auth"');
  assert.equal(find(file, 'other.io/org/app'), 'none');
});

test('spellings of a key: a URL stands for its host, nothing else is cut', async () => {
  const table: [string, string, string][] = [
    ['quay.io', 'quay.io/a', 'u:p'],
    ['https://quay.io/v2/', 'quay.io/a', 'u:p'],
    ['http://quay.io', 'quay.io/a', 'u:p'],
    ['https://quay.io/other', 'quay.io/a', 'u:p'],
    ['quay.io/', 'quay.io/a', 'none'],
    ['quay.io/v2', 'quay.io/a', 'none'],
    ['QUAY.IO', 'quay.io/a', 'none'],
    ['https://index.docker.io/v1/', 'busybox', 'u:p'],
    ['docker.io', 'busybox', 'u:p'],
    ['registry-1.docker.io', 'busybox', 'u:p'],
    ['m.lab:5000', 'm.lab:5000/a', 'u:p'],
    ['m.lab', 'm.lab:5000/a', 'none'],
  ];
  for (const [key, image, found] of table) assert.equal(find({ auths: { [key]: u } }, image), found, key);
});

test('an account is the bytes of "auth", whatever they are', async () => {
  const auth = (bytes: string | Buffer): string =>
    find({ auths: { q: {}, 'q.io': { auth: Buffer.from(bytes).toString('base64') } } }, 'q.io/a');
  assert.equal(auth('u:p:with:colons'), 'u:p:with:colons');
  assert.equal(auth('u:p\\0\\0'.replaceAll('\\0', '\0')), 'u:p');
  assert.equal(auth(':p'), ':p');
  assert.equal(find({ auths: { 'q.io': { ...u, identitytoken: 't' } } }, 'q.io/a'), 'u:p token t');
  assert.equal(find({ AUTHS: { 'q.io': { Auth: u.auth, email: 5 } } }, 'q.io/a'), 'u:p');
  assert.equal(find({ auths: { 'q.io': { auth: `${u.auth}\n` } } }, 'q.io/a'), 'u:p');
  const found = parse({ auths: { 'q.io': { auth: Buffer.from([0x75, 0x3a, 0xff]).toString('base64') } } }).find(
    parseReference('q.io/a'),
  );
  assert.equal(
    found.kind === 'account' && found.basic.reveal(),
    `Basic ${Buffer.from([0x75, 0x3a, 0xff]).toString('base64')}`,
  );
});

test('credentials that a helper keeps are told as such, by registry only', async () => {
  assert.equal(
    find({ credHelpers: { 'quay.io': 'secretservice' }, auths: { 'quay.io': u } }, 'quay.io/a'),
    'helper secretservice',
  );
  assert.equal(find({ credHelpers: { 'quay.io/a': 'x' }, auths: { 'quay.io': u } }, 'quay.io/a'), 'u:p');
  assert.equal(find({ credHelpers: null, auths: { 'quay.io': u } }, 'quay.io/a'), 'u:p');
});

test('an entry that is of no use is a warning, and the reason where it is asked for', async () => {
  const table: [string, unknown, string | undefined][] = [
    ['null', null, 'the entry "q.io" has no "auth"'],
    ['empty', {}, 'the entry "q.io" has no "auth"'],
    ['half-filled', { auth: '', email: 'x@y' }, 'the entry "q.io" has no "auth"'],
    ['null auth', { auth: null }, 'the entry "q.io" has no "auth"'],
    [
      'user and password in clear',
      { username: 'u', password: 'canary' },
      'the entry "q.io" has no "auth"; podman does not look at "username"',
    ],
    ['a store', { credsStore: 'pass' }, 'the entry "q.io" has no "auth"; podman does not look at "credsStore"'],
    [
      'a token alone',
      { registrytoken: 'canary' },
      'the entry "q.io" has no "auth"; podman does not look at "registrytoken"',
    ],
    ['no colon', { auth: base64('canary') }, 'the entry "q.io" has an "auth" that is not base64 of USER:PASSWORD'],
    ['a placeholder', { auth: 'YOUR-canary' }, 'broken: the entry "q.io" has an "auth" that is not base64'],
    [
      'no padding',
      { auth: base64('u:pass').slice(0, -1) },
      'broken: the entry "q.io" has an "auth" that is not base64',
    ],
    ['only a colon', { auth: base64(':') }, 'the entry "q.io" has neither user nor password in its "auth"'],
  ];
  for (const [name, entry, fault] of table) {
    const file = { auths: { 'q.io': entry, 'other.io': u } };
    assert.equal(find(file, 'q.io/a'), fault, name);
    assert.equal(find(file, 'other.io/a'), 'u:p', name);
    assert.deepEqual(parse(file).warnings, [`auth file "${path}": ${(fault ?? '').replace('broken: ', '')}`], name);
  }
  assert.deepEqual(parse({ auths: { 'q.io': u }, credsStore: 'desktop' }).warnings, [
    `auth file "${path}" has a "credsStore", which podman does not ask`,
  ]);
});

test('a member of a wrong type makes the file useless for every registry, as for Go', async () => {
  const table: [unknown, string][] = [
    [[], 'a list at its top, where an object belongs'],
    [{ auths: [1] }, 'a list at auths, where an object belongs'],
    [{ auths: { 'q.io': 'canary' } }, 'a text at auths.q.io, where an object belongs'],
    [{ auths: { 'q.io': { auth: 5 } } }, 'a number at auths.q.io.auth, where a text belongs'],
    [{ credHelpers: { 'q.io': {} } }, 'an object at credHelpers.q.io, where a text belongs'],
  ];
  for (const [file, fault] of table) {
    assert.equal(find(file, 'other.io/a'), `broken: ${fault}`);
    assert.deepEqual(parse(file).warnings, [`auth file "${path}" has ${fault}`]);
  }
  for (const file of [null, {}, { auths: null }]) assert.equal(find(file, 'q.io/a'), 'none');
});

test('a broken auth file is named without its content', async () => {
  for (const text of ['{"auths":{"quay.io":{"auth":"canary', '', '\uFEFF{}'])
    assert.throws(() => parseAuthFile(text, path), {
      name: 'UsageError',
      message: `auth file "${path}" is not JSON`,
      next: 'write the pull secret there anew',
    });
});

test('secrets are listed for the log and shown nowhere', async () => {
  const file = parse({ auths: { 'quay.io': { auth: base64('u:canary') }, 'q.io': { auth: 'user:canary-in-clear' } } });
  assert.deepEqual(
    file.secrets().map((secret) => secret.reveal()),
    ['canary', base64('u:canary'), 'user:canary-in-clear'],
  );
  assert.ok(!inspect(file, { depth: 9 }).includes('canary'));
  assert.ok(!inspect(file.find(parseReference('quay.io/a')), { depth: 9 }).includes('canary'));
});
