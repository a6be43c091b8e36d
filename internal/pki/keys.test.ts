import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { test } from 'tap';
import { inspect } from 'node:util';
import { keyIdMethodOf, keyIdMethods, keyIdOf } from './key-identifier.ts';
import type { KeyShape } from './keys.ts';
import { privateKeyFrom, readPrivateKey, readPublicKey, shapeText, writePrivateKey, writePublicKey } from './keys.ts';
import { materialOf } from './material.ts';
import { nodeKeyMaker, nodeSigner } from './signer.ts';

const shapes: readonly KeyShape[] = [
  { type: 'rsa', bits: 2048 },
  { type: 'ec', curve: 'P-256' },
  { type: 'ec', curve: 'P-384' },
  { type: 'ec', curve: 'P-521' },
  { type: 'ed25519' },
];

test('a private key of each shape goes through each of its forms byte for byte', async () => {
  for (const shape of shapes) {
    const key = await nodeKeyMaker.make(shape);
    assert.deepEqual(key.public.shape, shape);
    for (const form of shape.type === 'rsa'
      ? (['pkcs1', 'pkcs8'] as const)
      : shape.type === 'ec'
        ? (['sec1', 'pkcs8'] as const)
        : (['pkcs8'] as const)) {
      const der = writePrivateKey(key, form);
      const read = readPrivateKey(der);
      assert.equal(read.form, form, shapeText(shape));
      assert.equal(read.key.public.id, key.public.id);
      assert.deepEqual(writePrivateKey(read.key, form), der);
    }
  }
});

test('PKCS#8 under the label of a SEC1 key, and SPKI under "RSA PUBLIC KEY", are read by content', async () => {
  const [ec, rsa] = [
    await nodeKeyMaker.make({ type: 'ec', curve: 'P-384' }),
    await nodeKeyMaker.make({ type: 'rsa', bits: 2048 }),
  ];
  const odd = materialOf('EC PRIVATE KEY', writePrivateKey(ec, 'pkcs8'));
  assert.deepEqual([odd.kind, odd.kind === 'private-key' && odd.form], ['private-key', 'pkcs8']);
  for (const form of ['spki', 'pkcs1'] as const) {
    const material = materialOf('RSA PUBLIC KEY', writePublicKey(rsa.public, form));
    assert.ok(material.kind === 'public-key');
    assert.deepEqual([material.form, material.key.id], [form, rsa.public.id]);
  }
  const plain = materialOf('PUBLIC KEY', ec.public.spki);
  assert.ok(plain.kind === 'public-key' && plain.key.id === ec.public.id, '"PUBLIC KEY" of an EC key');
});

test('a P-384 key in SEC1 form is a key', async () => {
  const key = await nodeKeyMaker.make({ type: 'ec', curve: 'P-384' });
  assert.equal(materialOf('EC PRIVATE KEY', writePrivateKey(key, 'sec1')).kind, 'private-key');
});

test('an unreadable or foreign block says why without quoting it', async () => {
  const secret = new TextEncoder().encode('0\x0esecret-content');
  const alien = generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'der' });
  for (const [tag, der, why] of [
    ['PRIVATE KEY', secret, 'bytes are no private key'],
    ['PUBLIC KEY', secret, 'bytes are no public key'],
    ['CERTIFICATE', secret, 'bytes are no certificate'],
    ['ENCRYPTED PRIVATE KEY', secret, 'the private key is encrypted'],
    ['PRIVATE KEY', alien, 'keys of type "x25519" are not handled'],
  ] as const)
    assert.deepEqual(materialOf(tag, der), { kind: 'unreadable', why });
  assert.deepEqual(materialOf('EC PARAMETERS', secret), { kind: 'other' });
});

test('a private key has no printed form', async () => {
  const key = await nodeKeyMaker.make({ type: 'ed25519' });
  const secret = writePrivateKey(key, 'pkcs8').slice(-32);
  const printed =
    inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key) + inspect(nodeSigner(key), { depth: 9 });
  assert.ok(
    !printed.includes(Buffer.from(secret).toString('hex')) && !printed.includes(Buffer.from(secret).toString('base64')),
  );
});

test('each method of key identifiers is told from the others and used again', async () => {
  const [rsa, ec] = [
    await nodeKeyMaker.make({ type: 'rsa', bits: 2048 }),
    await nodeKeyMaker.make({ type: 'ec', curve: 'P-256' }),
  ];
  for (const method of keyIdMethods) {
    assert.equal(keyIdMethodOf(rsa.public, keyIdOf(rsa.public, method)), method);
    if (!method.startsWith('library-go')) assert.equal(keyIdMethodOf(ec.public, keyIdOf(ec.public, method)), method);
  }
  const modulus = Buffer.from(rsa.object.export({ format: 'jwk' }).n ?? '', 'base64url');
  assert.equal(
    Buffer.from(keyIdOf(rsa.public, 'library-go-sha1')).toString('hex'),
    createHash('sha1').update(modulus).digest('hex'),
  );
  assert.equal(
    Buffer.from(keyIdOf(rsa.public, 'library-go-sha256')).toString('hex'),
    createHash('sha256').update(modulus).digest('hex').slice(0, 40),
  );
});

test('an identifier by an unknown method gives one of the same length and stops nothing', async () => {
  const key = privateKeyFrom(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey);
  assert.equal(keyIdMethodOf(key.public, new Uint8Array(20)), undefined);
  assert.deepEqual(
    [8, 20, 32].map((length) => keyIdOf(key.public, undefined, length).length),
    [8, 20, 32],
  );
});

test('the key maker keeps an odd size', async () => {
  assert.deepEqual((await nodeKeyMaker.make({ type: 'rsa', bits: 1024 })).public.shape, { type: 'rsa', bits: 1024 });
  assert.equal(readPublicKey((await nodeKeyMaker.make({ type: 'rsa', bits: 3072 })).public.spki).key.shape.type, 'rsa');
});
