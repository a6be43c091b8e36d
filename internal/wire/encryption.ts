import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Failure } from '../errors/errors.ts';
import { bytesOf, joined, startsWith } from './bytes.ts';

/**
 * Encryption at rest, as the API servers do it (EncryptionConfiguration v1). A stored value is a prefix, `k8s:enc:<provider>:v1:<key
 * name>:`, and a body:
 *
 * | provider | body                                                             | key       |
 * |----------|------------------------------------------------------------------|-----------|
 * | aescbc   | 16 bytes IV, AES-CBC with PKCS#7                                  | 16, 24, 32 |
 * | aesgcm   | 12 bytes nonce, AES-GCM, 16 bytes tag; the etcd key authenticated | 16, 24, 32 |
 * | identity | the value itself, no prefix                                       | none      |
 *
 * `secretbox` needs XSalsa20, which node:crypto lacks, and KMS needs its plug-in: values of both are recognised and refused by name.
 * OpenShift offers aescbc, aesgcm and identity.
 */
export type Provider =
  { readonly type: 'aescbc' | 'aesgcm'; readonly keys: readonly EncryptionKey[] } | { readonly type: 'identity' };

/** The key's bytes travel in a closure-free value on purpose: it is made and used by the same caller, and never printed. */
export type EncryptionKey = { readonly name: string; readonly secret: Uint8Array };

const prefixForm = /^k8s:enc:([a-z0-9]+):v[0-9]+:([^:]*):/;

/** Provider and key name of an encrypted value. */
export function encryptionOf(value: Uint8Array): { readonly provider: string; readonly keyName: string } | undefined {
  const found = prefixForm.exec(Buffer.from(value.subarray(0, 1024)).toString('latin1'));
  return found === null ? undefined : { provider: found[1] ?? '', keyName: found[2] ?? '' };
}

/** The value in clear. Throws, naming provider and key only, when no provider fits. A value that is not encrypted is returned. */
export function decrypt(value: Uint8Array, etcdKey: string, providers: readonly Provider[]): Uint8Array {
  const how = encryptionOf(value);
  if (how === undefined) return value;
  let tried = false;
  for (const provider of providers) {
    if (provider.type === 'identity' || provider.type !== how.provider) continue;
    // Names may repeat after a rotation, so every key of the name is tried, as the API server does.
    for (const key of provider.keys) {
      const prefix = prefixOf(provider.type, key);
      if (!startsWith(value, prefix)) continue;
      tried = true;
      const clear = opened(provider.type, key, value.subarray(prefix.length), etcdKey);
      if (clear !== undefined) return clear;
    }
  }
  if (how.provider !== 'aescbc' && how.provider !== 'aesgcm')
    throw new Failure(`values encrypted by "${how.provider}" cannot be read`, {
      next: 'decrypt the seed cluster, or use aescbc or aesgcm there',
    });
  throw new Failure(
    tried
      ? `the ${how.provider} key "${how.keyName}" does not open the value`
      : `there is no ${how.provider} key "${how.keyName}"`,
  );
}

/** The value as the first provider stores it, under its first key. */
export function encrypt(
  clear: Uint8Array,
  etcdKey: string,
  providers: readonly Provider[],
  random: (size: number) => Uint8Array = randomBytes,
): Uint8Array {
  const [provider] = providers;
  if (provider === undefined || provider.type === 'identity') return clear;
  const [key] = provider.keys;
  if (key === undefined) throw new Failure(`the provider ${provider.type} has no key`);
  const bits = bitsOf(key);
  if (provider.type === 'aescbc') {
    const iv = random(16);
    const cipher = createCipheriv(`aes-${bits}-cbc`, key.secret, iv);
    return joined(prefixOf('aescbc', key), iv, cipher.update(clear), cipher.final());
  }
  const nonce = random(12);
  const cipher = createCipheriv(`aes-${bits}-gcm`, key.secret, nonce).setAAD(bytesOf(etcdKey));
  const [body, end] = [cipher.update(clear), cipher.final()];
  return joined(prefixOf('aesgcm', key), nonce, body, end, cipher.getAuthTag());
}

function opened(
  type: 'aescbc' | 'aesgcm',
  key: EncryptionKey,
  body: Uint8Array,
  etcdKey: string,
): Uint8Array | undefined {
  const bits = bitsOf(key);
  try {
    if (type === 'aescbc') {
      const decipher = createDecipheriv(`aes-${bits}-cbc`, key.secret, body.subarray(0, 16));
      return joined(decipher.update(body.subarray(16)), decipher.final());
    }
    const decipher = createDecipheriv(`aes-${bits}-gcm`, key.secret, body.subarray(0, 12), { authTagLength: 16 })
      .setAAD(bytesOf(etcdKey))
      .setAuthTag(body.subarray(-16));
    return joined(decipher.update(body.subarray(12, -16)), decipher.final());
  } catch {
    return undefined; // the wrong key, or a damaged value: which of them cannot be told
  }
}

function prefixOf(type: string, key: EncryptionKey): Uint8Array {
  return bytesOf(`k8s:enc:${type}:v1:${key.name}:`);
}

function bitsOf(key: EncryptionKey): 128 | 192 | 256 {
  switch (key.secret.length) {
    case 16:
      return 128;
    case 24:
      return 192;
    case 32:
      return 256;
    default:
      throw new Failure(`the encryption key "${key.name}" has ${key.secret.length} bytes; 16, 24 or 32 are possible`);
  }
}
