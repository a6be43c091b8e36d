import { Failure } from '../errors/errors.ts';
import { base64Bytes, respellBase64 } from './base64.ts';
import { dataUrlBytes, respellDataUrl } from './data-url.ts';
import type { FieldPath } from './json.ts';
import { isJson, jsonRoot, jsonStringAt, replaceJsonString } from './json.ts';
import { pemBlocksIn, replacePem } from './pem.ts';
import { yamlStringAt } from './yaml.ts';

/** One step from a text to a value inside it. Plain data: a plan prints it, a test compares it. */
export type Part =
  | { readonly in: 'json'; readonly path: FieldPath }
  | { readonly in: 'yaml'; readonly path: FieldPath }
  | { readonly in: 'base64' }
  | { readonly in: 'data-url' }
  | { readonly in: 'pem'; readonly index: number }
  | { readonly in: 'jwt' };

/** Where a value lives in a text, outermost part first. Empty: the whole text. */
export type Place = readonly Part[];

/** The value at a place; undefined when nothing can be read there. PEM gives DER, everything else what is inside. */
export function readAt(document: Uint8Array, place: Place): Uint8Array | undefined {
  let inner: Uint8Array | undefined = document;
  for (const part of place) inner = inner === undefined ? undefined : opened(inner, part)?.inner;
  return inner;
}

/** The document with the value at a place replaced and every other byte as it was. Throws where nothing can be read or written. */
export function writeAt(document: Uint8Array, place: Place, value: Uint8Array): Uint8Array {
  return written(document, place, value, place);
}

function written(document: Uint8Array, rest: Place, value: Uint8Array, place: Place): Uint8Array {
  const [part, ...deeper] = rest;
  if (part === undefined) return value;
  const found = opened(document, part);
  if (found === undefined) throw new Failure(`nothing can be read at ${placeText(place)}`);
  const inner = written(found.inner, deeper, value, place);
  if (Buffer.compare(found.inner, inner) === 0) return document;
  const fresh = found.close(inner);
  // The last line of defence for a node that must boot: a spelling that reads back otherwise never leaves this function.
  const read = fresh === undefined || found.checked === true ? inner : opened(fresh, part)?.inner;
  if (fresh === undefined || read === undefined || Buffer.compare(read, inner) !== 0) throw new Failure(`the value at ${placeText(place)} cannot be written so that it reads back`);
  return fresh;
}

/** What a part holds, and the document with something else in it. `checked`: `close` has read back what it made. */
type Opened = { readonly inner: Uint8Array; readonly close: (inner: Uint8Array) => Uint8Array | undefined; readonly checked?: boolean };

function opened(document: Uint8Array, part: Part): Opened | undefined {
  switch (part.in) {
    case 'json': {
      const text = utf8(document);
      if (text === undefined || !isJson(text)) return undefined;
      const root = jsonRoot(text);
      return withText(jsonStringAt(text, root, part.path), (value) => replaceJsonString(text, root, part.path, value));
    }
    case 'yaml': {
      const text = utf8(document);
      const found = text === undefined ? undefined : yamlStringAt(text, part.path);
      const place = found === undefined ? undefined : withText(found.value, found.replace);
      return place === undefined ? undefined : { ...place, checked: true };
    }
    case 'base64': return withBytes(base64Bytes(latin1(document)), (inner) => respellBase64(latin1(document), inner));
    case 'data-url': return withBytes(dataUrlBytes(latin1(document)), (inner) => respellDataUrl(latin1(document), inner));
    case 'pem': return withBytes(pemBlocksIn(latin1(document))[part.index]?.der, (inner) => replacePem(latin1(document), part.index, inner));
    case 'jwt': {
      const found = jwtIn.exec(latin1(document));
      const [, before = '', token, after = ''] = found ?? [];
      return withBytes(fromLatin1(token), (inner) => before + latin1(inner) + after);
    }
  }
}

function withText(value: string | undefined, replace: (value: string) => string | undefined): Opened | undefined {
  const inner = bytesOf(value);
  return inner === undefined ? undefined : {
    inner,
    close: (bytes) => {
      const text = utf8(bytes);
      return text === undefined ? undefined : bytesOf(replace(text));
    },
  };
}

function withBytes(inner: Uint8Array | undefined, replace: (inner: Uint8Array) => string | undefined): Opened | undefined {
  return inner === undefined ? undefined : { inner, close: (bytes) => fromLatin1(replace(bytes)) };
}

/** A token with blanks around it. That its header is JSON is the room `pki`'s to say. */
const jwtIn = /^(\s*)([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)(\s*)$/;

/** A place as people read it: `yaml users/0/user/token`, `base64`, `pem block 1`. Free of values. */
export function placeText(place: Place): string {
  return place.length === 0 ? 'the whole text' : place.map((part) => {
    switch (part.in) {
      case 'json': case 'yaml': return `${part.in} "${part.path.join('/')}"`;
      case 'pem': return `pem block ${part.index}`;
      case 'base64': case 'data-url': case 'jwt': return part.in;
    }
  }).join(', ');
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Half a surrogate pair (a lone `\ud800` in JSON) has no UTF-8: such a text is not opened, because it could not be put back. */
function bytesOf(text: string | undefined): Uint8Array | undefined {
  return text?.isWellFormed() !== true ? undefined : new TextEncoder().encode(text);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function fromLatin1(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : new Uint8Array(Buffer.from(text, 'latin1'));
}
