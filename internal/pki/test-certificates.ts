import type { Certificate } from './certificate.ts';
import { readCertificate } from './certificate.ts';
import { tags, tlv } from './der.ts';
import { ipBytes } from './ip-bytes.ts';
import type { KeyIdMethod } from './key-identifier.ts';
import { keyIdOf } from './key-identifier.ts';
import type { PrivateKey } from './keys.ts';
import { signatureAlgorithmFor } from './signature-algorithm.ts';
import { nodeSigner } from './signer.ts';
import { validityDer } from './validity.ts';

/** Certificates made from nothing, in the forms that clusters hold and in odd ones. For tests. */

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const raw = (hexText: string): Uint8Array => new Uint8Array(Buffer.from(hexText, 'hex'));

/** A name of attributes in their order: `[['550403', 'cn'], …]`; PrintableString where Go writes one. */
export function makeName(attributes: readonly (readonly [oid: string, text: string, tag?: number])[]): Uint8Array {
  return tlv(
    tags.sequence,
    ...attributes.map(([oid, text, tag]) =>
      tlv(
        tags.set,
        tlv(
          tags.sequence,
          tlv(tags.oid, raw(oid)),
          tlv(tag ?? (/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? tags.printableString : tags.utf8String), utf8(text)),
        ),
      ),
    ),
  );
}

export const cn = (text: string): Uint8Array => makeName([['550403', text]]);

export function makeExtension(oid: string, value: Uint8Array, critical?: boolean): Uint8Array {
  const flag = critical === undefined ? [] : [tlv(tags.boolean, Uint8Array.of(critical ? 0xff : 0))];
  return tlv(tags.sequence, tlv(tags.oid, raw(oid)), ...flag, tlv(tags.octetString, value));
}

export const extension = {
  basicConstraints: (isCa: boolean) =>
    makeExtension('551d13', tlv(tags.sequence, ...(isCa ? [tlv(tags.boolean, Uint8Array.of(0xff))] : [])), true),
  keyUsage: (bits: number) =>
    makeExtension('551d0f', tlv(tags.bitString, Uint8Array.of(bits & 0x1f ? 0 : 5, bits)), true),
  extendedUsage: (server: boolean, client: boolean) =>
    makeExtension(
      '551d25',
      tlv(
        tags.sequence,
        ...(server ? [tlv(tags.oid, raw('2b06010505070301'))] : []),
        ...(client ? [tlv(tags.oid, raw('2b06010505070302'))] : []),
      ),
    ),
  subjectKeyId: (id: Uint8Array) => makeExtension('551d0e', tlv(tags.octetString, id)),
  authorityKeyId: (id: Uint8Array | undefined, issuer?: Uint8Array, serial?: Uint8Array) =>
    makeExtension(
      '551d23',
      tlv(
        tags.sequence,
        ...(id === undefined ? [] : [tlv(0x80, id)]),
        ...(issuer === undefined ? [] : [tlv(0xa1, tlv(0xa4, issuer))]),
        ...(serial === undefined ? [] : [tlv(0x82, serial)]),
      ),
    ),
  altNames: (dns: readonly string[], ips: readonly string[] = []) =>
    makeExtension(
      '551d11',
      tlv(
        tags.sequence,
        ...dns.map((name) => tlv(0x82, utf8(name))),
        ...ips.map((ip) => tlv(0x87, ipBytes(ip) ?? new Uint8Array())),
      ),
    ),
} as const;

export type Recipe = {
  readonly subject: Uint8Array;
  readonly key: PrivateKey;
  /** The issuer's certificate and key; the certificate itself when left out. */
  readonly by?: { readonly certificate: Certificate; readonly key: PrivateKey };
  readonly serial?: Uint8Array;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly signatureOid?: string;
  /** SKI and AKI by this method; neither when left out. */
  readonly keyIds?: KeyIdMethod;
  readonly extensions?: readonly Uint8Array[];
};

export async function makeCertificate(recipe: Recipe): Promise<Certificate> {
  const signer = nodeSigner(recipe.by?.key ?? recipe.key);
  const algorithm = signatureAlgorithmFor(signer.publicKey.shape, recipe.signatureOid ?? '');
  const ids =
    recipe.keyIds === undefined
      ? []
      : [
          extension.subjectKeyId(keyIdOf(recipe.key.public, recipe.keyIds)),
          extension.authorityKeyId(
            recipe.by === undefined ? keyIdOf(recipe.key.public, recipe.keyIds) : recipe.by.certificate.subjectKeyId,
          ),
        ];
  const extensions = [...(recipe.extensions ?? []), ...ids];
  const tbs = tlv(
    tags.sequence,
    ...(extensions.length === 0 ? [] : [tlv(0xa0, tlv(tags.integer, Uint8Array.of(2)))]),
    tlv(tags.integer, recipe.serial ?? raw('3a0b0c0d0e0f1011')),
    algorithm.der,
    recipe.by?.certificate.subject ?? recipe.subject,
    validityDer({
      notBefore: recipe.notBefore ?? new Date('2026-01-01T00:00:00Z'),
      notAfter: recipe.notAfter ?? new Date('2036-01-01T00:00:00Z'),
    }),
    recipe.subject,
    recipe.key.public.spki,
    ...(extensions.length === 0 ? [] : [tlv(0xa3, tlv(tags.sequence, ...extensions))]),
  );
  const signature = await signer.sign(tbs, algorithm.hash);
  return readCertificate(tlv(tags.sequence, tbs, algorithm.der, tlv(tags.bitString, Uint8Array.of(0), signature)));
}
