import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors/errors.ts';
import { converge, kindNamed, listAll, read } from './calls.ts';
import type { Kind } from './kinds.ts';
import { judgeCsr, type Verdict } from './csr-verdict.ts';
import { listAt, nameOf, textAt, type JsonMap } from './object.ts';
import type { Cluster } from './open.ts';
import type { Tell } from './tell.ts';
import { isKind } from './trouble.ts';

/** What was decided, one entry for each request, by name. */
export type CsrReport = {
  readonly approved: readonly string[];
  /** With the reason. */
  readonly refused: readonly string[];
};

export type CsrOptions = {
  readonly nodeName: string;
  /** Ends the watch; the report is what was decided until then. */
  readonly signal: AbortSignal;
  readonly pauseMs?: number;
};

/** No bound of its own: it waits as long as the rest goes on, and its troubles are not those of the run. */
const patience = { giveUpMs: 0, graceMs: 0 };

/**
 * Approves the requests that the kubelet of this node makes, and no others, until it is told to end. It runs beside the rest: what goes wrong
 * is tried again in the next round, and no trouble ends it.
 */
export async function approveOwnCsrs(
  cluster: Cluster,
  { nodeName, signal, pauseMs = 2000 }: CsrOptions,
  tell: Tell,
): Promise<CsrReport> {
  const report = { approved: new Set<string>(), refused: new Map<string, string>() };
  const stop = AbortSignal.any([signal, tell.signal]);
  const calm = { ...cluster, patience: { ...cluster.patience, ...patience } };
  let told = '';
  while (!isAborted(stop)) {
    try {
      await oneRound(calm, nodeName.toLowerCase(), report, { ...tell, waiting: () => undefined, signal: stop });
      told = '';
    } catch (error) {
      if (isAborted(stop)) break;
      const words = messageOf(error);
      // An API that is not up is waited for elsewhere, and said there.
      if (!isKind(error, 'unreachable', 'server', 'busy') && words !== told) {
        told = words;
        tell.warn(`certificate requests of this node cannot be approved now, trying on: ${words}`);
      }
    }
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
  return {
    approved: [...report.approved],
    refused: [...report.refused].map(([name, why]) => `${name}: ${why}`),
  };
}

/** Asked by a function, because it changes between two lines. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function oneRound(
  cluster: Cluster,
  nodeName: string,
  report: { readonly approved: Set<string>; readonly refused: Map<string, string> },
  tell: Tell,
): Promise<void> {
  const kind = await kindNamed(
    cluster,
    { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' },
    tell,
  );
  const pending = (await listAll(cluster, kind, tell)).filter(isPending);
  if (pending.length === 0) return;
  const node = await readNode(cluster, nodeName, tell);
  for (const csr of pending) {
    const name = nameOf(csr);
    const verdict = judgeCsr(csr, nodeName, node);
    if (verdict.kind === 'approve') {
      await approve(cluster, kind, csr, nodeName, node, tell);
      report.approved.add(name);
      report.refused.delete(name);
      tell.say(`approved the certificate request "${name}": ${verdict.what}`);
    } else if (report.refused.get(name) !== verdict.why) {
      report.refused.set(name, verdict.why);
      tell.warn(`${wordsOf(verdict)} the certificate request "${name}": ${verdict.why}`);
    }
  }
}

function wordsOf(verdict: Verdict): string {
  return verdict.kind === 'later' ? 'not approved yet:' : 'left to others:';
}

function isPending(csr: JsonMap): boolean {
  return (
    textAt(csr, 'status', 'certificate') === '' &&
    !listAt(csr, 'status', 'conditions').some((entry) =>
      ['Approved', 'Denied', 'Failed'].includes(textAt(entry, 'type')),
    )
  );
}

async function readNode(cluster: Cluster, nodeName: string, tell: Tell): Promise<JsonMap | undefined> {
  const name = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } };
  return await read(cluster, await kindNamed(cluster, name, tell), name, tell);
}

/** What stands there is judged once more: another may have decided meanwhile. */
async function approve(
  cluster: Cluster,
  kind: Kind,
  csr: JsonMap,
  nodeName: string,
  node: JsonMap | undefined,
  tell: Tell,
): Promise<void> {
  await converge({ ...cluster, patience: { ...cluster.patience, giveUpMs: 10_000 } }, kind, csr, tell, (live) => {
    if (live === undefined || !isPending(live) || judgeCsr(live, nodeName, node).kind !== 'approve') return undefined;
    const condition = {
      type: 'Approved',
      status: 'True',
      reason: 'PostPivotApprove',
      message: 'This is a request of the kubelet of this node, approved by post-pivot.',
    };
    const conditions = [...listAt(live, 'status', 'conditions'), condition];
    return { verb: 'replace', part: 'approval', body: { ...live, status: { conditions } } };
  });
}
