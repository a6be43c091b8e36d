import assert from 'node:assert/strict';
import { test } from 'tap';
import { inspect } from 'node:util';
import { parseReference } from '../image/reference.ts';
import { parseAuthFile } from './auth-file.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const find = (file: unknown, image: string): string => {
  const found = parseAuthFile(JSON.stringify(file), '/var/tmp/pull-secret.json').find(parseReference(image));
  switch (found.kind) {
    case 'none':
      return 'none';
    case 'helper':
      return `helper ${found.helper}`;
    case 'basic':
      return `${found.username}:${found.password.reveal()}`;
    case 'identity-token':
    case 'registry-token':
      return `${found.kind} ${found.token.reveal()}`;
  }
};

test('the most specific entry wins', async () => {
  const file = {
    auths: {
      'quay.io': { auth: base64('host:1') },
      'quay.io/org': { auth: base64('org:2') },
      'quay.io/org/app': { auth: base64('app:3') },
    },
  };
  assert.equal(find(file, 'quay.io/org/app:1'), 'app:3');
  assert.equal(find(file, 'quay.io/org/other'), 'org:2');
  assert.equal(find(file, 'quay.io/organ/other'), 'host:1');
  assert.equal(find(file, 'other.io/org/app'), 'none');
});

test('all spellings of an entry are understood', async () => {
  assert.equal(find({ auths: { 'quay.io': { auth: base64('u:p:with:colons') } } }, 'quay.io/a'), 'u:p:with:colons');
  assert.equal(find({ auths: { 'quay.io': { username: 'u', password: 'p' } } }, 'quay.io/a'), 'u:p');
  assert.equal(find({ auths: { 'https://quay.io/v2/': { auth: base64('u:p') } } }, 'quay.io/a'), 'u:p');
  assert.equal(find({ auths: { 'https://index.docker.io/v1/': { auth: base64('hub:p') } } }, 'busybox'), 'hub:p');
  assert.equal(find({ auths: { 'quay.io': { identitytoken: 't' } } }, 'quay.io/a'), 'identity-token t');
  assert.equal(find({ auths: { 'm.lab:5000': { auth: base64('u:p'), email: 'x@y' } } }, 'm.lab:5000/a'), 'u:p');
});

test('credentials that another program keeps are told as such', async () => {
  assert.equal(find({ credHelpers: { 'quay.io': 'secretservice' } }, 'quay.io/a'), 'helper secretservice');
  assert.equal(find({ auths: { 'quay.io': { credsStore: 'pass' } } }, 'quay.io/a'), 'helper pass');
  assert.equal(find({ auths: { 'quay.io': {} }, credsStore: 'desktop' }, 'quay.io/a'), 'helper desktop');
  assert.equal(find({ auths: { 'quay.io': { auth: base64('u:p') } }, credsStore: 'desktop' }, 'quay.io/a'), 'u:p');
});

test('a broken auth file is named without its content', async () => {
  const parse = (text: string) => () => parseAuthFile(text, '/var/tmp/pull-secret.json');
  assert.throws(parse('{"auths":{"quay.io":{"auth":"canary'), {
    name: 'UsageError',
    message: 'auth file "/var/tmp/pull-secret.json" is not JSON',
  });
  assert.throws(parse('{"auths":[1]}'), { message: 'auth file "/var/tmp/pull-secret.json" has an unexpected form' });
  assert.throws(parse(JSON.stringify({ auths: { 'quay.io': { auth: base64('canary') } } })), {
    message:
      'auth file "/var/tmp/pull-secret.json": the entry "quay.io" has an "auth" that is not base64 of USER:PASSWORD',
  });
});

test('secrets are listed for the log and shown nowhere', async () => {
  const file = parseAuthFile(JSON.stringify({ auths: { 'quay.io': { auth: base64('u:canary') } } }), 'x');
  assert.deepEqual(
    file.secrets().map((secret) => secret.reveal()),
    ['canary'],
  );
  assert.ok(!inspect(file.find(parseReference('quay.io/a')), { depth: 9 }).includes('canary'));
});
