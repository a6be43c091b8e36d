import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors/errors.ts';
import type { Cluster } from './open.ts';
import { stopIfTold } from './retry.ts';
import type { Tell } from './tell.ts';
import { ApiFailure, type TroubleKind } from './trouble.ts';

/** Shorter than the second and a half in which an API that has come up is to be noticed. */
const pauseMs = 1000;
const tellEveryMs = 30_000;
/** Longest silence of an attempt, doubled up to the last after each: a packet that was lost is noticed soon, a slow server is not given up. */
const [shortAnswerMs, longAnswerMs] = [3000, 30_000];

/**
 * Waits until the API lists nodes, for as long as it takes: nobody gains from a first boot that gives up, and the host may be pulling
 * images or waiting for its own address. What stands in the way is said when it changes, and every 30 s.
 */
export async function waitForApi(cluster: Cluster, tell: Tell): Promise<void> {
  const startMs = performance.now();
  let [told, toldMs, answerMs] = ['', -Infinity, shortAnswerMs];
  for (;;) {
    stopIfTold(tell.signal);
    const silence = AbortSignal.timeout(answerMs);
    const signal = AbortSignal.any([tell.signal, silence]);
    try {
      await cluster.ask({ what: 'list nodes', method: 'GET', path: '/api/v1/nodes?limit=1', signal });
      break;
    } catch (thrown) {
      stopIfTold(tell.signal);
      const error = silence.aborted
        ? new ApiFailure('unreachable', 'no answer', { why: 'it takes the question and does not answer' })
        : thrown;
      answerMs = silence.aborted ? Math.min(answerMs * 2, longAnswerMs) : shortAnswerMs;
      const seen = error instanceof ApiFailure ? sentenceOf(error) : messageOf(error);
      const nowMs = performance.now();
      // The server's words may hold a counter or an address that differs each time; the kind of trouble tells what is new.
      const key = error instanceof ApiFailure ? `${error.kind} ${error.status ?? ''}` : seen;
      if (key !== told || nowMs - toldMs >= tellEveryMs) {
        const since = nowMs - startMs < 5000 ? '' : `, for ${Math.round((nowMs - startMs) / 1000)} s now`;
        tell.waiting(`the API at "${cluster.server}"${since}: ${seen}`);
        [told, toldMs] = [key, nowMs];
      }
    }
    await sleep(pauseMs, undefined, { signal: tell.signal }).catch(() => undefined);
  }
  tell.say(`the API at "${cluster.server}" answers after ${Math.round((performance.now() - startMs) / 1000)} s`);
}

/** Who must act, where it is not the cluster itself. */
const whoActs: Readonly<Record<TroubleKind, string>> = {
  unreachable: 'kubelet must start kube-apiserver (journalctl -u kubelet; crictl ps -a)',
  tls: 'it serves a certificate of another identity: recert must have renewed it, and kube-apiserver must have read it anew',
  busy: 'it is overloaded and will take us later',
  server:
    'kube-apiserver is up and not ready; etcd or a part of it is missing (crictl logs of etcd and kube-apiserver)',
  conflict: 'it will take us later',
  unauthorized: 'it does not know our client certificate: it must have read the authorities that recert made',
  forbidden: 'it knows us and has not made its roles yet',
  unserved: 'it is coming up',
  absent: 'another program answers at this address',
  invalid: 'another program answers at this address, or the kubeconfig is of another cluster',
};

function sentenceOf(error: ApiFailure): string {
  return `${error.why ?? error.message}; ${whoActs[error.kind]}`;
}
