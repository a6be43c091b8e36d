import type { Certificate } from '../../pki/certificate.ts';
import { signatureOf, signerShapeOf } from '../../pki/chain.ts';
import { hex, sameBytes } from '../../pki/der.ts';
import type { Jwt } from '../../pki/jwt.ts';
import { isJwtSignedBy } from '../../pki/jwt.ts';
import type { KeyShape, PrivateKey, PublicKey } from '../../pki/keys.ts';
import { commonNamesOf } from '../../pki/names.ts';
import type { Externals } from '../find/external.ts';
import type { CertificateSighting, Findings, PrivateSighting, PublicSighting, Sighting } from '../find/scan.ts';

/** One key pair, whatever the cluster has of it: the private half, the public half, certificates. */
export type KeyNode = {
  readonly public: PublicKey;
  readonly private: PrivateKey | undefined;
  readonly privateSightings: readonly PrivateSighting[];
  readonly publicSightings: readonly PublicSighting[];
  readonly certificates: readonly CertificateNode[];
  readonly tokens: readonly TokenNode[];
};

export type CertificateNode = {
  readonly certificate: Certificate;
  readonly sightings: readonly CertificateSighting[];
  /** Undefined for a key of a kind that is not handled. */
  readonly key: KeyNode | undefined;
  readonly signer: SignedBy;
};

/** Who made a signature. Names and dates have no say in it, only the signature has. */
export type SignedBy =
  | { readonly by: 'itself' }
  /** A key of the cluster; `certificate` is the one that the signed certificate means, if there is one. */
  | { readonly by: 'key'; readonly key: KeyNode; readonly certificate: CertificateNode | undefined }
  | { readonly by: 'external'; readonly certificate: Certificate }
  | { readonly by: 'missing'; readonly authority: MissingAuthority };

/** An authority of which the cluster has nothing but what it signed: one for each issuer and key identifier. */
export type MissingAuthority = {
  readonly id: string;
  readonly issuerText: string;
  readonly commonNames: readonly string[];
  readonly shape: KeyShape;
};

export type TokenNode = {
  readonly text: string;
  readonly jwt: Jwt;
  readonly sightings: readonly Sighting[];
  readonly key: KeyNode | undefined;
};

export type Graph = {
  readonly certificates: readonly CertificateNode[];
  /** By identity. */
  readonly keys: ReadonlyMap<string, KeyNode>;
  readonly tokens: readonly TokenNode[];
  readonly missing: readonly MissingAuthority[];
};

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };
type GrowingKey = Omit<KeyNode, 'certificates' | 'tokens'> & {
  readonly certificates: CertificateNode[];
  readonly tokens: TokenNode[];
};

/** Joins what was found: pairs by key, chains and tokens by signature. */
export function graphOf(findings: Findings, externals: Externals): Graph {
  const keys = keysOf(findings);
  const certificates = [...findings.certificates.values()].map(
    ({ certificate, sightings }): Mutable<CertificateNode> => {
      const key = certificate.publicKey === undefined ? undefined : keys.get(certificate.publicKey.id);
      return { certificate, sightings, key, signer: { by: 'itself' } };
    },
  );
  for (const node of certificates) if (node.key !== undefined) keys.get(node.key.public.id)?.certificates.push(node);
  const search = signerSearch(certificates, keys, externals);
  for (const node of certificates) node.signer = search.signerOf(node);
  const tokens = tokensOf(findings, keys);
  return { certificates, keys, tokens, missing: search.missing() };
}

function keysOf(findings: Findings): Map<string, GrowingKey> {
  const keys = new Map<string, GrowingKey>();
  const publics: PublicKey[] = [
    ...[...findings.privateKeys.values()].map(({ key }) => key.public),
    ...[...findings.publicKeys.values()].map(({ key }) => key),
    ...[...findings.certificates.values()].flatMap(({ certificate }) =>
      certificate.publicKey === undefined ? [] : [certificate.publicKey],
    ),
  ];
  for (const one of publics) {
    if (keys.has(one.id)) continue;
    const half = findings.privateKeys.get(one.id);
    keys.set(one.id, {
      public: one,
      private: half?.key,
      privateSightings: half?.sightings ?? [],
      publicSightings: findings.publicKeys.get(one.id)?.sightings ?? [],
      certificates: [],
      tokens: [],
    });
  }
  return keys;
}

/**
 * Finds signers. Checking a signature costs 50 µs and there are n² of them, so those are asked first whose key identifier or name
 * the certificate gives for its issuer; that is one check for nearly every certificate. All others are asked only when these fail,
 * once for each authority that nobody knows.
 */
function signerSearch(
  certificates: readonly CertificateNode[],
  keys: ReadonlyMap<string, KeyNode>,
  externals: Externals,
): { readonly signerOf: (node: CertificateNode) => SignedBy; readonly missing: () => MissingAuthority[] } {
  const byKeyId = Map.groupBy(certificates, ({ certificate }) =>
    certificate.subjectKeyId === undefined ? '' : hex(certificate.subjectKeyId),
  );
  const byName = Map.groupBy(certificates, ({ certificate }) => hex(certificate.subject));
  const missing = new Map<string, MissingAuthority>();

  const signerOf = ({ certificate, key: own }: CertificateNode): SignedBy => {
    const signs = signatureOf(certificate);
    if (certificate.selfIssued && own !== undefined && signs(own.public)) return { by: 'itself' };
    const keyId = certificate.authorityKeyId === undefined ? undefined : hex(certificate.authorityKeyId);
    const likely = new Set(
      [
        ...(keyId === undefined ? [] : (byKeyId.get(keyId) ?? [])),
        ...(byName.get(hex(certificate.issuer)) ?? []),
      ].flatMap(({ key }) => (key === undefined ? [] : [key])),
    );
    for (const key of likely) if (signs(key.public)) return { by: 'key', key, certificate: meant(certificate, key) };

    const authority = `${hex(certificate.issuer)} ${keyId ?? ''}`;
    const known = missing.get(authority);
    if (known !== undefined) return { by: 'missing', authority: known };
    const outside = externals
      .certificates()
      .find(
        (other) =>
          other.publicKey !== undefined &&
          (sameBytes(other.subject, certificate.issuer) ||
            (other.subjectKeyId !== undefined && hex(other.subjectKeyId) === keyId)) &&
          signs(other.publicKey),
      );
    if (outside !== undefined) return { by: 'external', certificate: outside };
    for (const key of keys.values())
      if (!likely.has(key) && mayHaveSigned(key.public, certificate) && signs(key.public))
        return { by: 'key', key, certificate: meant(certificate, key) };

    const fresh: MissingAuthority = {
      id: authority,
      issuerText: certificate.issuerText,
      commonNames: commonNamesOf(certificate.issuer),
      shape: signerShapeOf(certificate),
    };
    missing.set(authority, fresh);
    return { by: 'missing', authority: fresh };
  };
  return { signerOf, missing: () => [...missing.values()] };
}

function mayHaveSigned(key: PublicKey, certificate: Certificate): boolean {
  const shape = signerShapeOf(certificate);
  // A curve is only guessed from the hash, the length of an RSA key is read off the signature.
  return (
    key.shape.type === shape.type && (key.shape.type !== 'rsa' || shape.type !== 'rsa' || key.shape.bits === shape.bits)
  );
}

/** Which certificate of the signing key is meant, for an authority key identifier. Several when an authority was cross-signed. */
function meant(certificate: Certificate, key: KeyNode): CertificateNode | undefined {
  const fit = ({ certificate: candidate }: CertificateNode): number =>
    (sameBytes(candidate.subject, certificate.issuer) ? 4 : 0) +
    (candidate.subjectKeyId !== undefined &&
    certificate.authorityKeyId !== undefined &&
    sameBytes(candidate.subjectKeyId, certificate.authorityKeyId)
      ? 2
      : 0) +
    (certificate.authoritySerial !== undefined && sameBytes(candidate.serial, certificate.authoritySerial) ? 1 : 0);
  const [best] = key.certificates
    .map((node) => ({ node, fit: fit(node) }))
    .filter((one) => one.fit > 1)
    .toSorted((one, other) => other.fit - one.fit);
  return best?.node;
}

/** Tokens name their key by its digest as a rule. Those that do not are asked of every key, signing keys without certificate first. */
function tokensOf(findings: Findings, keys: ReadonlyMap<string, GrowingKey>): TokenNode[] {
  const order = [...keys.values()].toSorted((one, other) => one.certificates.length - other.certificates.length);
  const unknown = new Set<string>();
  let last: GrowingKey | undefined;
  return [...findings.tokens].map(([text, { jwt, sightings }]) => {
    const named = jwt.kid === undefined ? undefined : keys.get(Buffer.from(jwt.kid, 'base64url').toString('hex'));
    const signs = (key: GrowingKey | undefined): boolean => key !== undefined && isJwtSignedBy(jwt, key.public);
    let key = signs(named) ? named : signs(last) ? last : undefined;
    if (key === undefined && !unknown.has(jwt.kid ?? '')) {
      key = order.find((candidate) => signs(candidate));
      if (key === undefined && jwt.kid !== undefined) unknown.add(jwt.kid);
    }
    last = key ?? last;
    const node: TokenNode = { text, jwt, sightings, key };
    key?.tokens.push(node);
    return node;
  });
}
