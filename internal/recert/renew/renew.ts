import { Failure, Interrupted, Refusal } from '../../errors/errors.ts';
import type { Host } from '../../host/host.ts';
import { check } from './check.ts';
import { editsOf } from './edits.ts';
import { givenFor } from './given.ts';
import { keystoresBeside } from './keystores.ts';
import { filesWithoutCopy } from './node-files.ts';
import { pastedIn } from './pasted.ts';
import type { Graph, KeyNode } from './graph.ts';
import { graphOf } from './graph.ts';
import type { KeyPool } from '../keys/key-pool.ts';
import { usualNeed } from '../keys/key-pool.ts';
import { openKeySupply } from '../keys/key-supply.ts';
import type { Opened } from '../find/open.ts';
import { openCluster } from '../find/open.ts';
import type { RenewOptions } from './options.ts';
import { laidOver, overlay } from '../overlay.ts';
import { ownedIn, touchedBy } from './ownership.ts';
import type { RenewalRecord } from './record.ts';
import type { Regenerated } from './regenerate.ts';
import { keysNeeded, regenerate } from './regenerate.ts';
import type { Renewal, RenewInput } from './renewal.ts';
import { residueIn } from './residue.ts';
import { scan } from '../find/scan.ts';
import type { Crypto } from '../keys/signing.ts';

/**
 * Computes a cluster with new keys, certificates and tokens. Reads etcd and files and writes nothing.
 *
 * @throws Failure when something cannot be read or nothing is found, Refusal when what was given does not fit, Interrupted
 */
export async function renew(host: Host, input: RenewInput): Promise<Renewal> {
  const started = performance.now();
  const facts: string[] = [];
  const opened = await openCluster(input, (fact) => {
    facts.push(fact);
  }); // some 50 ms, and most of what can fail
  stopIfAsked(host);
  // Then keys: they are most of the work, and the scan waits for the disk.
  const whole = input.etcd !== undefined && !input.options.ipChangeOnly; // only a whole cluster needs what clusters usually need
  await using supply =
    input.keys ??
    (await openKeySupply(host, { fips: input.fips, threads: input.threads, guess: whole ? usualNeed : [] }));
  supply.hurry();
  const renewal = await renewOpened(opened, input.options, {
    pool: supply.pool,
    crypto: supply.crypto,
    started,
    stopIfAsked: () => {
      stopIfAsked(host);
    },
  });
  const { certificates, keys, tokens } = renewal.record;
  const asked = input.etcd !== undefined || input.folders.length + input.files.length > 0;
  if (asked && certificates.length + keys.length + tokens.length === 0)
    throw new Failure('no certificate, key or token of the cluster was found', {
      next: 'check that etcd and the folders are those of a cluster',
    });
  const pasted = input.etcd === undefined ? [] : await pastedIn(input.etcd, renewal.replacements, renewal.record);
  return { ...renewal, facts: [...facts, ...renewal.facts, ...pasted] };
}

/** Who makes keys and signs, since when, and what is asked between two stages. */
export type Means = {
  readonly pool: KeyPool;
  readonly crypto: Pick<Crypto, 'signerOf'>;
  readonly started: number;
  readonly stopIfAsked: () => void;
};

/** The same for documents that are at hand. Pure but for the means. */
export async function renewOpened(
  { externals, documents, folders }: Opened,
  options: RenewOptions,
  { pool, crypto, started, stopIfAsked }: Means,
): Promise<Renewal> {
  const facts: string[] = [];
  const tell = (fact: string): void => {
    facts.push(fact);
  };
  const sinceStart = (): number => performance.now() - started;

  const findings = await scan(documents, externals.has, tell);
  const scanMs = sinceStart();
  stopIfAsked();

  const graph = graphOf(findings, externals);
  const all = ownedIn(graph, externals, givenNames(options), tell);
  const owned = options.ipChangeOnly ? touchedBy(options.rules, all) : all;
  const given = givenFor(graph, owned, options, tell);
  pool.fit(keysNeeded(graph, owned, given));
  const graphMs = sinceStart() - scanMs;
  let keysMs = 0;
  const made = await regenerate(graph, owned, given, options, pool, crypto, () => {
    keysMs = sinceStart();
  });
  stopIfAsked();

  const edits = editsOf(graph, owned, made, findings.documents);
  refuseFilesWithoutCopy(filesWithoutCopy(findings.documents, edits, folders));
  const replacements = overlay(findings.documents, edits);
  const madeMs = sinceStart();
  const after = laidOver(findings.documents, replacements);
  const givenIds = new Set([
    ...options.useKeys.map(({ key }) => key.public.id),
    ...options.useCerts.flatMap(({ digest, publicKey }) => [digest, publicKey?.id ?? '']),
  ]);
  const faults = await check({
    before: findings.documents,
    after,
    edits,
    owned,
    external: externals.has,
    given: givenIds,
  });
  facts.push(...residueIn(after.values(), owned, givenIds), ...keystoresBeside(findings.documents, owned));
  const totalMs = sinceStart();
  return {
    edits,
    replacements,
    facts,
    faults,
    record: recordOf(graph, made),
    timings: { scanMs, keysMs, processMs: graphMs + madeMs - keysMs, checkMs: totalMs - madeMs, totalMs },
  };
}

function refuseFilesWithoutCopy(sentences: readonly string[]): void {
  const [first, ...more] = sentences;
  if (first === undefined) return;
  const [what = first, next = ''] = first.split('; ');
  throw new Refusal(what, { ...(more.length === 0 ? {} : { why: more.join('; ') }), next });
}

function givenNames({ useKeys, useCerts }: RenewOptions): ReadonlySet<string> {
  return new Set([
    ...useKeys.map(({ commonName }) => commonName),
    ...useCerts.flatMap(({ commonNames }) => commonNames),
  ]);
}

function stopIfAsked(host: Host): void {
  if (host.stop.aborted) throw new Interrupted('stopped on request; nothing was written');
}

function recordOf(graph: Graph, made: Regenerated): RenewalRecord {
  const publicAfter = (key: KeyNode) =>
    made.keys.get(key)?.public ??
    key.certificates.map((node) => made.certificates.get(node)?.publicKey).find((found) => found !== undefined);
  return {
    certificates: graph.certificates.map((node) => ({
      before: node.certificate,
      after: made.certificates.get(node),
      places: node.sightings.map(({ place }) => place),
      signer: node.signer.by === 'key' ? node.signer.certificate?.certificate.digest : undefined,
    })),
    keys: [...graph.keys.values()].map((key) => ({
      public: key.public,
      publicAfter: publicAfter(key),
      private: key.private,
      privateAfter: made.keys.get(key),
      privatePlaces: key.privateSightings.map(({ place }) => place),
      publicPlaces: key.publicSightings.map(({ place }) => place),
    })),
    tokens: graph.tokens.map((node) => ({
      before: node.text,
      after: made.tokens.get(node),
      places: node.sightings.map(({ place }) => place),
      signer: node.key?.public.id,
    })),
  };
}
