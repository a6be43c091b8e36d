import { setImmediate as nextTurn } from 'node:timers/promises';
import { Failure } from '../../errors/errors.ts';
import type { Document, EtcdReader, Replacement } from '../document.ts';
import { documentName } from '../document.ts';
import { laidOver } from '../overlay.ts';
import { inUrl, type AddressPair } from './address-text.ts';
import type { Change } from './change.ts';
import { renameFaults } from './check.ts';
import { clusterOf, laid, type Cluster } from './cluster.ts';
import { addressPairs } from './node-address.ts';
import { openContents, withContents, type Opened } from './open.ts';
import { asksForIdentity, partsOf, seedReads, type Asked, type Part } from './plan-steps.ts';
import type { Renaming } from './renaming.ts';
import { MissingIn, type Reads } from './step.ts';

export type Renamed = {
  /** The plan of the commit: that of the renewal with the renames laid over. */
  readonly replacements: readonly Replacement[];
  /** In the order of their making, for the plan and the report. */
  readonly renamings: readonly Renaming[];
  /** Under which addresses etcd's member may be known, and what they become. */
  readonly peerUrls: readonly { readonly old: string; readonly fresh: string }[];
  readonly facts: readonly string[];
  /** What the check found wrong. A commit with a fault is refused. */
  readonly faults: readonly string[];
  readonly ms: number;
};

export type RenameInput = Asked & {
  /** Clear values. */
  readonly etcd: EtcdReader;
  readonly folders: readonly string[];
  readonly files: readonly string[];
};

/** What is read and worked out before there are new certificates: most of it, so it is done while their keys are made. */
export type Prepared = {
  readonly asked: Asked;
  readonly pairs: readonly AddressPair[];
  readonly parts: readonly Part[];
  readonly opened: Opened;
};

/**
 * Reads what a rename needs.
 *
 * @throws Failure where the seed does not fit what is asked
 */
export async function prepareRename(input: RenameInput): Promise<Prepared> {
  const seed = clusterOf((await openContents(input, seedReads)).contents);
  const pairs = input.changes.addresses.length === 0 ? [] : addressPairs(seed, input.changes.addresses);
  const parts = partsOf(input, seed, pairs);
  return {
    asked: { changes: input.changes, nameRules: input.nameRules },
    pairs,
    parts,
    opened: await openContents(input, unionOf(parts)),
  };
}

/**
 * Takes every step on the cluster as it was found. The steps remember what they made of documents that the new certificates then leave
 * alone (step.ts). What goes wrong here goes wrong again in the rename, which tells it. Worth its time only while others work.
 */
export async function rehearse({ asked, parts, opened }: Prepared): Promise<void> {
  const steps = stepsOf(parts, clusterOf(opened.contents), !asksForIdentity(asked), () => undefined);
  try {
    while (steps.next().done !== true) await nextTurn(); // the making of keys wants turns of this thread in between
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

/**
 * Computes the cluster under its new identity, on top of its new certificates. Writes nothing.
 *
 * @param renewed what the renewal of certificates changes
 * @throws Failure naming the object, the path in it and the option, when something mandatory is missing or does not fit
 */
export function rename({ asked, pairs, parts, opened }: Prepared, renewed: readonly Replacement[]): Renamed {
  const started = performance.now();
  const facts: string[] = [];
  const say = (fact: string): void => {
    if (!facts.includes(fact)) facts.push(fact);
  };
  const before = laidOver(opened.found, renewed);
  // Without a wish for another identity this may be a part of a cluster: what is not there needs no care.
  const taken = [
    ...stepsOf(parts, clusterOf(withContents(opened.contents, before)), !asksForIdentity(asked), say),
  ].flat();
  const replacements = replacementsOf(opened, renewed, taken);
  const renamings = taken.map(({ part: { option, says }, notes, ...change }): Renaming => ({
    option,
    says,
    document: `${change.in}:${change.name}`,
    kind: change.kind,
    ...(change.kind === 'moved' ? { to: `${change.in}:${change.to}` } : {}),
    notes,
  }));
  return {
    replacements,
    renamings,
    faults: renameFaults(before, replacements, renamings),
    peerUrls: pairs.map(({ old, fresh }) => ({ old: peerUrl(old), fresh: peerUrl(fresh) })),
    facts,
    ms: performance.now() - started,
  };
}

type Taken = Change & { readonly part: Part };

/** Takes the steps one by one, each on what those before it made. Yields the changes of each. */
function* stepsOf(
  parts: readonly Part[],
  found: Cluster,
  lenient: boolean,
  say: (fact: string) => void,
): Generator<Taken[]> {
  let cluster = found;
  for (const part of parts) {
    for (const step of part.steps) {
      const changes = attempt(part, lenient, say, () => step.changes(cluster, say)).filter((change) =>
        isChange(cluster, change),
      );
      cluster = laid(cluster, changes);
      yield changes.map((change) => ({ ...change, part }));
    }
  }
}

const peerUrl = (address: string): string => `https://${inUrl(address)}:2380`;

function unionOf(parts: readonly Part[]): Reads {
  const all = parts.flatMap(({ steps }) => steps.map(({ reads }) => reads));
  const holding = all.flatMap((reads) => reads.holding ?? []);
  return {
    objects: all.flatMap((reads) => reads.objects ?? []),
    keys: all.flatMap((reads) => reads.keys ?? []),
    files: all.flatMap((reads) => reads.files ?? []),
    singles: all.flatMap((reads) => reads.singles ?? []),
    ...(holding[0] === undefined ? {} : { holding: holding[0] }),
  };
}

function isChange(cluster: Cluster, change: Change): boolean {
  if (change.kind !== 'changed') return true;
  const before = change.in === 'etcd' ? cluster.value(change.name) : cluster.bytes(change.name);
  return before === undefined || Buffer.compare(before, change.after) !== 0;
}

function attempt(part: Part, lenient: boolean, say: (fact: string) => void, work: () => Change[]): Change[] {
  try {
    return work();
  } catch (error) {
    if (part.option === 'always' && lenient) {
      if (error instanceof MissingIn) say(`${lackText(error)}; it is left as it is`);
      else if (error instanceof Failure) say(error.message);
      else throw error;
      return [];
    }
    if (!(error instanceof MissingIn)) throw error;
    throw new Failure(lackText(error), {
      why: part.option === 'always' ? "every change of the cluster's identity needs it" : `"${part.option}" changes it`,
      next:
        part.option === 'always'
          ? 'check that etcd and the customization folders are those of a whole single-node cluster'
          : `check that etcd and the customization folders are those of a whole single-node cluster, or leave "${part.option}" out`,
    });
  }
}

function lackText({ document, path, found }: MissingIn): string {
  if (path === '') return found === undefined ? `there is no "${document}"` : `"${document}" ${found}`;
  return found === undefined ? `"${document}" has no "${path}"` : `"${path}" of "${document}" ${found}`;
}

/** The renewal's plan with the renames in it: one replacement for each document that ends otherwise than it was found. */
function replacementsOf({ found }: Opened, renewed: readonly Replacement[], taken: readonly Change[]): Replacement[] {
  const ends = new Map<
    string,
    { readonly origin: Document | undefined; readonly after: Uint8Array | undefined; readonly from?: Document }
  >();
  for (const change of taken) {
    const name = `${change.in}:${change.name}`;
    const origin = ends.has(name) ? ends.get(name)?.origin : found.get(name);
    if (origin === undefined) throw new Error(`"${name}" was changed without having been read`);
    switch (change.kind) {
      case 'changed':
        ends.set(name, { origin, after: change.after });
        break;
      case 'removed':
        ends.set(name, { origin, after: undefined });
        break;
      case 'moved':
        ends.set(name, { origin, after: undefined });
        ends.set(`${change.in}:${change.to}`, { origin: undefined, after: change.after, from: origin });
    }
  }
  const untouched = renewed.filter(
    (replacement) => replacement.kind === 'created' || !ends.has(documentName(replacement.document)),
  );
  return [
    ...untouched,
    ...[...ends].flatMap(([name, { origin, after, from }]) => replacementOf(name, origin, after, from)),
  ];
}

function replacementOf(
  name: string,
  origin: Document | undefined,
  after: Uint8Array | undefined,
  from: Document | undefined,
): Replacement[] {
  if (origin === undefined) {
    if (after === undefined || from === undefined) return [];
    return from.in === 'file'
      ? [{ kind: 'created', in: 'file', path: name.slice('file:'.length), after, like: from.path }]
      : [{ kind: 'created', in: 'etcd', key: name.slice('etcd:'.length), after }];
  }
  if (after === undefined) return [{ kind: 'removed', document: origin }];
  return Buffer.compare(origin.bytes, after) === 0 ? [] : [{ kind: 'changed', document: origin, after }];
}
