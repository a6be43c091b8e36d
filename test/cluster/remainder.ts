import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fieldsIn, lengthDelimited, type WireField } from '../../internal/wire/protobuf.ts';
import type { Cluster } from './cluster.ts';
import { clearValues } from './evidence.ts';
import { masked } from './findings.ts';
import { labelsIn } from './node-files.ts';
import { fieldKind, type FieldKind } from './stored.ts';

/**
 * All of a cluster that is no certificate, key or token: every etcd key and every file, with those masked. What a renewal must leave
 * as it is, to the byte: comments, wrapping, line ends, annotations, unknown fields, modes, owners and SELinux labels.
 */
export type Remainder = ReadonlyMap<string, string>;

export async function remainderOf(cluster: Pick<Cluster, 'endpoint' | 'root'>): Promise<Remainder> {
  const rest = new Map<string, string>();
  for await (const { key, clear } of clearValues(cluster)) rest.set(`etcd:${key}`, valueRemainder(clear));
  const labels = await labelsIn(cluster.root);
  // Also what begins with a dot: the kubelet's volumes do.
  for (const entry of await readdir(cluster.root, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const path = relative(cluster.root, file);
    const facts = await lstat(file);
    const attributes = `${(facts.mode & 0o7777).toString(8)} ${facts.uid}:${facts.gid} ${labels.get(file) ?? 'no label'}`;
    if (facts.isSymbolicLink()) rest.set(`file:/${path}`, linkRemainder(await readlink(file)));
    else if (facts.isFile()) rest.set(`file:/${path}`, fileRemainder(attributes, await readFile(file)));
  }
  return rest;
}

/** Of a clear value of etcd. Hashes of renewed contents are masked, too: `hashFaults` judges them. */
export const valueRemainder = (clear: Uint8Array): string =>
  leavesOf(clear)
    .map((leaf) => withoutHeads(masked(leaf)))
    .join('\n')
    .replace(contentHash, '$1<hash>');

/** `attributes`: mode, owner and label. */
export const fileRemainder = (attributes: string, bytes: Uint8Array): string => `${attributes}\n${masked(bytes)}`;

/** Attributes of a link are nobody's: it is made anew with the file system's own. */
export const linkRemainder = (target: string): string => `-> ${target}`;

const contentHash =
  /(^1\/2:(?:olmcahash|operator\.openshift\.io\/(?:spec-hash|dep-[^\n]*\.(?:secret|configmap)))\n2\/2:)[^\n]*/gm;

/** One line for each document that is missing, new, or different. `except` for what the caller changes on purpose. */
export function differences(
  before: Remainder,
  after: Remainder,
  except: (document: string) => boolean = () => false,
): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].filter((name) => !except(name));
  return names.flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === is) return [];
    if (was === undefined || is === undefined) return [`${name} is ${was === undefined ? 'new' : 'gone'}`];
    let at = 0;
    while (was[at] === is[at]) at += 1;
    return [
      `${name} differs: ${JSON.stringify(was.slice(Math.max(0, at - 20), at + 40))} became ${JSON.stringify(is.slice(Math.max(0, at - 20), at + 40))}`,
    ];
  });
}

/**
 * Protobuf as the list of its fields, depth first: lengths change with what they enclose, and are left out. What encloses others is told by
 * the shape that the object was written by, never by looking: words, and PEM above all, may read as a message by chance. Anything else is
 * one leaf.
 */
export function leavesOf(bytes: Uint8Array): Uint8Array[] {
  if (Buffer.from(bytes.subarray(0, 4)).toString('latin1') !== 'k8s\0') return [bytes];
  const envelope = fieldsIn(bytes, 4, bytes.length);
  const typeMeta = envelope.find(({ number }) => number === 1);
  const kind =
    typeMeta === undefined
      ? undefined
      : fieldsIn(bytes, typeMeta.start, typeMeta.end).find(({ number }) => number === 2);
  if (kind === undefined) return [bytes];
  const shape = Buffer.from(bytes.subarray(kind.start, kind.end)).toString();
  return envelope.flatMap((field) =>
    field.number === 2
      ? [nameOf(field), ...leavesBelow(bytes, field, { is: 'message', shape })]
      : [leafOf(bytes, field)],
  );
}

function leavesBelow(
  bytes: Uint8Array,
  { start, end }: Pick<WireField, 'start' | 'end'>,
  kind: FieldKind,
): Uint8Array[] {
  return fieldsIn(bytes, start, end).flatMap((field) => {
    const inner =
      kind.is === 'message'
        ? fieldKind(kind.shape, field.number)
        : kind.is === 'entry' && field.number === 2
          ? kind.value
          : undefined;
    return inner === undefined || inner.is === 'value' || field.wireType !== lengthDelimited
      ? [leafOf(bytes, field)]
      : [nameOf(field), ...leavesBelow(bytes, field, inner)];
  });
}

const nameOf = ({ number, wireType }: WireField): Buffer => Buffer.from(`${number}/${wireType}:`);

const leafOf = (bytes: Uint8Array, field: WireField): Buffer =>
  Buffer.concat([nameOf(field), bytes.subarray(field.start, field.end)]);

/** CBOR writes the length of a string before it; where the string is masked, its length is, too. */
function withoutHeads(text: string): string {
  return text.startsWith('\xd9\xd9\xf7')
    ? text.replace(
        /[\x59\x79][^]{2}(?=<(?:url|base64) )|[\x5a\x7a][^]{4}(?=<(?:url|base64) )|[\x5b\x7b][^]{8}(?=<(?:url|base64) )/g,
        '<length>',
      )
    : text;
}
