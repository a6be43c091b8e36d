import { createHash } from 'node:crypto';
import type { Cluster } from './cluster.ts';
import { rulesFor } from './configuration.ts';
import { findingAt, gatherEvidence, isOutside, type Evidence } from './evidence.ts';
import { fatesOf } from './fates.ts';
import { findingsIn, type Finding } from './findings.ts';
import type { Identity } from './identity.ts';
import type { Inventory, InventoryPair, InventoryPlace } from './inventory.ts';
import { certificateFacts, notSignedBy, publicHalves, tokenVerifies, type CertificateFacts } from './openssl.ts';

export type OpensslOptions = {
  /** What was there before a renewal: then nothing of it may be left, and every certificate must have kept its shape. */
  readonly before?: Evidence;
  /** Who the cluster has become: what is deleted and moved on the way is looked for nowhere or there, and names are those of the rules. Default: who it was. */
  readonly now?: Identity;
  /** The validity must be the old one, too. Default: true. */
  readonly sameValidity?: boolean;
  /** Names of pairs and token keys that keep key or certificate on purpose (external, outside of the trees of an address change). */
  readonly kept?: (name: string) => boolean;
};

/** `faults` is empty when all is well; the numbers say what was looked at. */
export type OpensslVerdict = {
  readonly faults: readonly string[];
  readonly certificates: number;
  readonly keys: number;
  readonly tokens: number;
  readonly places: number;
};

/**
 * Verifies every pair, key and token of the cluster with the openssl program, as found in the raw bytes of etcd and files.
 *
 * * all places of a certificate hold one certificate, all places of a key one key, and they belong together
 * * the certificate follows from what its signer is now
 * * public keys are halves of their private keys, tokens verify under the key that their `kid` names
 */
export async function verifyWithOpenssl(
  cluster: Pick<Cluster, 'endpoint' | 'root' | 'inventory' | 'seed'>,
  options: OpensslOptions = {},
): Promise<OpensslVerdict> {
  const { before, now = cluster.seed, sameValidity = true, kept = () => false } = options;
  const evidence = await gatherEvidence(cluster, before === undefined ? undefined : fatesOf(cluster.seed, now));
  const { inventory } = cluster;
  const faults: string[] = [];
  const places = (all: readonly InventoryPlace[]): readonly InventoryPlace[] =>
    before === undefined ? all : all.filter(({ document }) => !isOutside(document) && evidence.has(document));
  const one = (
    what: string,
    all: readonly InventoryPlace[],
    kind: Finding['kind'],
    same: (finding: Finding) => string,
  ): Finding | undefined => {
    const found = places(all).map((place) => ({ place, finding: findingAt(evidence, place) }));
    for (const { place, finding } of found)
      if (finding?.kind !== kind) faults.push(`${what}: no ${kind} at ${place.document} #${place.index}`);
    const values = new Map(
      found.flatMap(({ place, finding }) => (finding?.kind === kind ? [[same(finding), place.document] as const] : [])),
    );
    if (values.size > 1)
      faults.push(`${what}: ${values.size} different values, in ${[...values.values()].join(' and ')}`);
    return found.find(({ finding }) => finding?.kind === kind)?.finding;
  };

  // Files of the node outside of recert's scope may be all that holds a pair: those are not looked at after a renewal.
  const looked = inventory.pairs.filter(({ certificateAt }) => places(certificateAt).length > 0);
  const certificates = new Map(
    looked.map(
      (pair) => [pair.name, one(`certificate ${pair.name}`, pair.certificateAt, 'certificate', textOf)] as const,
    ),
  );
  const facts = await factsOf(certificates);
  const halves = await halvesOf(inventory, evidence, places);
  for (const pair of looked) {
    const mine = facts.get(pair.name);
    const key = one(
      `key of ${pair.name}`,
      pair.keyAt,
      'private-key',
      (finding) => halves.get(finding.text) ?? finding.text,
    );
    if (mine === undefined) faults.push(`certificate ${pair.name}: openssl does not read it`);
    else if (key !== undefined && halves.get(key.text) !== mine.publicKey)
      faults.push(`pair ${pair.name}: the key does not belong to the certificate`);
  }
  faults.push(...(await brokenChains(looked, certificates)));
  const tokens = await lookAtTokens(inventory, evidence, halves, places, faults);
  if (before !== undefined)
    faults.push(
      ...leftovers(inventory, before, evidence, kept, othersMayChange(cluster.seed, now)),
      ...(await lostShapes(looked, before, facts, {
        sameValidity,
        kept,
        renamed: namesUnder(rulesFor(cluster.seed, now)),
      })),
    );
  return {
    faults,
    certificates: certificates.size,
    keys: halves.size,
    tokens,
    places: [...evidence.values()].reduce((sum, all) => sum + all.length, 0),
  };
}

const textOf = ({ text }: Finding): string => text;
type Places = (all: readonly InventoryPlace[]) => readonly InventoryPlace[];

async function factsOf(
  certificates: ReadonlyMap<string, Finding | undefined>,
): Promise<Map<string, CertificateFacts | undefined>> {
  const all = await certificateFacts([...certificates.values()].map((finding) => finding?.text ?? ''));
  return new Map([...certificates.keys()].map((name, index) => [name, all[index]] as const));
}

/** Public half of every key that is somewhere, by the text of the key. */
async function halvesOf(inventory: Inventory, evidence: Evidence, places: Places): Promise<Map<string, string>> {
  const at = [
    ...inventory.pairs.flatMap(({ keyAt }) => keyAt),
    ...inventory.tokenKeys.flatMap(({ keyAt, publicAt }) => [...keyAt, ...publicAt]),
  ];
  const texts = [...new Set(places(at).flatMap((place) => findingAt(evidence, place)?.text ?? []))];
  const halves = await publicHalves(texts);
  return new Map(texts.map((text, index) => [text, halves[index] ?? ''] as const));
}

async function brokenChains(
  pairs: readonly InventoryPair[],
  certificates: ReadonlyMap<string, Finding | undefined>,
): Promise<string[]> {
  const bySigner = Map.groupBy(pairs, ({ signer }) => signer);
  const faults = await Promise.all(
    [...bySigner].map(async ([signer, signed]) => {
      const authority = certificates.get(signer);
      if (authority === undefined) return [`certificate ${signer} is missing, and signs ${signed.length}`];
      return notSignedBy(
        authority.text,
        signed.flatMap(({ name }) => ({ name: `certificate ${name}`, pem: certificates.get(name)?.text ?? '' })),
      );
    }),
  );
  return faults.flat();
}

async function lookAtTokens(
  inventory: Inventory,
  evidence: Evidence,
  halves: ReadonlyMap<string, string>,
  places: Places,
  faults: string[],
): Promise<number> {
  let count = 0;
  for (const { name, keyAt, publicAt, tokenAt } of inventory.tokenKeys) {
    const keys = new Set(
      places([...keyAt, ...publicAt]).map((place) => halves.get(findingAt(evidence, place)?.text ?? '') ?? ''),
    );
    const [key = ''] = keys;
    if (keys.size !== 1 || key === '') faults.push(`token key ${name}: its places hold ${keys.size} keys`);
    const kid = createHash('sha256')
      .update(Buffer.from(key.replace(/-----[^-]+-----|\s/g, ''), 'base64'))
      .digest('base64url');
    for (const token of new Set(places(tokenAt).map((place) => findingAt(evidence, place)?.text ?? ''))) {
      count += 1;
      const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString();
      if (!header.includes(`"kid":"${kid}"`)) faults.push(`a token of key ${name} names another key`);
      if (!(await tokenVerifies(token, key))) faults.push(`a token of key ${name} does not verify`);
    }
  }
  return count;
}

/** What should have been replaced and was not, and what should not have been touched and was. */
function leftovers(
  inventory: Inventory,
  before: Evidence,
  after: Evidence,
  kept: (name: string) => boolean,
  othersChange: (findings: readonly Finding[]) => boolean,
): string[] {
  const own = new Map([
    ...inventory.pairs
      .filter(({ name }) => !kept(name))
      .flatMap(({ name, certificateAt, keyAt }) =>
        [...certificateAt, ...keyAt].map((place) => [findingAt(before, place)?.text ?? '', name] as const),
      ),
    ...inventory.tokenKeys
      .filter(({ name }) => !kept(name))
      .flatMap(({ name, keyAt, publicAt, tokenAt }) =>
        [...keyAt, ...publicAt, ...tokenAt].map((place) => [findingAt(before, place)?.text ?? '', name] as const),
      ),
  ]);
  const foreignAt = new Set(inventory.otherAt.map(({ document, index }) => `${document} ${index}`));
  const faults: string[] = [];
  for (const [document, findings] of after) {
    const old = before.get(document) ?? [];
    if (othersChange(old)) continue;
    if (old.length !== findings.length)
      faults.push(`${document} held ${old.length} certificates, keys and tokens and holds ${findings.length}`);
    for (const [index, { text, kind }] of findings.entries()) {
      const was = own.get(text);
      if (was !== undefined && !isOutside(document))
        faults.push(`the old ${kind} of ${was} is left at ${document} #${index}`);
      const place = { document, index };
      const foreign = isOutside(document) || foreignAt.has(`${document} ${index}`);
      if (foreign && findingAt(before, place)?.text !== text)
        faults.push(`${document} #${index} is not the cluster's own and was changed`);
    }
  }
  return faults;
}

async function lostShapes(
  pairs: readonly InventoryPair[],
  before: Evidence,
  after: ReadonlyMap<string, CertificateFacts | undefined>,
  {
    sameValidity,
    kept,
    renamed,
  }: {
    readonly sameValidity: boolean;
    readonly kept: (name: string) => boolean;
    readonly renamed: (shape: string) => string;
  },
): Promise<string[]> {
  const old = await factsOf(
    new Map(
      pairs.map(({ name, certificateAt: [place] }) => [
        name,
        place === undefined ? undefined : findingAt(before, place),
      ]),
    ),
  );
  return pairs
    .filter(({ name }) => !kept(name))
    .flatMap(({ name }) => {
      const [was, is] = [old.get(name), after.get(name)];
      if (was === undefined || is === undefined) return [`certificate ${name}: nothing to compare`];
      if (was.publicKey === is.publicKey) return [`certificate ${name} has its old key`];
      const shape = renamed(was.shape);
      if (shape !== is.shape) return [`certificate ${name} has another shape: ${firstDifference(shape, is.shape)}`];
      return sameValidity && was.validity !== is.validity
        ? [`certificate ${name} has another validity: ${is.validity}`]
        : [];
    });
}

/** Bundles that people gave are replaced as a whole; what they hold then is a matter of texts (`expected.ts`). */
function othersMayChange(seed: Identity, now: Identity): (findings: readonly Finding[]) => boolean {
  const changed =
    JSON.stringify([seed.proxyTrustedCa, seed.userCaBundle]) !== JSON.stringify([now.proxyTrustedCa, now.userCaBundle]);
  const custom = new Set(
    findingsIn(Buffer.from(`${seed.userCaBundle ?? ''}${seed.proxyTrustedCa?.bundle ?? ''}`)).map(textOf),
  );
  return (findings) => changed && findings.some(({ text }) => custom.has(text));
}

/** Rules as openssl prints names: whole names only, and of several rules the last (rule/names). */
function namesUnder(rules: readonly string[]): (shape: string) => string {
  const fresh = new Map<string, string>();
  for (const [was = '', is = ''] of rules.map((rule) => rule.split(','))) {
    fresh.set(was, is);
    if (was.includes(':') && !was.startsWith('system:')) fresh.set(expanded(was), expanded(is));
  }
  return (shape) =>
    shape.replace(
      /(CN ?= ?|DNS:|IP Address:)([^,\n]+)/g,
      (_, head: string, name: string) => head + (fresh.get(name) ?? name),
    );
}

/** An IPv6 address as openssl prints it: upper case, no group left out. */
function expanded(ip: string): string {
  const [head = [], tail = []] = ip.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const groups = ip.includes('::')
    ? [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
    : head;
  return groups.map((group) => group.toUpperCase()).join(':');
}

function firstDifference(one: string, other: string): string {
  const [a, b] = [one.split('\n'), other.split('\n')];
  const at = a.findIndex((line, index) => line !== b[index]);
  return `"${a[at]?.trim() ?? ''}" became "${b[at]?.trim() ?? ''}"`;
}
