import './provider.ts';
import { Name, X509CertificateGenerator, type Extension } from '@peculiar/x509';
import type { Certificate } from '../../internal/pki/certificate.ts';
import { readCertificate } from '../../internal/pki/certificate.ts';
import { hex } from '../../internal/pki/der.ts';
import { keyIdOf, type KeyIdMethod } from '../../internal/pki/key-identifier.ts';
import type { PrivateKey } from '../../internal/pki/keys.ts';
import type { Hash } from '../../internal/pki/signer.ts';
import { extension } from './extensions.ts';
import { version1, withOddForms, type OddForm } from './odd-forms.ts';

/** A name that consists of a common name. Longer ones are a `Name` of the package: `new Name([{ O: ['a', 'b'] }, { CN: ['c'] }])`. */
export const cn = (text: string): Name => new Name([{ CN: [text] }]);

/** The bytes of a name. */
export const nameDer = (name: Name): Uint8Array => new Uint8Array(name.toArrayBuffer());

export type Recipe = {
  readonly subject: Name;
  readonly key: PrivateKey;
  /** The issuer's certificate and key; the certificate itself when left out. */
  readonly by?: { readonly certificate: Certificate; readonly key: PrivateKey };
  readonly serial?: Uint8Array;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Of the signature. What Go takes for the key when left out. */
  readonly hash?: Hash;
  /** SKI and AKI by this method; neither when left out. */
  readonly keyIds?: KeyIdMethod | undefined;
  /** Without any, and without `keyIds`, it is a certificate of version 1. */
  readonly extensions?: readonly Extension[];
  /** What the package does not write, put in by hand before the certificate is signed once more. */
  readonly odd?: readonly OddForm[];
};

/** A certificate made from nothing. */
export async function makeCertificate(recipe: Recipe): Promise<Certificate> {
  const { subject, key, by } = recipe;
  const signer = by?.key ?? key;
  const hash = recipe.hash ?? usualHash(signer);
  const algorithm = webAlgorithm(signer, hash);
  const extensions = [...(recipe.extensions ?? []), ...keyIdExtensions(recipe)];
  const made = await X509CertificateGenerator.create({
    subject,
    issuer: by === undefined ? subject : new Name(by.certificate.subject),
    serialNumber: hex(recipe.serial ?? usualSerial),
    notBefore: recipe.notBefore ?? new Date('2026-01-01T00:00:00Z'),
    notAfter: recipe.notAfter ?? new Date('2036-01-01T00:00:00Z'),
    publicKey: key.public.spki,
    signingKey: signer.object.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions,
  });
  const der = new Uint8Array(made.rawData);
  const odd = [...(recipe.odd ?? []), ...(extensions.length === 0 ? [version1] : [])];
  return readCertificate(odd.length === 0 ? der : await withOddForms(der, odd, signer, hash));
}

const usualSerial = Uint8Array.of(0x3a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11);

function keyIdExtensions({ key, by, keyIds }: Recipe): Extension[] {
  if (keyIds === undefined) return [];
  const own = keyIdOf(key.public, keyIds);
  return [extension.subjectKeyId(own), extension.authorityKeyId(by === undefined ? own : by.certificate.subjectKeyId)];
}

function usualHash({ public: { shape } }: PrivateKey): Hash {
  if (shape.type !== 'ec') return 'sha256';
  return ({ 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512' } as const)[shape.curve];
}

/** The key as WebCrypto is told of it. Ed25519 takes no hash. */
function webAlgorithm({ public: { shape } }: PrivateKey, hash: Hash) {
  const named = { hash: `SHA-${hash.slice(3)}` };
  switch (shape.type) {
    case 'rsa':
      return { name: 'RSASSA-PKCS1-v1_5', ...named };
    case 'ec':
      return { name: 'ECDSA', namedCurve: shape.curve, ...named };
    case 'ed25519':
      return { name: 'Ed25519' };
  }
}
