import { basename } from 'node:path';
import type { Place as TextPlace } from '../../edit/edit.ts';
import { placeText, readAt } from '../../edit/edit.ts';
import type { FieldPath } from '../../edit/json.ts';
import { pemBlocksIn } from '../../edit/pem.ts';
import { messageOf } from '../../errors/errors.ts';
import type { Jwt } from '../../pki/jwt.ts';
import { readJwt } from '../../pki/jwt.ts';
import type { Stored } from '../../wire/wire.ts';
import { fieldAt, keysAt, openStored } from '../../wire/wire.ts';
import type { Document } from '../document.ts';
import { documentName } from '../document.ts';
import type { FieldScope, Reading, Whose } from './scope.ts';
import { ignitionScopes, kubeconfigScopes, objectScopes, ownIgnitionFile } from './scope.ts';
import { stringsAt, treeOf } from './tree.ts';

/** A PEM block or a token as it stands somewhere. */
export type Candidate = { readonly field: FieldPath; readonly within: TextPlace; readonly whose: Whose } & (
  | { readonly is: 'pem'; readonly tag: string; readonly der: Uint8Array }
  | { readonly is: 'jwt'; readonly text: string; readonly jwt: Jwt }
);

/** Gets one sentence about something that was seen and left alone; never a value. */
export type Tell = (fact: string) => void;

/** Everything in a document that may be a key, a certificate or a token. What cannot be read is told and left alone. */
export function* candidatesIn(document: Document, tell: Tell): Generator<Candidate> {
  try {
    if (document.in === 'file') yield* inFile(document.path, document.bytes, tell);
    else yield* inObject(document.key, document.bytes, tell);
  } catch (error) {
    tell(`${documentName(document)} cannot be read and stays as it is: ${messageOf(error)}`);
  }
}

/** How a file is read is said by its name, as for the reference. */
function* inFile(path: string, bytes: Uint8Array, tell: Tell): Generator<Candidate> {
  const name = basename(path);
  const spot: Spot = { document: `file:${path}`, field: [], tell };
  if (name === 'currentconfig' || name === 'mcs-machine-config-content.json')
    yield* inTree(spot, bytes, [], ignitionScopes, 'cluster');
  else if (name.toLowerCase().includes('kubeconfig')) yield* inTree(spot, bytes, [], kubeconfigs, 'cluster');
  else yield* inText(spot, bytes, [], 'value', 'cluster');
}

function* inObject(key: string, bytes: Uint8Array, tell: Tell): Generator<Candidate> {
  const scope = objectScopes.find(({ prefix }) => key.startsWith(prefix));
  if (scope?.sign !== undefined && !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(scope.sign))
    return;
  const stored = scope === undefined ? undefined : openStored(bytes);
  if (scope === undefined || stored?.kind !== scope.kind) return;
  for (const field of scope.fields) {
    for (const path of fieldsAt(stored, field)) {
      const found = fieldAt(stored, path);
      const value =
        found?.type === 'bytes'
          ? found.bytes
          : found?.type === 'text'
            ? new TextEncoder().encode(found.text)
            : undefined;
      if (value === undefined || value.length === 0) continue;
      const fileName = field.whose === 'by-file-name' ? fieldAt(stored, [...path.slice(0, -2), 'path']) : undefined;
      const whose =
        field.whose !== 'by-file-name'
          ? field.whose
          : fileName?.type === 'text' && ownIgnitionFile.test(fileName.text)
            ? 'cluster'
            : 'known';
      yield* inText({ document: `etcd:${key}`, field: path, tell }, value, [], field.reading, whose);
    }
  }
}

/** Where we are, for facts and places. */
type Spot = { readonly document: string; readonly field: FieldPath; readonly tell: Tell };

/** Deeper than this nothing sensible is wrapped: Secret, kubeconfig or Ignition, data URL, base64. */
const deepest = 6;

function* inText(
  spot: Spot,
  bytes: Uint8Array,
  within: TextPlace,
  reading: Reading,
  whose: Whose,
): Generator<Candidate> {
  if (within.length > deepest) return;
  if (reading !== 'value') {
    const part = { in: reading } as const;
    const inner = readAt(bytes, [part]);
    if (inner !== undefined) yield* inText(spot, inner, [...within, part], 'value', whose);
    return;
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text.includes('-----BEGIN ')) yield* inPem(spot, text.toString('latin1'), within, whose);
  else if (looksLikeToken(text)) {
    const token = readAt(bytes, [{ in: 'jwt' }]);
    const jwt = token === undefined ? undefined : readJwt(Buffer.from(token).toString('latin1'));
    if (token !== undefined && jwt !== undefined)
      yield {
        field: spot.field,
        within: [...within, { in: 'jwt' }],
        whose,
        is: 'jwt',
        text: Buffer.from(token).toString('latin1'),
        jwt,
      };
  } else if (looksLikeKubeconfig(text)) yield* inTree(spot, bytes, within, kubeconfigs, 'known');
  else if (looksLikeDocker(text)) yield* inDocker(spot, bytes, within);
  else if (looksLikeIgnition(text)) yield* inTree(spot, bytes, within, ignitionScopes, 'known');
}

function* inPem(spot: Spot, text: string, within: TextPlace, whose: Whose): Generator<Candidate> {
  for (const [index, { tag, der }] of pemBlocksIn(text).entries()) {
    const place: TextPlace = [...within, { in: 'pem', index }];
    if (der === undefined) {
      if (ours.test(tag)) spot.tell(`${spotText(spot, place)} is a broken or encrypted "${tag}" and stays as it is`);
    } else yield { field: spot.field, within: place, whose, is: 'pem', tag, der };
  }
}

/** Blocks worth a word when they cannot be read; PGP's are none of ours. */
const ours = /(?:CERTIFICATE|PRIVATE KEY|PUBLIC KEY)$/;

const kubeconfigs: readonly FieldScope[] = kubeconfigScopes.map((scope) => ({ ...scope, whose: 'known', why: '' }));

/** Strings at the scopes' paths of a JSON or YAML text. */
function* inTree(
  spot: Spot,
  bytes: Uint8Array,
  within: TextPlace,
  scopes: readonly FieldScope[],
  whose: Whose,
): Generator<Candidate> {
  const read = treeOf(bytes);
  if (read === undefined) {
    spot.tell(`${spotText(spot, within)} is neither JSON nor YAML and stays as it is`);
    return;
  }
  for (const scope of scopes) {
    for (const { path, text } of stringsAt(read.tree, scope.path)) {
      const fileName =
        scope.whose === 'by-file-name' ? stringsAt(read.tree, [...path.slice(0, -2), 'path']).at(0)?.text : undefined;
      const narrowed =
        whose === 'cluster' && (fileName === undefined || ownIgnitionFile.test(fileName)) ? 'cluster' : 'known';
      yield* inText(spot, new TextEncoder().encode(text), [...within, { in: read.in, path }], scope.reading, narrowed);
    }
  }
}

/** Registry credentials: a token of a service account stands as a password, and again behind the user name in base64. */
function* inDocker(spot: Spot, bytes: Uint8Array, within: TextPlace): Generator<Candidate> {
  const read = treeOf(bytes);
  if (read?.in !== 'json') return;
  for (const above of [['*'], ['auths', '*']]) {
    for (const name of ['password', 'auth', 'identitytoken', 'registrytoken']) {
      for (const { path, text } of stringsAt(read.tree, [...above, name])) {
        const part = { in: 'json', path } as const;
        const encoded = name === 'auth' ? ([{ in: 'base64' }, { in: 'password' }] as const) : [];
        const inner = readAt(new TextEncoder().encode(text), encoded);
        if (inner !== undefined) yield* inText(spot, inner, [...within, part, ...encoded], 'value', 'known');
      }
    }
  }
}

/** The paths of a stored object that a scope's pattern means. */
function fieldsAt(stored: Stored, scope: FieldScope): FieldPath[] {
  let paths: FieldPath[] = [[]];
  for (const step of scope.path) {
    paths = paths.flatMap((path) =>
      step === '*'
        ? keysAt(stored, path)
            .filter((name) => scope.except?.includes(String(name)) !== true)
            .map((name) => [...path, name])
        : [[...path, step]],
    );
  }
  return paths;
}

/** Cheap questions that nearly every value answers with no; what reads the text says for certain. */
const tokenAtMost = 16 * 1024;

function looksLikeToken(text: Buffer): boolean {
  return (
    text.length < tokenAtMost &&
    /^\s*ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\s*$/.test(text.toString('latin1'))
  );
}

function looksLikeKubeconfig(text: Buffer): boolean {
  return (
    text.includes('clusters') &&
    (text.includes('certificate-authority-data') ||
      text.includes('client-key-data') ||
      text.includes('client-certificate-data') ||
      text.includes('token'))
  );
}

function looksLikeDocker(text: Buffer): boolean {
  return text.includes('"auth"') || text.includes('"auths"');
}

function looksLikeIgnition(text: Buffer): boolean {
  return text.includes('"ignition"') && text.includes('data:');
}

function spotText({ document, field }: Spot, within: TextPlace): string {
  return `${document}${field.length === 0 ? '' : ` ${field.join('/')}`}, ${placeText(within)},`;
}
