import { chainFaultsOf, isSignedBy } from '../../pki/chain.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { constraintFaultsOf, nameConstraintsOf } from '../../pki/name-constraints.ts';
import { isJwtSignedBy, kidOf } from '../../pki/jwt.ts';
import type { Jwt } from '../../pki/jwt.ts';
import type { PublicKey } from '../../pki/keys.ts';
import { placeName } from '../document.ts';
import type { Document, Edit, Place } from '../document.ts';
import { outsideFaults } from './check-outside.ts';
import type { CertificateNode, KeyNode } from './graph.ts';
import type { Owned } from './ownership.ts';
import type { Findings } from '../find/scan.ts';
import { scan } from '../find/scan.ts';

/** What the check is told: the documents, what stood in them, and what a person gave. Nothing of what the regenerator made. */
export type CheckInput = {
  readonly before: ReadonlyMap<string, Document>;
  /** The same documents with all edits laid over. */
  readonly after: ReadonlyMap<string, Document>;
  readonly edits: readonly Edit[];
  readonly owned: Owned;
  readonly external: (digest: string) => boolean;
  /** Identities of given keys and digests of given certificates: those may be old ones. */
  readonly given: ReadonlySet<string>;
};

/**
 * Looks at the documents with all edits laid over, as if they were a cluster found somewhere, and says what is wrong with it:
 *
 * * each thing stands in all its places, and is the same in all of them;
 * * what was signed by a key of the cluster is signed by what now stands in that key's places, and says so;
 * * nothing old is left in any place that was looked at;
 * * nothing else differs.
 *
 * Sentences, empty when all is well.
 */
export async function check(input: CheckInput): Promise<string[]> {
  const { before, after, owned } = input;
  const seen = await scan(after.values(), input.external, () => {
    /* told at the first reading */
  });
  const now = standingIn(seen);
  const faults: string[] = [];
  const fault = (text: string): void => {
    faults.push(text);
  };
  for (const node of owned.certificates) {
    checkCertificate(node, now, input.given, fault);
    checkConstraints(node, now, fault);
  }
  for (const key of owned.keys) checkKey(key, now, fault);
  for (const { jwt, sightings, key } of owned.tokens) {
    const signer = key === undefined ? undefined : publicHalf(key, now);
    for (const { place } of sightings) {
      const fresh = now.token(place);
      const where = placeName(place);
      if (fresh === undefined) fault(`no token stands at ${where}`);
      else if (fresh.payload !== jwt.payload) fault(`the claims of the token at ${where} differ`);
      else if (signer !== undefined && (!isJwtSignedBy(fresh, signer) || fresh.kid !== kidOf(signer)))
        fault(`the token at ${where} is not signed by the key it names`);
    }
  }
  leftOver(input, seen, fault);
  faults.push(...outsideFaults(before, after, input.edits));
  return faults;
}

/** What stands at a place now. */
type Standing = {
  readonly certificate: (place: Place) => Certificate | undefined;
  readonly privateKey: (place: Place) => PublicKey | undefined;
  readonly publicKey: (place: Place) => PublicKey | undefined;
  readonly token: (place: Place) => Jwt | undefined;
};

function standingIn(seen: Findings): Standing {
  const by = <T>(
    things: Iterable<{ readonly sightings: readonly { readonly place: Place }[] } & T>,
  ): ((place: Place) => T | undefined) => {
    const places = new Map<string, T>();
    for (const thing of things) for (const { place } of thing.sightings) places.set(JSON.stringify(place), thing);
    return (place) => places.get(JSON.stringify(place));
  };
  const [certificates, privates, publics, tokens] = [
    by(seen.certificates.values()),
    by(seen.privateKeys.values()),
    by(seen.publicKeys.values()),
    by(seen.tokens.values()),
  ];
  return {
    certificate: (place) => certificates(place)?.certificate,
    privateKey: (place) => privates(place)?.key.public,
    publicKey: (place) => publics(place)?.key,
    token: (place) => tokens(place)?.jwt,
  };
}

function checkCertificate(
  node: CertificateNode,
  now: Standing,
  given: ReadonlySet<string>,
  fault: (text: string) => void,
): void {
  const [first, ...others] = node.sightings;
  const fresh = first === undefined ? undefined : now.certificate(first.place);
  if (first === undefined || fresh === undefined) {
    fault(`no certificate stands at ${first === undefined ? 'no place' : placeName(first.place)}`);
    return;
  }
  for (const { place } of others)
    if (now.certificate(place)?.digest !== fresh.digest)
      fault(`the certificate "${fresh.subjectText}" differs between ${placeName(first.place)} and ${placeName(place)}`);
  const half = node.key?.privateSightings[0];
  if (half !== undefined && now.privateKey(half.place)?.id !== fresh.publicKey?.id)
    fault(
      `the certificate "${fresh.subjectText}" at ${placeName(first.place)} does not fit the private key at ${placeName(half.place)}`,
    );
  if (given.has(fresh.digest)) return; // a given certificate is its giver's business
  const old = node.certificate;
  const { signer } = node;
  const [oldSigner, newSigner] =
    signer.by === 'itself'
      ? [old, fresh]
      : signer.by === 'key' && signer.certificate !== undefined
        ? [signer.certificate.certificate, certificateOf(signer.certificate, now)]
        : [undefined, undefined];
  if (oldSigner !== undefined && newSigner !== undefined) {
    // What did not fit before (an authority without the flag, a key identifier of another method) is not ours to mend.
    const before = new Set(chainFaultsOf(old, oldSigner).map(({ kind }) => kind));
    for (const { kind, text } of chainFaultsOf(fresh, newSigner))
      if (!before.has(kind)) fault(`the certificate "${fresh.subjectText}" at ${placeName(first.place)}: ${text}`);
  } else if (signer.by === 'key') {
    const key = publicHalf(signer.key, now);
    if (key !== undefined && !isSignedBy(fresh, key))
      fault(
        `the certificate "${fresh.subjectText}" at ${placeName(first.place)} is not signed by the key that signed it before`,
      );
  }
}

/** Each name has to be one that every authority above may sign; what did not fit before is not ours to mend. */
function checkConstraints(node: CertificateNode, now: Standing, fault: (text: string) => void): void {
  const fresh = certificateOf(node, now);
  const seen = new Set<CertificateNode>([node]);
  for (let above = signerOf(node); above !== undefined && !seen.has(above); above = signerOf(above)) {
    seen.add(above);
    const [old, renewed] = [nameConstraintsOf(above.certificate), certificateOf(above, now)];
    const constraints = renewed === undefined ? undefined : nameConstraintsOf(renewed);
    if (fresh === undefined || old === undefined || constraints === undefined) continue;
    if (constraintFaultsOf(node.certificate, old).length > 0) continue;
    for (const text of constraintFaultsOf(fresh, constraints))
      fault(
        `the certificate "${fresh.subjectText}" at ${placeName(node.sightings[0]?.place ?? nowhere)} does not fit the name constraints of "${renewed?.subjectText ?? ''}": ${text}`,
      );
  }
}

const nowhere: Place = { document: 'no place', field: [], within: [] };

const signerOf = ({ signer }: CertificateNode): CertificateNode | undefined =>
  signer.by === 'key' ? signer.certificate : undefined;

function checkKey(key: KeyNode, now: Standing, fault: (text: string) => void): void {
  const half = publicHalf(key, now);
  for (const { place } of key.privateSightings)
    if (now.privateKey(place)?.id !== half?.id)
      fault(`the private key at ${placeName(place)} is not the one of its pair`);
  for (const { place } of key.publicSightings)
    if (now.publicKey(place)?.id !== half?.id)
      fault(`the public key at ${placeName(place)} is not the one of its pair`);
}

function certificateOf(node: CertificateNode, now: Standing): Certificate | undefined {
  const [first] = node.sightings;
  return first === undefined ? undefined : now.certificate(first.place);
}

/** The public half of what now stands where a key stood: from the private key, the public key, or a certificate. */
function publicHalf(key: KeyNode, now: Standing): PublicKey | undefined {
  const [whole, half, node] = [key.privateSightings[0], key.publicSightings[0], key.certificates[0]];
  if (whole !== undefined) return now.privateKey(whole.place);
  if (half !== undefined) return now.publicKey(half.place);
  return node === undefined ? undefined : certificateOf(node, now)?.publicKey;
}

/** Old things that are still found somewhere, in a place of the plan or not. */
function leftOver({ owned, given }: CheckInput, seen: Findings, fault: (text: string) => void): void {
  const still = (
    what: string,
    id: string,
    found: { readonly sightings: readonly { readonly place: Place }[] } | undefined,
  ): void => {
    if (given.has(id)) return;
    for (const { place } of found?.sightings ?? []) fault(`an old ${what} is left at ${placeName(place)}`);
  };
  for (const { certificate } of owned.certificates)
    still('certificate', certificate.digest, seen.certificates.get(certificate.digest));
  for (const key of owned.keys) {
    still('private key', key.public.id, seen.privateKeys.get(key.public.id));
    still('public key', key.public.id, seen.publicKeys.get(key.public.id));
  }
  for (const { text, key } of owned.tokens) still('token', key?.public.id ?? '', seen.tokens.get(text));
}
