import { digestOf } from '../../pki/der.ts';
import { fieldAt, openStored, type Stored } from '../../wire/wire.ts';
import { candidatesIn } from '../find/candidates.ts';
import type { Document, Replacement } from '../document.ts';
import { replacedName } from '../document.ts';
import type { Renaming } from './renaming.ts';
import type { Option } from './step.ts';

/** Options that put a given text, with whatever certificates are in it, in the place of the old one, and the row that copies a kubeconfig. */
const replaces = new Set<Option>([
  'user_ca_bundle',
  'proxy_trusted_ca_bundle',
  'pull_secret',
  'install_config',
  'chrony_config',
  'always',
]);

/**
 * Looks at what the renames did to documents, without knowing how: each object is still one of its form, kind and key, and each
 * certificate, key and token that stood in a document stands there still. Sentences, empty when all is well.
 *
 * @param before documents as the renewal leaves them, by name
 */
export function renameFaults(
  before: ReadonlyMap<string, Document>,
  replacements: readonly Replacement[],
  renamings: readonly Renaming[],
): string[] {
  const touched = new Set(
    renamings.flatMap(({ document, to, option }) => (replaces.has(option) ? [] : [to ?? document])),
  );
  const cameFrom = new Map(
    renamings.flatMap(({ document, to }) => (to === undefined ? [] : [[to, document] as const])),
  );
  const others = new Set(
    renamings.flatMap(({ document, to, option }) => (replaces.has(option) ? [to ?? document] : [])),
  );
  return replacements.flatMap((replacement): string[] => {
    const name = replacedName(replacement);
    if (replacement.kind === 'removed' || !(touched.has(name) || others.has(name))) return [];
    const old = before.get(cameFrom.get(name) ?? name);
    if (old === undefined) return [`${name} is written and was never read`];
    const after = documentAs(replacement);
    const faults = after.in === 'etcd' ? objectFaults(name, old, after) : [];
    if (faults.length > 0 || others.has(name)) return faults;
    const [one, other] = [cryptoOf(old), cryptoOf(after)];
    return one === other ? [] : [`the certificates, keys or tokens of ${name} are not those that stood there`];
  });
}

function documentAs(replacement: Exclude<Replacement, { kind: 'removed' }>): Document {
  if (replacement.kind === 'changed') return { ...replacement.document, bytes: replacement.after };
  return replacement.in === 'etcd'
    ? { in: 'etcd', key: replacement.key, bytes: replacement.after, modRevision: '0' }
    : { in: 'file', path: replacement.path, bytes: replacement.after };
}

function objectFaults(name: string, old: Document, after: Extract<Document, { in: 'etcd' }>): string[] {
  const [one, other] = [openStored(old.bytes), openStored(after.bytes)];
  if (one === undefined || other === undefined) return [`${name} is no object any more`];
  if (one.form !== other.form || one.kind !== other.kind || one.apiVersion !== other.apiVersion)
    return [`${name} is of another form or kind than it was`];
  const ownName = textAt(other, ['metadata', 'name']);
  return ownName === after.key.slice(after.key.lastIndexOf('/') + 1)
    ? []
    : [`${name} holds an object of the name "${ownName ?? ''}"`];
}

function textAt(stored: Stored, path: readonly string[]): string | undefined {
  const field = fieldAt(stored, path);
  return field?.type === 'text' ? field.text : undefined;
}

/** Digests of everything that looks like a certificate, key or token, sorted: a name that changes may change its place among others. */
function cryptoOf(document: Document): string {
  const found: string[] = [];
  for (const candidate of candidatesIn(document, () => {
    /* told by the scan */
  }))
    found.push(candidate.is === 'jwt' ? digestOf(new TextEncoder().encode(candidate.text)) : digestOf(candidate.der));
  return found.sort().join();
}
