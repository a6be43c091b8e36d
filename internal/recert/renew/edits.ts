import type { Certificate } from '../../pki/certificate.ts';
import { writePrivateKey, writePublicKey } from '../../pki/keys.ts';
import { fieldAt, openStored } from '../../wire/wire.ts';
import type { Document, Edit, Place } from '../document.ts';
import type { CertificateNode, Graph, KeyNode } from './graph.ts';
import type { Owned } from './ownership.ts';
import type { Regenerated } from './regenerate.ts';

/** The plan: every new thing at every place of the old one, in the form that was found there, and the dates that stand beside. */
export function editsOf(
  graph: Graph,
  owned: Owned,
  made: Regenerated,
  documents: ReadonlyMap<string, Document>,
): Edit[] {
  const edits: Edit[] = [];
  for (const [node, certificate] of made.certificates) {
    if (certificate.digest === node.certificate.digest) continue;
    for (const { place, trailer } of node.sightings)
      edits.push({
        place,
        value: new Uint8Array(Buffer.concat([certificate.der, trailer])),
        reason: `certificate "${nameOf(certificate)}" ${signedText(node, made)}`,
      });
  }
  for (const key of owned.keys) {
    const fresh = made.keys.get(key);
    const half = fresh?.public ?? replacedKeyOf(key, made);
    if (half === undefined || half.id === key.public.id) continue;
    const whose = keyText(key);
    if (fresh !== undefined)
      for (const { place, form } of key.privateSightings)
        edits.push({ place, value: writePrivateKey(fresh, form), reason: `private key ${whose}` });
    for (const { place, form } of key.publicSightings)
      edits.push({ place, value: writePublicKey(half, form), reason: `public key ${whose}` });
  }
  for (const [node, text] of made.tokens) {
    if (text === node.text) continue;
    for (const { place } of node.sightings)
      edits.push({ place, value: new TextEncoder().encode(text), reason: `token ${subjectOf(node.jwt.payload)}` });
  }
  edits.push(...datesOf(graph, made, documents));
  return inOrder(edits, documents);
}

/** Where a certificate was given without its key, the public half stands elsewhere all the same. */
function replacedKeyOf(key: KeyNode, made: Regenerated): Certificate['publicKey'] {
  const [node] = key.certificates;
  return node === undefined ? undefined : made.certificates.get(node)?.publicKey;
}

/**
 * `certificate-not-before` and `-not-after`, by which operators decide to rotate, follow the leaf: the first certificate of `tls.crt`,
 * or of the object. Only where they stand already.
 */
function datesOf(graph: Graph, made: Regenerated, documents: ReadonlyMap<string, Document>): Edit[] {
  const leaves = new Map<string, { readonly node: CertificateNode; readonly place: Place }>();
  for (const node of graph.certificates) {
    for (const { place } of node.sightings) {
      const known = leaves.get(place.document);
      if (known === undefined || standing(node, place) < standing(known.node, known.place))
        leaves.set(place.document, { node, place });
    }
  }
  return [...leaves].flatMap(([name, { node }]): Edit[] => {
    const fresh = made.certificates.get(node);
    const document = documents.get(name);
    if (fresh === undefined || document?.in !== 'etcd') return [];
    const stored = openStored(document.bytes);
    return (['notBefore', 'notAfter'] as const).flatMap((bound): Edit[] => {
      const field = [
        'metadata',
        'annotations',
        `auth.openshift.io/certificate-${bound === 'notBefore' ? 'not-before' : 'not-after'}`,
      ];
      const found = stored === undefined ? undefined : fieldAt(stored, field);
      const text = dateText(fresh.validity[bound]);
      if (found?.type !== 'text' || fresh.validity[bound].getTime() === node.certificate.validity[bound].getTime())
        return [];
      return [
        {
          place: { document: name, field, within: [] },
          value: new TextEncoder().encode(text),
          reason: `${bound === 'notBefore' ? 'not-before' : 'not-after'} of "${nameOf(fresh)}"`,
        },
      ];
    });
  });
}

/**
 * Smaller is nearer to being the leaf: `tls.crt` holds it first; elsewhere an authority is none while there is another, and a
 * kubeconfig, which carries both, names the authority first.
 */
function standing({ certificate }: CertificateNode, { field, within }: Place): number {
  const last = within.at(-1);
  const index = last?.in === 'pem' ? last.index : 0;
  if (field[0] === 'data' && field[1] === 'tls.crt') return index;
  return index + 1_000_000 + (certificate.isCa ? 1_000_000_000 : 0) + (within.length > 1 ? 1_000_000_000_000 : 0);
}

/** RFC 3339 with seconds, as Go writes it. */
function dateText(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

export function nameOf(certificate: Certificate): string {
  return certificate.subjectText === '' ? 'no name' : certificate.subjectText;
}

function signedText({ signer, certificate }: CertificateNode, made: Regenerated): string {
  switch (signer.by) {
    case 'itself':
      return 'signed by itself';
    case 'key': {
      const above = signer.certificate === undefined ? undefined : made.certificates.get(signer.certificate);
      return `signed by "${above === undefined ? certificate.issuerText : nameOf(above)}"`;
    }
    case 'missing':
      return `signed in the name of "${signer.authority.issuerText}", which is not on the cluster`;
    case 'external':
      return 'left as it is';
  }
}

function keyText(key: KeyNode): string {
  const [node] = key.certificates;
  if (node !== undefined) return `of "${nameOf(node.certificate)}"`;
  return key.tokens.length === 0
    ? 'without certificate'
    : `of ${key.tokens.length} ${key.tokens.length === 1 ? 'token' : 'tokens'}`;
}

/** Who a token is for: a name, no secret. */
function subjectOf(payload: string): string {
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  const subject = typeof claims === 'object' && claims !== null && 'sub' in claims ? claims.sub : undefined;
  return typeof subject === 'string' ? `of "${subject}"` : 'without subject';
}

/** In the order of documents, so that a plan reads as the cluster is read. */
function inOrder(edits: readonly Edit[], documents: ReadonlyMap<string, Document>): Edit[] {
  const rank = new Map([...documents.keys()].map((name, index) => [name, index]));
  return edits.toSorted((one, other) => (rank.get(one.place.document) ?? 0) - (rank.get(other.place.document) ?? 0));
}
