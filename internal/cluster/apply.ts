import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../errors/errors.ts';
import { converge, findKind, titleOf, type Outcome } from './calls.ts';
import { asSent, wishFor } from './desired.ts';
import { readManifests, refuseBadManifests, type Manifest, type Manifests } from './manifests.ts';
import { textAt } from './object.ts';
import type { Cluster } from './open.ts';
import { stopIfTold } from './retry.ts';
import type { Tell } from './tell.ts';
import { isKind, type ApiFailure } from './trouble.ts';

export type ApplyReport = { readonly created: number; readonly changed: number; readonly asWished: number };

export type ApplyOptions = {
  readonly missingFolderIsFine?: boolean;
  /** Time in which nothing new can be applied after which what is still waited for is a failure. Default: 15 minutes. */
  readonly waitMs?: number;
};

const pauseMs = 1000;
/** Patience with one manifest in its turn: an API of an operator, or its webhook, that is not up must not hold up the others. */
const turnMs = 10_000;
const tellEveryMs = 30_000;

/** What cannot be applied yet. */
type Pending = { readonly manifest: Manifest; readonly lacks: string };

/**
 * Applies the manifests of a folder, in the order of files and documents (kube/order, kube/late).
 *
 * What lacks its kind or its namespace is left for later: an operator that a later manifest brings may bring it. What the API refuses for good is
 * a failure at the end, when all others have had their turn; so a wrong manifest does not keep the site's ssh key away.
 *
 * @throws UsageError naming all that is wrong in files, before anything is sent; Failure naming all that was refused or did not come
 */
export async function applyManifests(
  cluster: Cluster,
  source: string | Manifests,
  tell: Tell,
  options: ApplyOptions = {},
): Promise<ApplyReport> {
  const read = typeof source === 'string' ? await readManifests(source, options) : source;
  refuseBadManifests(read);
  for (const warning of read.warnings) tell.warn(warning);
  const counts = { created: 0, changed: 0, asWished: 0 };
  const refused: ApiFailure[] = [];
  const waitMs = options.waitMs ?? 15 * 60_000;
  const startMs = performance.now();
  let [sinceMs, toldMs] = [startMs, -Infinity];
  for (let waiting: readonly Manifest[] = read.manifests; ;) {
    const pending: Pending[] = [];
    for (const manifest of waiting) {
      try {
        const lacks = await applyOne(cluster, manifest, counts, tell);
        if (lacks !== undefined) pending.push({ manifest, lacks });
      } catch (error) {
        // Trouble that outlasted all patience is the API's, not the manifest's.
        if (!isKind(error, 'invalid', 'absent', 'forbidden')) throw error;
        refused.push(error);
        tell.warn(`${manifest.place}: ${error.message}: ${error.why ?? ''}`);
      }
      tell.progress?.({
        done: counts.created + counts.changed + counts.asWished,
        total: read.manifests.length,
        unit: 'items',
      });
    }
    if (pending.length === 0) break;
    const nowMs = performance.now();
    if (pending.length < waiting.length) [sinceMs, toldMs] = [nowMs, -Infinity];
    if (nowMs - sinceMs >= waitMs) throw notCome(read.folder, pending, nowMs - sinceMs, refused);
    if (nowMs - toldMs >= tellEveryMs) {
      tell.waiting(`${lacking(pending)} (for ${Math.round((nowMs - sinceMs) / 1000)} s now)`);
      toldMs = nowMs;
    }
    waiting = pending.map(({ manifest }) => manifest);
    await sleep(pauseMs, undefined, { signal: tell.signal }).catch(() => undefined);
    stopIfTold(tell.signal);
  }
  if (refused.length > 0) throw refusedFailure(read.folder, refused);
  tell.say(
    `"${read.folder}": ${counts.created} created, ${counts.changed} changed, ${counts.asWished} as wished already`,
  );
  return counts;
}

/** Applies one in its turn; the answer is what it lacks, when it cannot be applied yet. */
async function applyOne(
  cluster: Cluster,
  manifest: Manifest,
  counts: Record<keyof ApplyReport, number>,
  tell: Tell,
): Promise<string | undefined> {
  try {
    const serverMs = Math.min(turnMs, cluster.patience.giveUpMs ?? turnMs);
    return await applyNow({ ...cluster, patience: { serverMs, ...cluster.patience } }, manifest, counts, tell);
  } catch (error) {
    if (!isKind(error, 'server')) throw error;
    return `an answer of the API (${error.why ?? error.message})`;
  }
}

async function applyNow(
  cluster: Cluster,
  { object, place, applyType }: Manifest,
  counts: Record<keyof ApplyReport, number>,
  tell: Tell,
): Promise<string | undefined> {
  const name = { apiVersion: textAt(object, 'apiVersion'), kind: textAt(object, 'kind') };
  const kind = await findKind(cluster, name, tell);
  if (kind === undefined) return `kind "${name.kind}" of "${name.apiVersion}"`;
  const desired = asSent(object, kind.namespaced);
  try {
    const outcome = await converge(cluster, kind, desired, tell, (live) => wishFor(desired, applyType, live));
    for (const warning of outcome.warnings) tell.warn(`${place} (${titleOf(desired)}): the API remarks: ${warning}`);
    counts[countOf[outcome.did]] += 1;
    if (outcome.did !== 'nothing')
      tell.say(`manifest applied: ${place}: ${outcome.did === 'create' ? 'created' : 'changed'} ${titleOf(desired)}`);
    return undefined;
  } catch (error) {
    if (!isKind(error, 'absent')) throw error;
    // Either the namespace is missing, or the kind went away: its definition was replaced.
    cluster.kinds.refresh();
    const namespace = textAt(desired, 'metadata', 'namespace');
    return namespace === '' ? `kind "${name.kind}" of "${name.apiVersion}"` : `namespace "${namespace}"`;
  }
}

const countOf: Readonly<Record<Outcome['did'], keyof ApplyReport>> = {
  nothing: 'asWished',
  create: 'created',
  change: 'changed',
};

/** `kind "A" of "b/v1" for "x.yaml", "y.yaml"; namespace "n" for "z.yaml"` */
function lacking(pending: readonly Pending[]): string {
  const places = Map.groupBy(pending, ({ lacks }) => lacks);
  return [...places]
    .map(([lacks, which]) => `${lacks} for ${which.map(({ manifest }) => manifest.place).join(', ')}`)
    .join('; ');
}

function notCome(folder: string, pending: readonly Pending[], ms: number, refused: readonly ApiFailure[]): Failure {
  return new Failure(`${pending.length} manifests of "${folder}" could not be applied`, {
    why: [`in ${Math.round(ms / 1000)} s the cluster did not get ${lacking(pending)}`, ...refused.map(words)].join(
      '; ',
    ),
    next: 'see whether the operator that brings it runs: oc get clusteroperators, oc get csv -A',
    transient: true,
  });
}

function refusedFailure(folder: string, refused: readonly ApiFailure[]): Failure {
  return new Failure(`the API refused ${refused.length} of the manifests of "${folder}"`, {
    why: refused.map(words).join('; '),
    next: `correct the files in "${folder}", or attach a config ISO with corrected ones`,
    cause: refused[0],
  });
}

const words = (error: ApiFailure): string => `${error.message}: ${error.why ?? ''}`;
