import { base64Bytes, respellBase64 } from './base64.ts';
import type { Decoded, Hunk } from './respell.ts';
import { respellHunks } from './respell.ts';

/** `data:` then media type and parameters, then a comma. */
const head = /^data:([^,]*),/i;

/** A data URL up to its comma; undefined when the text is none. */
export function dataUrlHead(url: string): string | undefined {
  return head.exec(url)?.[0];
}

/** The bytes of a data URL (RFC 2397); undefined when the text is none. */
export function dataUrlBytes(url: string): Uint8Array | undefined {
  const found = head.exec(url);
  if (found === null) return undefined;
  const decoded = decodePercent(url.slice(found[0].length));
  if (decoded === undefined) return undefined;
  return isBase64(found[1] ?? '') ? base64Bytes(decoded.value) : new Uint8Array(Buffer.from(decoded.value, 'latin1'));
}

/**
 * The data URL with other content: base64 stays base64, percent-encoding stays that. New characters are escaped as the machine-config
 * operator does, because it compares texts and reboots the node when they differ. `hunks` say where the content differs.
 */
export function respellDataUrl(url: string, value: Uint8Array, hunks: readonly Hunk[]): string | undefined {
  const found = head.exec(url);
  if (found === null) return undefined;
  const body = url.slice(found[0].length);
  const decoded = decodePercent(body);
  if (decoded === undefined) return undefined;
  if (isBase64(found[1] ?? ''))
    return found[0] + respellBase64(decoded.value, value).replace(/[^A-Za-z0-9+/=_-]/g, escaped(body));
  return (
    found[0] + respellHunks(body, decoded, hunks, (part) => part.replace(/[^A-Za-z0-9\-_.!~*'()]/g, escaped(body)))
  );
}

function isBase64(mediaType: string): boolean {
  return /;\s*base64\s*$/i.test(mediaType);
}

/** Upper-case digits, unless the URL has lower-case ones. */
function escaped(body: string): (char: string) => string {
  const lower = /%(?:[a-f][0-9a-f]|[0-9][a-f])/.test(body);
  return (char) => {
    const digits = char.charCodeAt(0).toString(16).padStart(2, '0');
    return `%${lower ? digits : digits.toUpperCase()}`;
  };
}

/** Percent-encoding as one character per byte; undefined when a character is beyond a byte. */
function decodePercent(body: string): Decoded | undefined {
  const source = Buffer.from(body, 'utf8').toString('latin1'); // an unescaped é stands for its UTF-8
  if (source !== body) return undefined; // offsets would differ; such a URL is not valid and nobody writes one
  const starts: number[] = [];
  const units: string[] = [];
  for (let at = 0; at < body.length;) {
    const digits = body.charAt(at) === '%' ? /^[0-9A-Fa-f]{2}/.exec(body.slice(at + 1, at + 3)) : null;
    starts.push(at);
    units.push(digits === null ? body.charAt(at) : String.fromCharCode(Number.parseInt(digits[0], 16)));
    at += digits === null ? 1 : 3;
  }
  starts.push(body.length);
  return { value: units.join(''), sourceAt: (unit) => starts[unit] ?? body.length };
}
