import { Failure, messageOf } from '../errors/errors.ts';
import type { FieldPath } from '../edit/json.ts';
import type { JsonToken } from '../edit/json.ts';
import { isJson, jsonKeysAt, jsonRoot, jsonStringAt, jsonTokenAt, replaceJsonString } from '../edit/json.ts';
import { utf8 } from '../edit/characters.ts';
import { bytesOf, sameBytes } from './bytes.ts';
import type { CborItem } from './cbor.ts';
import { cborContent, cborItemAt, cborKeysAt, cborRoot, replaceCborString } from './cbor.ts';
import { isByteField, messageOfKind } from './fields.ts';
import { formOf, protobufHead } from './form.ts';
import { fieldsIn } from './protobuf.ts';
import type { Located } from './protobuf-object.ts';
import { contentOf, keysOf, locate, rawOf, replaceLeaf } from './protobuf-object.ts';

/** An etcd value that holds an object. The bytes are the truth; kind and apiVersion are read from them. */
export type Stored = { readonly apiVersion: string; readonly kind: string; readonly bytes: Uint8Array } & Body;

/** JSON and CBOR are looked through once; protobuf is quick enough to be looked through for each path. */
type Body =
  | { readonly form: 'protobuf' }
  | { readonly form: 'json'; readonly text: string; readonly root: JsonToken }
  | { readonly form: 'cbor'; readonly root: CborItem };

/** What stands at a path. A field of type bytes gives its bytes in every form. */
export type StoredField =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  /** A map, list or message. */
  | { readonly type: 'container' }
  /** A number, a boolean, null, or text that is not UTF-8. */
  | { readonly type: 'other' };

/** Opens an etcd value; undefined for one that is encrypted or no object. Throws, naming no content, when the form lies. */
export function openStored(bytes: Uint8Array): Stored | undefined {
  const form = formOf(bytes);
  switch (form) {
    case 'encrypted':
    case 'other':
      return undefined;
    case 'protobuf':
      return { form, bytes, ...typeMetaOf(bytes) };
    case 'json': {
      const text = utf8(bytes);
      if (text === undefined || !isJson(text)) throw new Failure('a value that begins like JSON is not JSON');
      return withKind({ form, bytes, text, root: jsonRoot(text), apiVersion: '', kind: '' });
    }
    case 'cbor':
      return withKind({ form, bytes, root: cborRoot(bytes), apiVersion: '', kind: '' });
  }
}

/** What stands at a path, undefined when nothing does. */
export function fieldAt(stored: Stored, path: FieldPath): StoredField | undefined {
  switch (stored.form) {
    case 'protobuf': {
      const here = placeOf(stored, path);
      if (here === undefined) return undefined;
      const content = contentOf(stored.bytes, here);
      if (content === undefined) return { type: 'container' };
      return (here.is === 'leaf' || here.is === 'bare-entry') && here.type === 'bytes'
        ? { type: 'bytes', bytes: content }
        : asText(content);
    }
    case 'json': {
      const token = jsonTokenAt(stored.root, path);
      if (token === undefined) return undefined;
      if (token.type === 'object' || token.type === 'array') return { type: 'container' };
      const value = jsonStringAt(stored.text, stored.root, path);
      if (value === undefined) return { type: 'other' };
      return isByteField(stored.apiVersion, stored.kind, path)
        ? { type: 'bytes', bytes: new Uint8Array(Buffer.from(value, 'base64')) }
        : { type: 'text', text: value };
    }
    case 'cbor': {
      const item = cborItemAt(stored.root, path);
      if (item === undefined) return undefined;
      if (item.type === 'map' || item.type === 'array') return { type: 'container' };
      if (item.type === 'other') return { type: 'other' };
      const content = cborContent(stored.bytes, item);
      return item.isBytes ? { type: 'bytes', bytes: content } : asText(content);
    }
  }
}

/** Keys of a map, names of a message's members, indexes of a list; none where there is no container. */
export function keysAt(stored: Stored, path: FieldPath): (string | number)[] {
  switch (stored.form) {
    case 'protobuf': {
      const here = placeOf(stored, path);
      return here === undefined ? [] : keysOf(stored.bytes, here);
    }
    case 'json':
      return jsonKeysAt(stored.root, path);
    case 'cbor':
      return cborKeysAt(stored.root, path);
  }
}

/**
 * Where the value at a path stands in JSON and CBOR, its quotes or head included. Undefined for protobuf, where a value's length
 * stands in every message around it.
 */
export function spanAt(stored: Stored, path: FieldPath): { readonly start: number; readonly end: number } | undefined {
  switch (stored.form) {
    case 'protobuf':
      return undefined;
    case 'json': {
      const token = jsonTokenAt(stored.root, path);
      return token === undefined
        ? undefined
        : {
            start: Buffer.byteLength(stored.text.slice(0, token.start)),
            end: Buffer.byteLength(stored.text.slice(0, token.end)),
          };
    }
    case 'cbor': {
      const item = cborItemAt(stored.root, path);
      return item === undefined ? undefined : { start: item.head, end: item.end };
    }
  }
}

/** The object with one value replaced: text for text fields, bytes for byte fields. The place must exist and be of that type. */
export function replaceAt(stored: Stored, path: FieldPath, value: string | Uint8Array): Stored {
  const old = fieldAt(stored, path);
  const fits = typeof value === 'string' ? old?.type === 'text' : old?.type === 'bytes';
  if (old === undefined || !fits)
    throw new Failure(`${stored.kind} has no ${typeof value === 'string' ? 'text' : 'bytes'} at "${path.join('/')}"`);
  // The same value keeps its spelling: base64 in JSON and chunked CBOR strings have several.
  if (old.type === 'text' && old.text === value) return stored;
  if (old.type === 'bytes' && typeof value !== 'string' && sameBytes(old.bytes, value)) return stored;
  const bytes = replaced(stored, path, value);
  if (bytes === undefined) throw new Failure(`${stored.kind} has no value at "${path.join('/')}"`);
  switch (stored.form) {
    case 'protobuf':
      return { ...stored, bytes };
    case 'cbor':
      return { ...stored, bytes, root: cborRoot(bytes) };
    case 'json': {
      const text = utf8(bytes) ?? '';
      return { ...stored, bytes, text, root: jsonRoot(text) };
    }
  }
}

function replaced(stored: Stored, path: FieldPath, value: string | Uint8Array): Uint8Array | undefined {
  switch (stored.form) {
    case 'protobuf': {
      const here = placeOf(stored, path);
      return here === undefined ? undefined : replaceLeaf(stored.bytes, here, value);
    }
    case 'json': {
      const text = replaceJsonString(
        stored.text,
        stored.root,
        path,
        typeof value === 'string' ? value : Buffer.from(value).toString('base64'),
      );
      return text === undefined ? undefined : bytesOf(text);
    }
    case 'cbor': {
      const item = cborItemAt(stored.root, path);
      return item === undefined ? undefined : replaceCborString(stored.bytes, item, value);
    }
  }
}

function placeOf(stored: Stored, path: FieldPath): Located | undefined {
  return locate(stored.bytes, rawOf(stored.bytes), messageOfKind(stored.apiVersion, stored.kind), path);
}

function asText(content: Uint8Array): StoredField {
  const text = utf8(content);
  return text === undefined ? { type: 'other' } : { type: 'text', text };
}

function withKind(stored: Stored): Stored {
  return { ...stored, apiVersion: wordAt(stored, 'apiVersion'), kind: wordAt(stored, 'kind') };
}

function wordAt(stored: Stored, name: string): string {
  const found = fieldAt(stored, [name]);
  return found?.type === 'text' ? found.text : '';
}

/** Field numbers of `runtime.Unknown` and its `typeMeta`. */
const unknown = { typeMeta: 1, apiVersion: 1, kind: 2 } as const;

function typeMetaOf(bytes: Uint8Array): { apiVersion: string; kind: string } {
  try {
    const fields = fieldsIn(bytes, protobufHead.length, bytes.length);
    const typeMeta = fields.findLast((field) => field.number === unknown.typeMeta);
    const words = typeMeta === undefined ? [] : fieldsIn(bytes, typeMeta.start, typeMeta.end);
    const word = (number: number): string => {
      const found = words.findLast((field) => field.number === number);
      return found === undefined ? '' : (utf8(bytes.subarray(found.start, found.end)) ?? '');
    };
    return { apiVersion: word(unknown.apiVersion), kind: word(unknown.kind) };
  } catch (error) {
    throw new Failure('a value that begins like protobuf is not an object', { why: messageOf(error) });
  }
}
