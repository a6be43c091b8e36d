import { UsageError, Failure } from '../errors/errors.ts';
import { converge, kindNamed } from './calls.ts';
import type { Cluster } from './open.ts';
import { textAt } from './object.ts';
import type { Tell } from './tell.ts';

const version = {
  apiVersion: 'config.openshift.io/v1',
  kind: 'ClusterVersion',
  metadata: { name: 'version' },
} as const;

/** Gives the cluster its own id, which telemetry and the hub know it by. An id that is there already is not written again. */
export async function setClusterId(cluster: Cluster, id: string, tell: Tell): Promise<void> {
  if (id === '')
    throw new UsageError('cluster id is empty, automatic generation is not yet implemented', {
      next: 'give "cluster_id" in the site manifest',
    });
  // The API takes any text; whoever reads it later does not.
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id))
    throw new UsageError(`cluster id "${id}" is no UUID`, { next: 'correct "cluster_id" in the site manifest' });
  const kind = await kindNamed(cluster, version, tell);
  const { did } = await converge(cluster, kind, version, tell, (live) => {
    if (live === undefined)
      throw new Failure('the cluster has no ClusterVersion "version"', {
        next: 'see whether the seed was a complete cluster: oc get clusterversion',
      });
    return textAt(live, 'spec', 'clusterID') === id
      ? undefined
      : { verb: 'patch', form: 'merge', body: { spec: { clusterID: id } } };
  });
  tell.say(did === 'nothing' ? `the cluster id is "${id}" already` : `the cluster id is "${id}" now`);
}
