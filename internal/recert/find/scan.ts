import { placeText } from '../../edit/edit.ts';
import { digestOf, tlvAt, whole } from '../../pki/der.ts';
import type { Certificate } from '../../pki/certificate.ts';
import type { Jwt } from '../../pki/jwt.ts';
import type { PrivateForm, PrivateKey, PublicForm, PublicKey } from '../../pki/keys.ts';
import type { Material } from '../../pki/material.ts';
import { materialOf } from '../../pki/material.ts';
import type { Candidate, Tell } from './candidates.ts';
import { candidatesIn } from './candidates.ts';
import type { Document, Place } from '../document.ts';
import { documentName } from '../document.ts';
import type { Whose } from './scope.ts';

/** One place at which something was found. */
export type Sighting = { readonly place: Place; readonly whose: Whose; readonly tag: string };
export type CertificateSighting = Sighting & { readonly trailer: Uint8Array };
export type PrivateSighting = Sighting & { readonly form: PrivateForm };
export type PublicSighting = Sighting & { readonly form: PublicForm };

/** What was found, each thing once with all its places, in the order of documents. */
export type Findings = {
  /** By digest. */
  readonly certificates: ReadonlyMap<
    string,
    { readonly certificate: Certificate; readonly sightings: CertificateSighting[] }
  >;
  /** By identity of the public half. */
  readonly privateKeys: ReadonlyMap<string, { readonly key: PrivateKey; readonly sightings: PrivateSighting[] }>;
  readonly publicKeys: ReadonlyMap<string, { readonly key: PublicKey; readonly sightings: PublicSighting[] }>;
  /** By text. */
  readonly tokens: ReadonlyMap<string, { readonly jwt: Jwt; readonly sightings: Sighting[] }>;
  /** The documents in which something was found, by name. The others are forgotten while the scan goes on. */
  readonly documents: ReadonlyMap<string, Document>;
  readonly documentsRead: number;
};

/**
 * Looks through documents as they come. `external` says whether the certificate of a digest is somebody else's: those are most of a
 * cluster's certificates (every trust bundle holds 140) and are not even read.
 */
export async function scan(
  documents: AsyncIterable<Document> | Iterable<Document>,
  external: (digest: string) => boolean,
  tell: Tell,
): Promise<Findings> {
  const certificates = new Map<string, { certificate: Certificate; sightings: CertificateSighting[] }>();
  const privateKeys = new Map<string, { key: PrivateKey; sightings: PrivateSighting[] }>();
  const publicKeys = new Map<string, { key: PublicKey; sightings: PublicSighting[] }>();
  const tokens = new Map<string, { jwt: Jwt; sightings: Sighting[] }>();
  const kept = new Map<string, Document>();
  const read = materials();
  let documentsRead = 0;

  const note = (name: string, found: Candidate): boolean => {
    const place: Place = { document: name, field: found.field, within: found.within };
    if (found.is === 'jwt') {
      add(tokens, found.text, { jwt: found.jwt }, { place, whose: found.whose, tag: 'JWT' });
      return true;
    }
    const sighting = { place, whose: found.whose, tag: found.tag };
    const isCertificate = found.tag.endsWith('CERTIFICATE');
    const bare = isCertificate ? bareOf(found.der) : found.der;
    if (isCertificate && external(digestOf(bare))) return false;
    const material = read(found.tag, bare);
    switch (material.kind) {
      case 'certificate':
        add(
          certificates,
          material.certificate.digest,
          { certificate: material.certificate },
          { ...sighting, trailer: found.der.subarray(bare.length) },
        );
        return true;
      case 'private-key':
        add(privateKeys, material.key.public.id, { key: material.key }, { ...sighting, form: material.form });
        return true;
      case 'public-key':
        add(publicKeys, material.key.id, { key: material.key }, { ...sighting, form: material.form });
        return true;
      case 'unreadable':
        tell(
          `${name}${found.field.length === 0 ? '' : ` ${found.field.join('/')}`}, ${placeText(found.within)}, "${found.tag}" stays as it is: ${material.why}`,
        );
        return false;
      case 'other':
        return false;
    }
  };

  for await (const document of documents) {
    documentsRead += 1;
    const name = documentName(document);
    let interesting = false;
    for (const candidate of candidatesIn(document, tell)) interesting = note(name, candidate) || interesting;
    // A copy, because what etcd gave is a window on a page of megabytes.
    if (interesting) kept.set(name, { ...document, bytes: new Uint8Array(document.bytes) });
  }
  return { certificates, privateKeys, publicKeys, tokens, documents: kept, documentsRead };
}

function add<T extends object, S>(map: Map<string, T & { sightings: S[] }>, id: string, value: T, sighting: S): void {
  const known = map.get(id);
  if (known === undefined) map.set(id, { ...value, sightings: [sighting] });
  else known.sightings.push(sighting);
}

/** Reads each block once, however often it stands somewhere. */
function materials(): (tag: string, der: Uint8Array) => Material {
  const known = new Map<string, Material>();
  return (tag, der) => {
    const id = `${tag} ${digestOf(der)}`;
    const found = known.get(id) ?? materialOf(tag, der);
    known.set(id, found);
    return found;
  };
}

/** A certificate without OpenSSL's trust settings behind it. */
function bareOf(der: Uint8Array): Uint8Array {
  try {
    return whole(der, tlvAt(der));
  } catch {
    return der;
  }
}
