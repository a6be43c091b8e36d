import { messageOf } from '../errors/errors.ts';
import { findKind, listAll } from './calls.ts';
import type { KindName } from './kinds.ts';
import { listAt, nameOf, textAt, type JsonMap } from './object.ts';
import type { Cluster } from './open.ts';

/** One remark for a person. */
export type HealthLine = { readonly good: boolean; readonly text: string };

const lookMs = 20_000;

/**
 * How the cluster is, in few lines: the node, the version, operators that are not well. What the API does not serve is left out, and what it does not
 * say within 20 s is said to be unknown: health is shown, and decides nothing.
 */
export async function clusterHealth(cluster: Cluster, signal?: AbortSignal): Promise<HealthLine[]> {
  const stop = AbortSignal.any([AbortSignal.timeout(lookMs), ...(signal === undefined ? [] : [signal])]);
  const tell = { waiting: () => undefined, signal: stop };
  const about = async (name: KindName, look: (objects: readonly JsonMap[]) => HealthLine[]): Promise<HealthLine[]> => {
    try {
      const kind = await findKind(cluster, name, tell);
      return kind === undefined ? [] : look(await listAll(cluster, kind, tell));
    } catch (error) {
      const why = stop.aborted ? `no answer within ${lookMs / 1000} s` : messageOf(error);
      return [{ good: false, text: `${name.kind}: not known (${why})` }];
    }
  };
  return [
    ...(await about({ apiVersion: 'v1', kind: 'Node' }, nodeLines)),
    ...(await about({ apiVersion: 'config.openshift.io/v1', kind: 'ClusterVersion' }, versionLines)),
    ...(await about({ apiVersion: 'config.openshift.io/v1', kind: 'ClusterOperator' }, operatorLines)),
  ];
}

export function nodeLines(nodes: readonly JsonMap[]): HealthLine[] {
  if (nodes.length === 0) return [{ good: false, text: 'no node has registered' }];
  return nodes.map((node) => {
    const ready = condition(node, 'Ready');
    return ready?.status === 'True'
      ? { good: true, text: `node "${nameOf(node)}" is ready` }
      : { good: false, text: `node "${nameOf(node)}" is not ready${because(ready)}` };
  });
}

export function versionLines(versions: readonly JsonMap[]): HealthLine[] {
  return versions.flatMap((version) => {
    const number = textAt(version, 'status', 'desired', 'version') || 'not known yet';
    const available = condition(version, 'Available');
    const failing = condition(version, 'Failing');
    const progressing = condition(version, 'Progressing');
    return [
      available?.status === 'True'
        ? { good: true, text: `cluster version ${number} is available` }
        : { good: false, text: `cluster version ${number} is not available${because(available)}` },
      ...(failing?.status === 'True' ? [{ good: false, text: `cluster version: failing${because(failing)}` }] : []),
      ...(progressing?.status === 'True'
        ? [{ good: false, text: `cluster version: progressing${because(progressing)}` }]
        : []),
    ];
  });
}

export function operatorLines(operators: readonly JsonMap[]): HealthLine[] {
  const bad = operators.flatMap((operator) => {
    const states = [
      ...(condition(operator, 'Available')?.status === 'True' ? [] : ['not available']),
      ...(condition(operator, 'Degraded')?.status === 'True' ? ['degraded'] : []),
      ...(condition(operator, 'Progressing')?.status === 'True' ? ['progressing'] : []),
    ];
    const why = ['Degraded', 'Available', 'Progressing']
      .map((type) => condition(operator, type))
      .find(
        (found) =>
          found !== undefined && (found.type === 'Available' ? found.status !== 'True' : found.status === 'True'),
      );
    return states.length === 0
      ? []
      : [{ good: false, text: `cluster operator "${nameOf(operator)}" is ${states.join(', ')}${because(why)}` }];
  });
  const well = operators.length - bad.length;
  return operators.length === 0
    ? []
    : [{ good: bad.length === 0, text: `${well} of ${operators.length} cluster operators are well` }, ...bad];
}

type Condition = { readonly type: string; readonly status: string; readonly reason: string; readonly message: string };

function condition(object: JsonMap, type: string): Condition | undefined {
  const found = listAt(object, 'status', 'conditions').find((entry) => textAt(entry, 'type') === type);
  if (found === undefined) return undefined;
  return { type, status: textAt(found, 'status'), reason: textAt(found, 'reason'), message: textAt(found, 'message') };
}

function because(found: Condition | undefined): string {
  const words = (found?.message || found?.reason || '').split('\n')[0] ?? '';
  return words === '' ? '' : `: ${words.length > 200 ? `${words.slice(0, 200)}…` : words}`;
}
