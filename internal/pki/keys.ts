import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { Failure } from '../errors/errors.ts';
import { childrenOf, digestOf, tags, tlvAt } from './der.ts';

/** Type and size: what a new key must have in common with the old one. */
export type KeyShape =
  | { readonly type: 'rsa'; readonly bits: number }
  | { readonly type: 'ec'; readonly curve: Curve }
  | { readonly type: 'ed25519' };
export type Curve = 'P-256' | 'P-384' | 'P-521';

/** How the bytes of a key are arranged. Told by the bytes: labels lie (SPKI under `RSA PUBLIC KEY`, PKCS#8 under `EC PRIVATE KEY`). */
export type PrivateForm = 'pkcs1' | 'sec1' | 'pkcs8';
export type PublicForm = 'pkcs1' | 'spki';

/** `id` is the SHA-256 of the SubjectPublicKeyInfo in hex: the identity of the pair, whatever form it is stored in. */
export type PublicKey = {
  readonly id: string;
  readonly spki: Uint8Array;
  readonly shape: KeyShape;
  readonly object: KeyObject;
};

/** The private half stays inside node's `KeyObject`, which has no printed form. */
export type PrivateKey = { readonly public: PublicKey; readonly object: KeyObject };

const curves: Readonly<Record<string, Curve>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

/** Reads a private key in any form. Throws, naming no byte of it, for what is no key or of a kind that no cluster makes. */
export function readPrivateKey(der: Uint8Array): { readonly key: PrivateKey; readonly form: PrivateForm } {
  const form = privateFormOf(der);
  if (form === undefined) throw new Failure('bytes are no private key');
  try {
    return { key: privateKeyFrom(createPrivateKey({ key: Buffer.from(der), format: 'der', type: form })), form };
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(`a ${form} private key cannot be read`); // openssl's words may quote it
  }
}

export function privateKeyFrom(object: KeyObject): PrivateKey {
  return { public: publicKeyFrom(createPublicKey(object)), object };
}

/** Reads a public key in either form. */
export function readPublicKey(der: Uint8Array): { readonly key: PublicKey; readonly form: PublicForm } {
  const form: PublicForm = tagsIn(der)[0] === tags.integer ? 'pkcs1' : 'spki';
  try {
    return { key: publicKeyFrom(createPublicKey({ key: Buffer.from(der), format: 'der', type: form })), form };
  } catch (error) {
    throw error instanceof Failure ? error : new Failure('bytes are no public key');
  }
}

function publicKeyFrom(object: KeyObject): PublicKey {
  const spki = new Uint8Array(object.export({ type: 'spki', format: 'der' }));
  return { id: digestOf(spki), spki, shape: shapeOf(object), object };
}

function shapeOf(object: KeyObject): KeyShape {
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details } = object;
  if (type === 'rsa') return { type, bits: details?.modulusLength ?? 0 };
  if (type === 'ed25519') return { type };
  const curve = curves[details?.namedCurve ?? ''];
  if (curve !== undefined) return { type: 'ec', curve };
  throw new Failure(`keys of type "${details?.namedCurve ?? type}" are not handled`);
}

/** The bytes of a private key in the form that was found. Ed25519 has PKCS#8 only. */
export function writePrivateKey(key: PrivateKey, form: PrivateForm): Uint8Array {
  const { type } = key.public.shape;
  const fits = form === 'pkcs8' || (form === 'pkcs1' && type === 'rsa') || (form === 'sec1' && type === 'ec');
  return new Uint8Array(key.object.export({ type: fits ? form : 'pkcs8', format: 'der' }));
}

export function writePublicKey(key: PublicKey, form: PublicForm): Uint8Array {
  return form === 'pkcs1' && key.shape.type === 'rsa'
    ? new Uint8Array(key.object.export({ type: 'pkcs1', format: 'der' }))
    : key.spki;
}

/** "RSA 2048", "ECDSA P-256", "Ed25519". */
export function shapeText(shape: KeyShape): string {
  switch (shape.type) {
    case 'rsa':
      return `RSA ${shape.bits}`;
    case 'ec':
      return `ECDSA ${shape.curve}`;
    case 'ed25519':
      return 'Ed25519';
  }
}

/**
 * | form   | begins with                        |
 * |--------|------------------------------------|
 * | pkcs1  | version, modulus                   |
 * | sec1   | version, private key as octets     |
 * | pkcs8  | version, algorithm                 |
 */
function privateFormOf(der: Uint8Array): PrivateForm | undefined {
  const [version, second] = tagsIn(der);
  if (version !== tags.integer || second === undefined) return undefined;
  const forms: Readonly<Record<number, PrivateForm>> = {
    [tags.integer]: 'pkcs1',
    [tags.octetString]: 'sec1',
    [tags.sequence]: 'pkcs8',
  };
  return forms[second];
}

function tagsIn(der: Uint8Array): number[] {
  try {
    const outer = tlvAt(der);
    return outer.tag === tags.sequence ? childrenOf(der, outer).map((child) => child.tag) : [];
  } catch {
    return [];
  }
}
