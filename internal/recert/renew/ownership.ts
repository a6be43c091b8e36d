import { rulesTouch } from '../../pki/resign.ts';
import type { NameRule } from '../../pki/names.ts';
import type { Tell } from '../find/candidates.ts';
import type { Place } from '../document.ts';
import type { Externals } from '../find/external.ts';
import type { CertificateNode, Graph, KeyNode, TokenNode } from './graph.ts';
import { isLostSigner } from './lost-signers.ts';
import type { Sighting } from '../find/scan.ts';

/** What is renewed. Everything else of the graph stays byte for byte. */
export type Owned = {
  readonly certificates: ReadonlySet<CertificateNode>;
  readonly keys: ReadonlySet<KeyNode>;
  readonly tokens: ReadonlySet<TokenNode>;
};

/**
 * Tells the cluster's own from other people's, by evidence: that a thing stands on the cluster says nothing of who made it.
 *
 * | thing       | is the cluster's own when                                                                                |
 * |-------------|-----------------------------------------------------------------------------------------------------------|
 * | certificate | the cluster can sign it again, with all that its key bears (see `canBeSignedAgain`)                         |
 * | private key | its certificates are, or it has none and stands in a place of the cluster                                    |
 * | public key  | its private half or a service account's token of it is here, or it is labelled or placed as such keys are     |
 * | token       | its key is the cluster's own                                                                               |
 *
 * Whatever follows from an external certificate is not: nobody here can sign it again, so neither it nor its key is touched.
 *
 * @param given common names for which a person gave a key or a certificate: such an authority is the cluster's by that person's word
 */
export function ownedIn(graph: Graph, externals: Externals, given: ReadonlySet<string>, tell: Tell): Owned {
  const foreign = foreignKeys(graph, externals);
  const certificates = new Set(graph.certificates.filter((node) => canBeSignedAgain(node, foreign, given)));
  // What hangs on something that goes, goes. Authorities that sign each other hold each other up.
  for (let before = -1; before !== certificates.size;) {
    before = certificates.size;
    for (const node of certificates) {
      if (isHeldUp(node, certificates)) continue;
      certificates.delete(node);
      // An authority that stays for what else its key bears would no longer follow from a renewed one: what is above stays with it.
      if (node.certificate.isCa && isShared(node, certificates) && node.signer.by === 'key')
        for (const above of node.signer.key.certificates) certificates.delete(above);
    }
  }

  const keys = new Set(
    [...graph.keys.values()].filter((key) => {
      if (foreign.has(key)) return false;
      if (key.certificates.length > 0) return key.certificates.some((node) => certificates.has(node));
      return (
        inCluster(key.privateSightings) ||
        (key.private === undefined &&
          inCluster(key.publicSightings) &&
          (key.tokens.some(isOfServiceAccount) || isServiceAccountKey(key, graph)))
      );
    }),
  );
  const tokens = new Set(graph.tokens.filter(({ key }) => key !== undefined && keys.has(key)));
  tellOfTheRest(graph, { certificates, keys, tokens }, tell);
  return { certificates, keys, tokens };
}

/**
 * Whether the cluster could sign a certificate again, as far as the certificate alone tells:
 *
 * | signed by                     | when                                                                                        |
 * |-------------------------------|---------------------------------------------------------------------------------------------|
 * | itself                        | its private half was read and it stands in a place of the cluster, or is given; a lost signer |
 * | a key of the cluster          | its private half was read, or it is an authority                                             |
 * | an authority that is not here | its private half was read, and the authority's is given, or it is a lost signer              |
 * | an external one               | never                                                                                       |
 *
 * A certificate that ends a chain is never given a new key when its old one was not read: whoever holds that could not use it any more.
 */
function canBeSignedAgain(node: CertificateNode, foreign: ReadonlySet<KeyNode>, given: ReadonlySet<string>): boolean {
  const { key, signer, sightings, certificate } = node;
  if (key === undefined || foreign.has(key)) return false;
  const isRead = key.private !== undefined;
  switch (signer.by) {
    case 'itself':
      if (isRead) return inCluster(sightings) || inCluster(key.privateSightings);
      return isGiven(certificate.commonNames, given) || isLostSigner(certificate.subject, sightings);
    case 'key':
      return isRead || certificate.isCa;
    case 'missing':
      return (
        isRead &&
        (isGiven(signer.authority.commonNames, given) ||
          isLostSigner(certificate.issuer, [...sightings, ...key.privateSightings]))
      );
    case 'external':
      return false;
  }
}

const isGiven = ([commonName, ...more]: readonly string[], given: ReadonlySet<string>): boolean =>
  commonName !== undefined && more.length === 0 && given.has(commonName);

/** Whether its key also bears a certificate that stays. */
const isShared = ({ key }: Pick<CertificateNode, 'key'>, renewed: ReadonlySet<CertificateNode>): boolean =>
  key?.certificates.some((other) => !renewed.has(other)) === true;

/** Whether its signer is renewed, too, and everything else that its key bears. */
function isHeldUp({ key, signer }: CertificateNode, renewed: ReadonlySet<CertificateNode>): boolean {
  if (isShared({ key }, renewed)) return false;
  if (signer.by !== 'key') return true;
  const { certificates, private: half, privateSightings } = signer.key;
  return certificates.length === 0
    ? half !== undefined && inCluster(privateSightings)
    : certificates.every((above) => renewed.has(above));
}

/** Keys under an external certificate, or under a certificate that follows from one. */
function foreignKeys(graph: Graph, externals: Externals): ReadonlySet<KeyNode> {
  const foreign = new Set<KeyNode>();
  const lonely = [...graph.keys.values()].some((key) => key.certificates.length === 0 && key.private !== undefined);
  const outside = new Set(lonely ? externals.certificates().map(({ publicKey }) => publicKey?.id) : []);
  for (const key of graph.keys.values()) if (outside.has(key.public.id)) foreign.add(key);
  for (let before = -1; before !== foreign.size;) {
    before = foreign.size;
    for (const { key, signer } of graph.certificates) {
      if (
        key !== undefined &&
        (signer.by === 'external' || (signer.by === 'key' && signer.key !== key && foreign.has(signer.key)))
      )
        foreign.add(key);
    }
  }
  return foreign;
}

/**
 * A public key without anything else: an old service-account key, trusted until its last token has gone. OpenShift labels those
 * `RSA PUBLIC KEY`, or puts them beside a key whose private half is here. Any other may be anybody's, say for image signatures.
 */
function isServiceAccountKey(key: KeyNode, graph: Graph): boolean {
  if (key.publicSightings.some(({ tag }) => tag === 'RSA PUBLIC KEY')) return true;
  const documents = new Set(key.publicSightings.map(({ place }) => place.document));
  return [...graph.keys.values()].some(
    (other) => other.private !== undefined && other.publicSightings.some(({ place }) => documents.has(place.document)),
  );
}

/** A token that a cluster made: a licence, say, is a token too, and its public key is its maker's. */
function isOfServiceAccount({ jwt }: TokenNode): boolean {
  return /"sub"\s*:\s*"system:serviceaccount:/.test(Buffer.from(jwt.payload, 'base64url').toString('utf8'));
}

function inCluster(sightings: readonly Sighting[]): boolean {
  return sightings.some(({ whose }) => whose === 'cluster');
}

function tellOfTheRest(graph: Graph, owned: Owned, tell: Tell): void {
  const at = (sightings: readonly { readonly place: Place }[]): string =>
    `${sightings[0]?.place.document ?? ''}${sightings.length > 1 ? ` and ${sightings.length - 1} more` : ''}`;
  for (const node of graph.certificates) {
    if (owned.certificates.has(node)) continue;
    tell(
      `the certificate "${node.certificate.subjectText}" (${at(node.sightings)}) ${whyLeft(node)} and stays as it is`,
    );
  }
  for (const key of graph.keys.values()) {
    if (owned.keys.has(key) || key.certificates.length > 0) continue;
    if (key.privateSightings.length > 0)
      tell(`a private key (${at(key.privateSightings)}) is not the cluster's own and stays as it is`);
    else tell(`a public key (${at(key.publicSightings)}) has no private half here and stays as it is`);
  }
  for (const token of graph.tokens)
    if (!owned.tokens.has(token))
      tell(`a token (${at(token.sightings)}) is signed by no key of the cluster and stays as it is`);
}

/** Why a certificate is not the cluster's to renew. */
function whyLeft({ key, signer, sightings, certificate }: CertificateNode): string {
  if (key === undefined) return 'has a key of a kind that is not handled';
  const lacksKey = key.private === undefined;
  switch (signer.by) {
    case 'external':
      return `is signed by the external "${signer.certificate.subjectText}"`;
    case 'missing':
      return `is signed by "${signer.authority.issuerText}", which is not on the cluster,`;
    case 'itself':
      if (lacksKey) return 'has no private key on the cluster';
      return inCluster(sightings) ? "shares its key with what is not the cluster's own" : "is not the cluster's own";
    case 'key':
      if (lacksKey && !certificate.isCa) return 'has no private key on the cluster';
      if (key.certificates.length > 1) return 'shares its key with a certificate that nobody here can sign again,';
      return `is signed by "${certificate.issuerText}", which nobody here can sign again,`;
  }
}

/**
 * Only what an address change touches: whole trees (certificates that share keys or signers) with at least one certificate that the
 * rules would change. Signing keys without certificates, and their tokens, are not touched.
 */
export function touchedBy(rules: readonly NameRule[], owned: Owned): Owned {
  const trees = new Map<string, string>();
  const top = (id: string): string => {
    const above = trees.get(id) ?? id;
    return above === id ? id : top(above);
  };
  const join = (one: string, other: string): void => {
    trees.set(top(one), top(other));
  };
  for (const { key, signer } of owned.certificates) {
    if (key === undefined) continue;
    if (signer.by === 'key') join(key.public.id, signer.key.public.id);
    if (signer.by === 'missing') join(key.public.id, signer.authority.id);
  }
  const touched = new Set(
    [...owned.certificates]
      .filter(({ certificate }) => rulesTouch(certificate, rules))
      .map(({ key }) => top(key?.public.id ?? '')),
  );
  const kept = (key: KeyNode | undefined): boolean =>
    key !== undefined && key.certificates.length > 0 && touched.has(top(key.public.id));
  return {
    certificates: new Set([...owned.certificates].filter(({ key }) => kept(key))),
    keys: new Set([...owned.keys].filter(kept)),
    tokens: new Set([...owned.tokens].filter(({ key }) => kept(key))),
  };
}
