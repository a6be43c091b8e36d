import { jsonStructure } from '../edit/json-tree.ts';
import type { FieldPath } from '../edit/json.ts';
import { isList, treeOver } from '../edit/structure.ts';
import type { Structure } from '../edit/structure.ts';
import type { Plain, Tree } from '../edit/tree.ts';
import { utf8 } from '../edit/characters.ts';
import { cborStructure } from './cbor-tree.ts';
import { isByteField } from './fields.ts';
import type { Identity } from './protobuf-tree.ts';
import { protobufStructure } from './protobuf-tree.ts';
import { openStored } from './wire.ts';

/**
 * An etcd value as a tree that is edited in place, in whatever form it is stored; undefined for one that is encrypted or no object.
 * Throws, naming no content, when the form lies.
 */
export function objectTree(bytes: Uint8Array): Tree | undefined {
  const stored = openStored(bytes);
  if (stored === undefined) return undefined;
  const { apiVersion, kind } = stored;
  const identity: Identity = {
    subject: kind === '' ? 'the object' : kind,
    apiVersion,
    kind,
    inJson: (path, value) => inJson(apiVersion, kind, path, value),
  };
  switch (stored.form) {
    case 'protobuf':
      return treeOver(protobufStructure(stored.bytes, identity));
    case 'cbor':
      return treeOver(cborStructure(stored.bytes, identity));
    case 'json':
      return treeOver(storedJson(stored.text, identity));
  }
}

function storedJson(text: string, { apiVersion, kind, ...identity }: Identity): Structure {
  const textAt = (path: FieldPath, written: string): string | undefined =>
    isByteField(apiVersion, kind, path) ? utf8(new Uint8Array(Buffer.from(written, 'base64'))) : written;
  return jsonStructure(text, { ...identity, textOf: textAt });
}

/** A value with the texts for its byte fields in base64. */
function inJson(apiVersion: string, kind: string, path: FieldPath, value: Plain): Plain {
  if (typeof value === 'string')
    return isByteField(apiVersion, kind, path) ? Buffer.from(value).toString('base64') : value;
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map((item, at) => inJson(apiVersion, kind, [...path, at], item));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, inJson(apiVersion, kind, [...path, name], member)]),
  );
}
