import type { Certificate } from '../../pki/certificate.ts';
import { ipText } from '../../pki/ip-bytes.ts';
import type { PrivateKey, PublicKey } from '../../pki/keys.ts';
import { writePrivateKey } from '../../pki/keys.ts';
import type { CertificateRecord, KeyRecord, RenewalRecord, TokenRecord } from '../renew/record.ts';
import type { Locations } from './report-places.ts';
import { locationsOf } from './report-places.ts';

export type Variant = 'full' | 'clean';

/** What stands in place of a secret. */
export const redacted = '<redacted>';

/** The graph in the shape of the reference's summary (internal/recert/README.md). An orphan stands among the roots; the reference leaves it out. */
export function cryptoSummary({ certificates, keys, tokens }: RenewalRecord, variant: Variant): object {
  const jwtsOf = new Map(
    [...Map.groupBy(tokens, ({ signer }) => signer ?? '')].map(([signer, group]) => [
      signer,
      group.map((one) => jwtEntry(one, variant)),
    ]),
  );
  const keyOf = new Map(keys.map((key) => [key.public.id, key]));
  const signees = Map.groupBy(certificates, ({ signer, before }) => (signer === before.digest ? '' : (signer ?? '')));
  const paired = new Set(certificates.map(({ before }) => before.publicKey?.id));

  const pair = (record: CertificateRecord, above: ReadonlySet<string>): object => {
    const id = record.before.publicKey?.id ?? '';
    const key = keyOf.get(id);
    const seen = new Set([...above, record.before.digest]);
    return {
      pair_private_key: key === undefined || key.privatePlaces.length === 0 ? null : privateEntry(key, [], variant),
      pair_cert: {
        certificate: certificateEntry(record.before),
        certificate_regenerated: record.after === undefined ? null : certificateEntry(record.after),
        locations: locationsOf(record.places),
      },
      // Authorities that sign each other would go on for ever.
      signees: [
        ...(signees.get(record.before.digest) ?? [])
          .filter(({ before }) => !seen.has(before.digest))
          .map((one) => pair(one, seen)),
        ...(jwtsOf.get(id) ?? []),
      ],
      associated_public_key: key === undefined || key.publicPlaces.length === 0 ? null : publicEntry(key, true),
    };
  };
  return {
    standalone_private_keys: keys
      .filter((key) => key.privatePlaces.length > 0 && !paired.has(key.public.id))
      .map((key) => privateEntry(key, jwtsOf.get(key.public.id) ?? [], variant)),
    standalone_public_keys: keys
      .filter(({ publicPlaces }) => publicPlaces.length > 0)
      .map((key) => publicEntry(key, key.privatePlaces.length > 0 || paired.has(key.public.id))),
    cert_key_pairs: rootsOf(certificates).map((record) => pair(record, new Set())),
  };
}

/** Certificates from which all others are reached: those nobody of the cluster signed, and one of each circle of authorities. */
function rootsOf(certificates: readonly CertificateRecord[]): CertificateRecord[] {
  const roots = certificates.filter(({ signer, before }) => signer === undefined || signer === before.digest);
  const signees = Map.groupBy(certificates, ({ signer }) => signer);
  const reached = new Set<CertificateRecord>();
  const reach = (record: CertificateRecord): void => {
    if (reached.has(record)) return;
    reached.add(record);
    for (const below of signees.get(record.before.digest) ?? []) reach(below);
  };
  for (const root of roots) reach(root);
  const circles = certificates.filter((record) => {
    if (reached.has(record)) return false;
    reach(record);
    return true;
  });
  return [...roots, ...circles];
}

function privateEntry(key: KeyRecord, jwts: readonly object[], variant: Variant): object {
  return {
    key: privateText(key.private, variant),
    key_regenerated: privateText(key.privateAfter, variant),
    locations: locationsOf(key.privatePlaces),
    signees: jwts,
    associated_distributed_public_key: key.publicPlaces.length === 0 ? null : publicEntry(key, true),
  };
}

function publicEntry(
  key: KeyRecord,
  associated: boolean,
): {
  readonly key: string;
  readonly key_regenerated: string | null;
  readonly locations: Locations;
  readonly associated: boolean;
} {
  return {
    key: publicText(key.public),
    key_regenerated: key.publicAfter === undefined ? null : publicText(key.publicAfter),
    locations: locationsOf(key.publicPlaces),
    associated,
  };
}

function jwtEntry({ before, after, places }: TokenRecord, variant: Variant): object {
  const shown = (text: string | undefined): string | null =>
    text === undefined ? null : variant === 'clean' ? redacted : text;
  return { jwt: shown(before), jwt_regenerated: shown(after), locations: locationsOf(places) };
}

function certificateEntry(certificate: Certificate): object {
  return {
    issuer: certificate.issuerText,
    subject: certificate.subjectText,
    validity_start: timeText(certificate.validity.notBefore),
    validity_end: timeText(certificate.validity.notAfter),
    sans: [...certificate.dnsNames, ...certificate.ipAddresses.map(ipText)],
    pem: Buffer.from(pemText('CERTIFICATE', certificate.der, '\r\n')).toString('base64'),
  };
}

/** `250101000000Z`, and four digits of a year that two cannot tell. */
function timeText(time: Date): string {
  const digits = time.toISOString().replace(/[-:T]|\.\d+/g, '');
  return time.getUTCFullYear() < 2050 ? digits.slice(2) : digits;
}

function privateText(key: PrivateKey | undefined, variant: Variant): string | null {
  if (key === undefined) return null;
  return variant === 'clean'
    ? redacted
    : Buffer.from(pemText('PRIVATE KEY', writePrivateKey(key, 'pkcs8'), '\n')).toString('base64');
}

function publicText(key: PublicKey): string {
  return Buffer.from(pemText('PUBLIC KEY', key.spki, '\n')).toString('base64');
}

export function pemText(tag: string, der: Uint8Array, eol: string): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${tag}-----`, ...lines, `-----END ${tag}-----`, ''].join(eol);
}
