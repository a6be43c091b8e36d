import { Failure } from '../errors/errors.ts';
import { base64Bytes, respellBase64 } from './base64.ts';
import { dataUrlBytes, respellDataUrl } from './data-url.ts';
import type { FieldPath } from './json.ts';
import { isJson, jsonRoot, jsonStringAt, replaceJsonString } from './json.ts';
import { pemBlocksIn, replacePem } from './pem.ts';
import { replaceYamlString, yamlStringAt } from './yaml.ts';

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
  for (const part of place) inner = inner === undefined ? undefined : opened(inner, part);
  return inner;
}

/** The document with the value at a place replaced and every other byte as it was. Throws where nothing can be read or written. */
export function writeAt(document: Uint8Array, place: Place, value: Uint8Array): Uint8Array {
  const old = readAt(document, place);
  if (old === undefined) throw new Failure(`nothing can be read at ${placeText(place)}`);
  if (Buffer.compare(old, value) === 0) return document;
  const written = writtenAt(document, place, value);
  const read = written === undefined ? undefined : readAt(written, place);
  // The last line of defence for a node that must boot: a spelling that reads back otherwise never leaves this function.
  if (written === undefined || read === undefined || Buffer.compare(read, value) !== 0) throw new Failure(`the value at ${placeText(place)} cannot be written so that it reads back`);
  return written;
}

function writtenAt(document: Uint8Array, place: Place, value: Uint8Array): Uint8Array | undefined {
  const [part, ...rest] = place;
  if (part === undefined) return value;
  const inner = opened(document, part);
  const changed = inner === undefined ? undefined : writtenAt(inner, rest, value);
  return changed === undefined ? undefined : closed(document, part, changed);
}

function opened(document: Uint8Array, part: Part): Uint8Array | undefined {
  switch (part.in) {
    case 'json': return asUtf8(document, (text) => (isJson(text) ? bytesOf(jsonStringAt(text, jsonRoot(text), part.path)) : undefined));
    case 'yaml': return asUtf8(document, (text) => bytesOf(yamlStringAt(text, part.path)));
    case 'base64': return base64Bytes(latin1(document));
    case 'data-url': return dataUrlBytes(latin1(document));
    case 'pem': return pemBlocksIn(latin1(document))[part.index]?.der;
    case 'jwt': {
      const token = jwtIn.exec(latin1(document))?.[2];
      return token === undefined ? undefined : fromLatin1(token);
    }
  }
}

function closed(document: Uint8Array, part: Part, inner: Uint8Array): Uint8Array | undefined {
  switch (part.in) {
    case 'json': return asUtf8(document, (text) => asUtf8(inner, (value) => bytesOf(replaceJsonString(text, jsonRoot(text), part.path, value))));
    case 'yaml': return asUtf8(document, (text) => asUtf8(inner, (value) => bytesOf(replaceYamlString(text, part.path, value))));
    case 'base64': return fromLatin1(respellBase64(latin1(document), inner));
    case 'data-url': return fromLatin1(respellDataUrl(latin1(document), inner));
    case 'pem': return fromLatin1(replacePem(latin1(document), part.index, inner));
    case 'jwt': return fromLatin1(latin1(document).replace(jwtIn, (_, before: string, __, after: string) => before + latin1(inner) + after));
  }
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

function asUtf8(bytes: Uint8Array, then: (text: string) => Uint8Array | undefined): Uint8Array | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
  return then(text);
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
