import type { PrivateKey } from '../../pki/keys.ts';
import { writePrivateKey } from '../../pki/keys.ts';
import type { Document } from '../document.ts';
import { documentName } from '../document.ts';
import type { Owned } from './ownership.ts';

/**
 * Old private keys and tokens that a document still holds in a form that is not read: in an annotation of what was last applied, in a
 * text inside a text. The check looks at places; this looks at bytes, and knows of places nothing.
 *
 * A key is known by a stretch of the base64 of its secret number, one that stands within a line at 64 and one at 76 columns; a token by
 * its signature; and each by the three ways in which it looks when the text around it is base64 once more.
 */
export function residueIn(documents: Iterable<Document>, owned: Owned, given: ReadonlySet<string>): string[] {
  const needles = new Map<string, string>();
  for (const key of owned.keys) {
    if (key.private === undefined || given.has(key.public.id)) continue;
    for (const form of new Set(key.privateSightings.map((sighting) => sighting.form))) {
      for (const stretch of secretStretches(key.private, writePrivateKey(key.private, form)))
        learn(needles, stretch, 'private key');
    }
  }
  for (const { jwt, key } of owned.tokens)
    if (!given.has(key?.public.id ?? '')) learn(needles, jwt.signature.slice(-width), 'token');
  const search = searchFor(needles);
  return [...documents].flatMap((document) =>
    search(document.bytes).map(
      (what) => `an old ${what} is left in ${documentName(document)}, in a form that is not read`,
    ),
  );
}

const width = 24;

/** Stretches of a key's base64 that hold nothing but its secret number, whose bytes `d` of its JWK has. */
function secretStretches(key: PrivateKey, der: Uint8Array): string[] {
  const { d = '' } = key.object.export({ format: 'jwk' });
  const secret = Buffer.from(d, 'base64url');
  const at = Buffer.from(der).indexOf(secret);
  if (at < 0) return [];
  const base64 = Buffer.from(der).toString('base64');
  const [start, end] = [Math.ceil(at / 3) * 4, Math.floor((at + secret.length) / 3) * 4];
  return [64, 76].flatMap((columns) => {
    for (let from = start; from + width <= end; from += 4)
      if ((from % columns) + width <= columns) return [base64.slice(from, from + width)];
    return [];
  });
}

function learn(needles: Map<string, string>, stretch: string, what: string): void {
  needles.set(stretch, what);
  for (const shift of [0, 1, 2]) {
    // The first and last digits depend on what stands before and behind, and are left out.
    const encoded = Buffer.from('\0'.repeat(shift) + stretch).toString('base64');
    needles.set(encoded.slice(4, 4 + width), what);
  }
}

/** Looks for many needles of one width at once: a hash rolls over the bytes, and only where it is that of a needle are they compared. */
function searchFor(needles: ReadonlyMap<string, string>): (bytes: Uint8Array) => string[] {
  const hashes = new Set([...needles.keys()].map((needle) => hashOf(Buffer.from(needle, 'latin1'))));
  let leaving = 1;
  for (let at = 1; at < width; at += 1) leaving = Math.imul(leaving, base);
  return (bytes) => {
    const found = new Set<string>();
    if (bytes.length < width || hashes.size === 0) return [];
    let hash = hashOf(bytes.subarray(0, width));
    for (let end = width; ; end += 1) {
      if (hashes.has(hash)) {
        const what = needles.get(Buffer.from(bytes.subarray(end - width, end)).toString('latin1'));
        if (what !== undefined) found.add(what);
      }
      if (end >= bytes.length) return [...found];
      hash = (Math.imul(hash - Math.imul(bytes[end - width] ?? 0, leaving), base) + (bytes[end] ?? 0)) | 0;
    }
  };
}

const base = 16_777_619;

function hashOf(bytes: Uint8Array): number {
  let hash = 0;
  for (const byte of bytes) hash = (Math.imul(hash, base) + byte) | 0;
  return hash;
}
