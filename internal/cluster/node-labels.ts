import { converge, kindNamed, listAll } from './calls.ts';
import type { Cluster } from './open.ts';
import { mapAt, nameOf, same, type JsonMap } from './object.ts';
import { patiently } from './retry.ts';
import type { Tell } from './tell.ts';
import { ApiFailure } from './trouble.ts';

/** Labels that the kubelet and the machine-config operator write themselves, and that the old node's would spoil. */
const writtenByOthers: ReadonlySet<string> = new Set([
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'kubernetes.io/arch',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
  'node.openshift.io/os_id',
  'node-role.kubernetes.io/worker',
]);

export type Labels = Readonly<Record<string, string>>;

/** The labels that are the site's to give. */
export function ownLabels(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !writtenByOthers.has(key)));
}

const nodeKind = { apiVersion: 'v1', kind: 'Node' } as const;
const budgetMs = 5 * 60_000;

/**
 * Gives the node its labels. Kubelet registers it in its own time, so it is waited for.
 *
 * @param nodeName the host's name where it is known: a Node of the seed may still be there under another one
 */
export async function setNodeLabels(
  cluster: Cluster,
  nodeName: string | undefined,
  labels: Labels,
  tell: Tell,
): Promise<void> {
  const wanted = ownLabels(labels);
  if (Object.keys(wanted).length === 0) {
    tell.say('no labels of its own for the node');
    return;
  }
  const kind = await kindNamed(cluster, nodeKind, tell);
  const find = async (): Promise<JsonMap> => {
    const nodes = await listAll(cluster, kind, tell, { labelSelector: 'node-role.kubernetes.io/master=' });
    return chosenNode(nodes, nodeName?.toLowerCase()); // kubelet registers in small letters
  };
  const patience = { ...cluster.patience, giveUpMs: cluster.patience.giveUpMs ?? budgetMs };
  const node = await patiently('show this host as its node', find, tell, patience);
  const { did } = await converge(cluster, kind, node, tell, (live) => {
    if (live === undefined) throw new ApiFailure('conflict', `the Node "${nameOf(node)}" is gone`);
    const present = mapAt(live, 'metadata', 'labels');
    return Object.entries(wanted).every(([key, value]) => same(present[key], value))
      ? undefined
      : { verb: 'patch', form: 'merge', body: { metadata: { labels: wanted } } };
  });
  const count = `${Object.keys(wanted).length} ${Object.keys(wanted).length === 1 ? 'label' : 'labels'}`;
  tell.say(
    did === 'nothing' ? `the node "${nameOf(node)}" has its ${count}` : `gave the node "${nameOf(node)}" ${count}`,
  );
}

/** The one node that is this host. @throws ApiFailure that a later attempt may not meet */
export function chosenNode(nodes: readonly JsonMap[], nodeName: string | undefined): JsonMap {
  const fitting = nodeName === undefined ? nodes : nodes.filter((node) => nameOf(node) === nodeName);
  const [node] = fitting;
  if (node !== undefined && fitting.length === 1) return node;
  const seen =
    nodes.length === 0 ? 'no node is a master yet' : `masters are ${nodes.map((one) => `"${nameOf(one)}"`).join(', ')}`;
  throw new ApiFailure(
    'server',
    nodeName === undefined
      ? 'the cluster does not have one master node'
      : `the cluster has no master node "${nodeName}"`,
    { why: `${seen}; kubelet must register this host`, next: 'see what kubelet says: journalctl -u kubelet' },
  );
}
