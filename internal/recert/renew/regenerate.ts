import { hex } from '../../pki/der.ts';
import type { KeyShape, PrivateKey } from '../../pki/keys.ts';
import { resignJwt } from '../../pki/jwt.ts';
import type { AuthorityNames } from '../../pki/resign.ts';
import { renewedKeyId, resign } from '../../pki/resign.ts';
import { newSerial } from '../../pki/serial.ts';
import { expired, extended, type Validity } from '../../pki/validity.ts';
import type { Certificate } from '../../pki/certificate.ts';
import type { Crypto } from '../keys/signing.ts';
import type { Given } from './given.ts';
import type { CertificateNode, Graph, KeyNode, MissingAuthority, TokenNode } from './graph.ts';
import type { KeyPool } from '../keys/key-pool.ts';
import type { RenewOptions } from './options.ts';
import type { Owned } from './ownership.ts';

/** The new things, by the old ones they take the place of. */
export type Regenerated = {
  readonly keys: ReadonlyMap<KeyNode, PrivateKey>;
  readonly certificates: ReadonlyMap<CertificateNode, Certificate>;
  readonly tokens: ReadonlyMap<TokenNode, string>;
};

/** Shapes of the keys that have to be made: one for each key that is renewed and not given, one for each authority that is missing. */
export function keysNeeded(graph: Graph, owned: Owned, given: Given): KeyShape[] {
  return [
    ...[...owned.keys].filter((key) => !hasKey(key, given)).map((key) => key.public.shape),
    ...missingOf(graph, owned)
      .filter((authority) => !given.authorities.has(authority))
      .map(({ shape }) => shape),
  ];
}

/** A certificate that is replaced as it is brings its own public key, or a given one. */
function hasKey(key: KeyNode, given: Given): boolean {
  return (
    given.keys.has(key) ||
    (key.certificates.length > 0 &&
      key.tokens.length === 0 &&
      key.certificates.every((node) => given.certificates.has(node)))
  );
}

function missingOf(graph: Graph, owned: Owned): MissingAuthority[] {
  const needed = new Set(
    [...owned.certificates].flatMap(({ signer }) => (signer.by === 'missing' ? [signer.authority] : [])),
  );
  return graph.missing.filter((authority) => needed.has(authority));
}

/**
 * Makes everything anew. Keys come first, then what certificates are called (serial numbers and key identifiers), and with that
 * every signature can be made in any order: authorities that sign each other are no trouble.
 */
export async function regenerate(
  graph: Graph,
  owned: Owned,
  given: Given,
  options: RenewOptions,
  pool: KeyPool,
  crypto: Pick<Crypto, 'signerOf'>,
  onKeys: () => void,
): Promise<Regenerated> {
  const keys = await newKeys(owned, given, pool);
  const phantoms = new Map(
    await Promise.all(
      missingOf(graph, owned).map(
        async (authority) =>
          [authority, given.authorities.get(authority) ?? (await pool.take(authority.shape))] as const,
      ),
    ),
  );
  onKeys();
  const names = namesOf(owned, given, keys, options);
  const renewed = async (node: CertificateNode): Promise<Certificate> => {
    const replacement = given.certificates.get(node);
    if (replacement !== undefined) return replacement;
    const newKey = node.key === undefined ? undefined : keys.get(node.key);
    if (newKey === undefined) throw new Error('unreachable: a certificate of the cluster has a key');
    const { signer } = node;
    const signingKey =
      signer.by === 'key' ? keys.get(signer.key) : signer.by === 'missing' ? phantoms.get(signer.authority) : newKey;
    if (signingKey === undefined)
      throw new Error("unreachable: a signer of the cluster's own is renewed with what it signed");
    const above = signer.by === 'itself' ? node : signer.by === 'key' ? signer.certificate : undefined;
    const { certificate } = await resign(node.certificate, {
      newKey: newKey.public,
      signer: crypto.signerOf(signingKey),
      authority: above === undefined ? 'unknown' : (names.get(above) ?? 'unknown'),
      serial: names.get(node)?.serial ?? 'keep',
      validity: validityFor(node.certificate, options),
      rules: options.rules,
    });
    return certificate;
  };
  const [certificates, tokens] = await Promise.all([
    Promise.all([...owned.certificates].map(async (node) => [node, await renewed(node)] as const)),
    Promise.all([...owned.tokens].map(async (node) => [node, await resignedToken(node, keys, crypto)] as const)),
  ]);
  return { keys, certificates: new Map(certificates), tokens: new Map(tokens) };
}

async function newKeys(owned: Owned, given: Given, pool: KeyPool): Promise<Map<KeyNode, PrivateKey>> {
  const keys = await Promise.all(
    [...owned.keys].map(async (key) => {
      const own = given.keys.get(key);
      if (own !== undefined) return [[key, own] as const];
      return hasKey(key, given) ? [] : [[key, await pool.take(key.public.shape)] as const];
    }),
  );
  return new Map(keys.flat());
}

/** What each new certificate is called. Serial numbers are never used twice under one issuer. */
function namesOf(
  owned: Owned,
  given: Given,
  keys: ReadonlyMap<KeyNode, PrivateKey>,
  options: RenewOptions,
): Map<CertificateNode, AuthorityNames> {
  const taken = new Map<string, Set<string>>();
  const names = new Map<CertificateNode, AuthorityNames>();
  for (const node of owned.certificates) {
    const { certificate, key } = node;
    const replacement = given.certificates.get(node);
    const newKey = key === undefined ? undefined : keys.get(key);
    if (replacement !== undefined || newKey === undefined) {
      if (replacement !== undefined) names.set(node, replacement);
      continue;
    }
    const issuer = hex(certificate.issuer);
    const serials = taken.get(issuer) ?? new Set<string>();
    const serial = options.keepSerials ? certificate.serial : newSerial(certificate.serial, serials);
    serials.add(hex(serial));
    taken.set(issuer, serials);
    names.set(node, { subjectKeyId: renewedKeyId(certificate, newKey.public), serial });
  }
  return names;
}

function validityFor(certificate: Certificate, { validity, now }: RenewOptions): Validity | 'keep' {
  switch (validity) {
    case 'keep':
      return 'keep';
    case 'extend':
      return extended(certificate.validity, now);
    case 'expire':
      return expired(certificate.validity, now);
  }
}

/** The same claims under the new key. */
async function resignedToken(
  node: TokenNode,
  keys: ReadonlyMap<KeyNode, PrivateKey>,
  crypto: Pick<Crypto, 'signerOf'>,
): Promise<string> {
  const key = node.key === undefined ? undefined : keys.get(node.key);
  if (key === undefined)
    throw new Error('unreachable: a token of the cluster has a key, and a key that signs tokens is made anew');
  return resignJwt(node.jwt, crypto.signerOf(key));
}
