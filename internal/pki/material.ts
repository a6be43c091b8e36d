import { messageOf } from '../errors/errors.ts';
import type { Certificate } from './certificate.ts';
import { readCertificate } from './certificate.ts';
import type { PrivateForm, PrivateKey, PublicForm, PublicKey } from './keys.ts';
import { readPrivateKey, readPublicKey } from './keys.ts';

/** What a PEM block holds. */
export type Material =
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'private-key'; readonly key: PrivateKey; readonly form: PrivateForm }
  | { readonly kind: 'public-key'; readonly key: PublicKey; readonly form: PublicForm }
  /** A block that is none of ours to change: EC parameters, requests, entitlements. */
  | { readonly kind: 'other' }
  /** A label of ours over a content that cannot be read; `why` quotes none of it. */
  | { readonly kind: 'unreadable'; readonly why: string };

/**
 * Reads a PEM block. The label says only what to expect: `RSA PUBLIC KEY` over a SubjectPublicKeyInfo (OpenShift) and
 * `EC PRIVATE KEY` over PKCS#8 (the reference's own writing) are read by their content and keep label and form.
 */
export function materialOf(tag: string, der: Uint8Array): Material {
  try {
    if (tag === 'CERTIFICATE' || tag === 'TRUSTED CERTIFICATE' || tag === 'X509 CERTIFICATE')
      return { kind: 'certificate', certificate: readCertificate(der) };
    if (tag === 'ENCRYPTED PRIVATE KEY') return { kind: 'unreadable', why: 'the private key is encrypted' };
    if (tag === 'OPENSSH PRIVATE KEY') return { kind: 'other' };
    if (tag.endsWith('PRIVATE KEY')) return { kind: 'private-key', ...readPrivateKey(der) };
    if (tag.endsWith('PUBLIC KEY')) return { kind: 'public-key', ...readPublicKey(der) };
    return { kind: 'other' };
  } catch (error) {
    return { kind: 'unreadable', why: messageOf(error) };
  }
}
