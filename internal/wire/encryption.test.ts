import assert from 'node:assert/strict';
import { test } from 'tap';
import type { Provider } from './encryption.ts';
import { decrypt, encrypt, encryptionOf } from './encryption.ts';
import { formOf } from './form.ts';

const key = (name: string, fill: number, size = 32): { readonly name: string; readonly secret: Uint8Array } => ({
  name,
  secret: new Uint8Array(size).fill(fill),
});
const clear = new TextEncoder().encode('k8s\0 the content');
const at = '/kubernetes.io/secrets/a/b';

test('a value encrypted by each provider and key size comes back, in the stored form of the API server', async () => {
  for (const type of ['aescbc', 'aesgcm'] as const) {
    for (const size of [16, 24, 32]) {
      const providers: Provider[] = [{ type, keys: [key('2', 7, size), key('1', 1, size)] }, { type: 'identity' }];
      const stored = encrypt(clear, at, providers);
      assert.equal(formOf(stored), 'encrypted');
      assert.deepEqual(encryptionOf(stored), { provider: type, keyName: '2' });
      assert.deepEqual(decrypt(stored, at, providers), clear);
      assert.notDeepEqual(encrypt(clear, at, providers), stored, 'each write has a nonce of its own');
    }
  }
});

test('a value is read with the key of its name, also when another key is used for writing', async () => {
  const old = encrypt(clear, at, [{ type: 'aescbc', keys: [key('1', 1)] }]);
  assert.deepEqual(
    decrypt(old, at, [
      { type: 'aesgcm', keys: [key('1', 1)] },
      { type: 'aescbc', keys: [key('2', 2), key('1', 9), key('1', 1)] },
    ]),
    clear,
  );
});

test('a value in clear passes, and identity first writes it in clear', async () => {
  assert.equal(decrypt(clear, at, [{ type: 'aescbc', keys: [key('1', 1)] }]), clear);
  for (const providers of [[], [{ type: 'identity' }, { type: 'aescbc', keys: [key('1', 1)] }]] as const)
    assert.equal(encrypt(clear, at, providers), clear);
});

test('aesgcm opens a value at its own etcd key only', async () => {
  const providers: Provider[] = [{ type: 'aesgcm', keys: [key('1', 1)] }];
  assert.throws(() => decrypt(encrypt(clear, at, providers), '/other', providers), {
    message: 'the aesgcm key "1" does not open the value',
  });
});

test('a value that cannot be opened is refused by provider and key name', async () => {
  const stored = encrypt(clear, at, [{ type: 'aescbc', keys: [key('1', 1)] }]);
  assert.throws(() => decrypt(stored, at, []), { message: 'there is no aescbc key "1"' });
  for (const provider of ['secretbox', 'kms'])
    assert.throws(() => decrypt(new TextEncoder().encode(`k8s:enc:${provider}:v1:a:xx`), at, []), {
      message: `values encrypted by "${provider}" cannot be read`,
    });
  assert.throws(() => encrypt(clear, at, [{ type: 'aescbc', keys: [key('1', 1, 31)] }]), {
    message: 'the encryption key "1" has 31 bytes; 16, 24 or 32 are possible',
  });
});
