import { gunzipSync } from 'node:zlib';
import { digestOf, tlvAt, whole } from '../../pki/der.ts';
import type { EtcdReader, Replacement } from '../document.ts';
import type { RenewalRecord } from './record.ts';

/**
 * Certificates of the cluster that somebody has pasted where nobody looks for them: the bundle of a custom resource, the values of a Helm
 * release, an annotation of what was last applied. They are not touched, since nobody knows who reads them; each object that still holds
 * an old one is told, once.
 *
 * They are known by the digest of their DER, whatever stands around it: PEM of any width, base64 in one line or in several, with line
 * ends escaped for JSON or for a URL, base64 of any of these, gzip, DER as it is.
 */
export async function pastedIn(
  etcd: EtcdReader,
  replacements: readonly Replacement[],
  { certificates }: RenewalRecord,
): Promise<string[]> {
  const old = new Map(
    certificates.flatMap(({ before, after }) =>
      after === undefined || after.digest === before.digest ? [] : [[before.digest, before.subjectText] as const],
    ),
  );
  if (old.size === 0) return [];
  const changed = new Map(
    replacements.flatMap((one) =>
      one.kind === 'changed' && one.document.in === 'etcd' ? [[one.document.key, one.after] as const] : [],
    ),
  );
  const facts: string[] = [];
  for await (const { key, value } of etcd.list('/')) {
    const found = new Set(certificateDigestsIn(changed.get(key) ?? value).filter((digest) => old.has(digest)));
    const [first, ...more] = [...found].map((digest) => `"${old.get(digest) ?? ''}"`);
    if (first === undefined) continue;
    facts.push(
      `etcd:${key} still holds the old certificate ${first}${more.length === 0 ? '' : ` and ${more.length} more`}, where it is not renewed; who put it there has to put the new one`,
    );
  }
  return facts;
}

/** What nothing without a certificate in it holds: PEM, the begin of DER in base64, either of them in base64 once more, gzip in base64. */
const signs = [
  '-----BEGIN ',
  'MII',
  'LS0tLS1CRUdJTi',
  '0tLS0tQkVHSU4',
  'tLS0tLUJFR0lO',
  'TUlJ',
  'TFMwdExT',
  '1JS',
  'NSU',
  'H4sI',
  'SDRzS',
];

/** Deeper than this nothing sensible is wrapped. */
const deepest = 4;
const mostInflated = 64 * 1024 * 1024;

/** Digests of everything in some bytes that may be a certificate, in text or packed. */
export function certificateDigestsIn(bytes: Uint8Array, depth = 0): string[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const digests = [...rawIn(view), ...inflatedIn(view, depth)];
  if (!signs.some((sign) => view.includes(sign, 0, 'latin1'))) return digests;
  // Line ends as they stand in JSON texts, and JSON in JSON; and what stands in a URL.
  const text = view
    .toString('latin1')
    .replaceAll(/\\+[rn]/g, '\n')
    .replaceAll(/%(?:0D%)?0A/gi, '\n')
    .replaceAll(/%2B/gi, '+')
    .replaceAll(/%2F/gi, '/')
    .replaceAll(/%20/g, ' ');
  for (const [run] of text.matchAll(base64Run)) {
    const inner = Buffer.from(run.replaceAll(/\s+/g, ''), 'base64');
    if (inner[0] === 0x30) digests.push(...certificateAt(inner));
    else if (depth < deepest) digests.push(...certificateDigestsIn(inner, depth + 1));
  }
  return digests;
}

/** At least as much as the smallest certificate; lines of one block belong together. */
const base64Run = /[A-Za-z0-9+/]{40,}(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/]+)*={0,2}/g;

function certificateAt(bytes: Uint8Array): string[] {
  try {
    return [digestOf(whole(bytes, tlvAt(bytes)))];
  } catch {
    return [];
  }
}

/** DER as it is: an outer and an inner sequence of a certificate's size, in a value that holds bytes. */
function rawIn(view: Buffer): string[] {
  const digests: string[] = [];
  for (let at = view.indexOf(sequence); at >= 0; at = view.indexOf(sequence, at + 1)) {
    const length = view.length - at < 8 ? 0 : view.readUInt16BE(at + 2) + 4;
    if (length > 64 && length <= view.length - at && view[at + 4] === 0x30 && view[at + 5] === 0x82)
      digests.push(...certificateAt(view.subarray(at, at + length)));
  }
  return digests;
}

const sequence = Buffer.from([0x30, 0x82]);
const gzip = Buffer.from([0x1f, 0x8b, 0x08]);

function inflatedIn(view: Buffer, depth: number): string[] {
  const at = view.indexOf(gzip);
  if (at < 0 || depth >= deepest) return [];
  try {
    return certificateDigestsIn(gunzipSync(view.subarray(at), { maxOutputLength: mostInflated }), depth + 1);
  } catch {
    return []; // not gzip after all, followed by something else, or too large to be looked through
  }
}
