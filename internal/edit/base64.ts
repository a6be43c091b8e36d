import { rewrapped } from './pem.ts';

/** The bytes of a base64 text in either alphabet, padded or not, wrapped or not; undefined when it is none. */
export function base64Bytes(text: string): Uint8Array | undefined {
  const packed = text.replace(/\s+/g, '');
  if (!/^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/.test(packed)) return undefined;
  const unpadded = packed.replace(/=+$/, '');
  if (unpadded.length % 4 === 1 || (packed !== unpadded && packed.length % 4 !== 0)) return undefined;
  return new Uint8Array(Buffer.from(packed, 'base64'));
}

/** Base64 of `value` in the alphabet, padding and wrapping of `old`. */
export function respellBase64(old: string, value: Uint8Array): string {
  const packed = old.replace(/\s+/g, '');
  let base64 = Buffer.from(value).toString('base64');
  if (/[_-]/.test(packed)) base64 = base64.replaceAll('+', '-').replaceAll('/', '_');
  // No padding on a text that needs it means "never padded"; a text that needs none says nothing, and padding is usual.
  if (packed.length % 4 !== 0) base64 = base64.replace(/=+$/, '');
  return rewrapped(old, base64, Number.MAX_SAFE_INTEGER - 1);
}
