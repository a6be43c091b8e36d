import { byName } from '../../edit/structure.ts';
import { messageOfKind } from '../../wire/fields.ts';
import { contentOf, locate, rawOf } from '../../wire/protobuf-object.ts';
import type { Stored } from '../../wire/wire.ts';
import { fieldAt, keysAt, openStored } from '../../wire/wire.ts';
import { fnv32 } from './fnv.ts';
import { goBytesString, goString } from './go-json.ts';

/**
 * What an operator writes into `operator.openshift.io/dep-<namespace>.<name>.<kind>` for a stored Secret or ConfigMap: FNV-1 of the
 * JSON of its data as Go writes it, a line break behind it, in URL-safe base64. Undefined for another kind.
 */
export function dependencyHash(object: Uint8Array): string | undefined {
  const stored = openStored(object);
  return stored?.apiVersion === 'v1' && (stored.kind === 'Secret' || stored.kind === 'ConfigMap')
    ? hashOfJson(dataJson(stored))
    : undefined;
}

/** The hash of a JSON text, the line break added that Go's `Encode` adds. */
export function hashOfJson(json: string): string {
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(fnv32(new TextEncoder().encode(`${json}\n`)));
  return digest.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** `.data` as Go's encoder writes it: names in order, `null` for a map that does not stand. */
function dataJson(stored: Stored): string {
  if (fieldAt(stored, ['data'])?.type !== 'container') return 'null';
  const names = keysAt(stored, ['data']).map(String).toSorted(byName);
  return `{${names.map((name) => `${goString(name)}:${valueJson(stored, name)}`).join(',')}}`;
}

function valueJson(stored: Stored, name: string): string {
  const path = ['data', name];
  const value = fieldAt(stored, path);
  if (value?.type === 'bytes') return `"${Buffer.from(value.bytes).toString('base64')}"`;
  if (value?.type === 'text') return goString(value.text);
  // Text that is not UTF-8: only protobuf can hold it. What else is no text (null) reads as Go's zero value.
  const here =
    stored.form === 'protobuf'
      ? locate(stored.bytes, rawOf(stored.bytes), messageOfKind(stored.apiVersion, stored.kind), path)
      : undefined;
  const content = here === undefined ? undefined : contentOf(stored.bytes, here);
  if (content !== undefined) return goBytesString(content);
  return stored.kind === 'Secret' ? 'null' : '""';
}
