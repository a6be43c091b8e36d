import { createHash, verify } from 'node:crypto';
import { Failure } from '../errors/errors.ts';
import { childrenOf, content, tlvAt } from './der.ts';
import type { KeyShape, PublicKey } from './keys.ts';
import type { Hash, Signer } from './signer.ts';

/** A token whose header is JSON with an algorithm. Three dotted words that are not (a fragment of a pull secret) are no token. */
export type Jwt = {
  readonly algorithm: string;
  readonly kid: string | undefined;
  /** The header as JSON text, byte for byte. */
  readonly header: string;
  /** Payload and signature as they stand, in base64url. */
  readonly payload: string;
  readonly signature: string;
  /** What the signature is over. */
  readonly signed: string;
};

type Algorithm = {
  readonly type: KeyShape['type'];
  readonly curve?: string;
  readonly hash: Hash | undefined;
  readonly bytes?: number;
};

/** RFC 7518, 3.1, as far as service accounts use it. `bytes` is the length of each half of an ECDSA signature. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: { type: 'rsa', hash: 'sha256' },
  RS384: { type: 'rsa', hash: 'sha384' },
  RS512: { type: 'rsa', hash: 'sha512' },
  ES256: { type: 'ec', curve: 'P-256', hash: 'sha256', bytes: 32 },
  ES384: { type: 'ec', curve: 'P-384', hash: 'sha384', bytes: 48 },
  ES512: { type: 'ec', curve: 'P-521', hash: 'sha512', bytes: 66 },
  EdDSA: { type: 'ed25519', hash: undefined },
};

/** Reads a token; undefined for what is none. */
export function readJwt(text: string): Jwt | undefined {
  const parts = text.split('.');
  const [head, payload, signature] = parts;
  if (parts.length !== 3 || head === undefined || payload === undefined || signature === undefined) return undefined;
  if (parts.some((part) => part === '' || !/^[A-Za-z0-9_-]+$/.test(part) || part.length % 4 === 1)) return undefined;
  const header = Buffer.from(head, 'base64url').toString('utf8');
  const members = membersOf(header);
  if (
    typeof members?.['alg'] !== 'string' ||
    membersOf(Buffer.from(payload, 'base64url').toString('utf8')) === undefined
  )
    return undefined;
  const kid = members['kid'];
  return {
    algorithm: members['alg'],
    kid: typeof kid === 'string' ? kid : undefined,
    header,
    payload,
    signature,
    signed: `${head}.${payload}`,
  };
}

/** Kubernetes' key id: SHA-256 of the SubjectPublicKeyInfo in base64url. A wrong one takes a recent cluster down. */
export function kidOf(key: PublicKey): string {
  return createHash('sha256').update(key.spki).digest('base64url');
}

/** Whether the token is signed by this key, under the algorithm that it names. */
export function isJwtSignedBy(jwt: Jwt, key: PublicKey): boolean {
  const algorithm = algorithms[jwt.algorithm];
  if (algorithm === undefined || !fits(algorithm, key.shape)) return false;
  const signature = Buffer.from(jwt.signature, 'base64url');
  if (algorithm.bytes !== undefined && signature.length !== 2 * algorithm.bytes) return false;
  return verify(
    algorithm.hash,
    Buffer.from(jwt.signed),
    algorithm.type === 'ec' ? { key: key.object, dsaEncoding: 'ieee-p1363' } : key.object,
    signature,
  );
}

/**
 * The token signed by a new key: its header with the key's id (added when there was none), its payload byte for byte. Throws when
 * the key does not fit the algorithm, naming only that.
 */
export async function resignJwt(jwt: Jwt, signer: Signer): Promise<string> {
  const algorithm = algorithms[jwt.algorithm];
  if (algorithm === undefined) throw new Failure(`tokens of algorithm "${jwt.algorithm}" cannot be signed`);
  if (!fits(algorithm, signer.publicKey.shape))
    throw new Failure(`the new key does not fit tokens of algorithm "${jwt.algorithm}"`);
  const signed = `${Buffer.from(withKid(jwt.header, kidOf(signer.publicKey))).toString('base64url')}.${jwt.payload}`;
  const signature = await signer.sign(Buffer.from(signed), algorithm.hash);
  return `${signed}.${Buffer.from(algorithm.bytes === undefined ? signature : halves(signature, algorithm.bytes)).toString('base64url')}`;
}

function fits(algorithm: Algorithm, shape: KeyShape): boolean {
  return algorithm.type === shape.type && (shape.type !== 'ec' || algorithm.curve === shape.curve);
}

/** The header with its kid replaced where it stands. A header in which that cannot be told apart is written anew, in its order. */
function withKid(header: string, kid: string): string {
  const members = membersOf(header) ?? {};
  const wanted = { ...members, kid };
  const found = header.match(/"kid"\s*:\s*"(?:[^"\\]|\\.)*"/g);
  const edited =
    found?.length === 1
      ? header.replace(/("kid"\s*:\s*)"(?:[^"\\]|\\.)*"/, (_, name: string) => `${name}"${kid}"`)
      : header.replace(/\s*\}\s*$/, `${Object.keys(members).length === 0 ? '' : ','}"kid":"${kid}"}`);
  return JSON.stringify(membersOf(edited)) === JSON.stringify(wanted) ? edited : JSON.stringify(wanted);
}

function membersOf(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** ECDSA's two numbers from DER to the fixed width of RFC 7518, 3.4. */
function halves(signature: Uint8Array, bytes: number): Uint8Array {
  const both = new Uint8Array(2 * bytes);
  childrenOf(signature, tlvAt(signature)).forEach((number, at) => {
    const digits = content(signature, number);
    const bare = digits[0] === 0 ? digits.subarray(1) : digits;
    both.set(bare, (at + 1) * bytes - bare.length);
  });
  return both;
}
