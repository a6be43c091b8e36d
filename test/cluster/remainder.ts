import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fieldsIn } from '../../internal/wire/protobuf.ts';
import type { Cluster } from './cluster.ts';
import { clearValues } from './evidence.ts';
import { masked } from './findings.ts';
import { labelsIn } from './node-files.ts';

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

/** Protobuf as the list of its fields, depth first: lengths change with what they enclose, and are left out. Anything else is one leaf. */
export function leavesOf(bytes: Uint8Array): Uint8Array[] {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'k8s\0'
    ? (fieldsOf(bytes.subarray(4)) ?? [bytes])
    : [bytes];
}

function fieldsOf(bytes: Uint8Array): Uint8Array[] | undefined {
  try {
    return fieldsIn(bytes, 0, bytes.length).flatMap((field) => {
      const content = bytes.subarray(field.start, field.end);
      const name = Buffer.from(`${field.number}/${field.wireType}:`);
      // Words may read as a message by chance.
      const inner =
        field.wireType === 2 && content.length > 0 && content.some((byte) => byte < 0x20 || byte > 0x7e)
          ? fieldsOf(content)
          : undefined;
      return inner === undefined ? [Buffer.concat([name, content])] : [name, ...inner];
    });
  } catch {
    return undefined; // text, or bytes of another kind
  }
}

/** CBOR writes the length of a string before it; where the string is masked, its length is, too. */
function withoutHeads(text: string): string {
  return text.startsWith('\xd9\xd9\xf7')
    ? text.replace(
        /[\x59\x79][^]{2}(?=<(?:url|base64) )|[\x5a\x7a][^]{4}(?=<(?:url|base64) )|[\x5b\x7b][^]{8}(?=<(?:url|base64) )/g,
        '<length>',
      )
    : text;
}
