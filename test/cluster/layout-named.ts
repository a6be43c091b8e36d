import type { Content } from './content.ts';
import { lookAlikes } from './identities.ts';
import type { Pki } from './issue.ts';
import { layOutClusterConfig } from './layout-cluster-config.ts';
import { layOutControlPlane } from './layout-control-plane.ts';
import { layOutEtcd } from './layout-etcd.ts';
import { layOutIngress } from './layout-ingress.ts';
import { layOutOperators } from './layout-operators.ts';
import { layOutLookAlikes, layOutTraces } from './layout-traces.ts';
import type { Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';

/** All that bears a name, domain or address of the cluster and no certificate of its own. */
export function layOutNamed(names: Names, pki: Pki, objects: ObjectMaker): Content {
  const parts = [
    layOutEtcd(names, pki, objects),
    layOutControlPlane(names, objects),
    layOutOperators(names, objects),
    layOutClusterConfig(names, objects),
    layOutIngress(names, pki, objects),
  ];
  return {
    objects: [
      ...parts.flatMap((part) => part.objects),
      ...layOutTraces(names, objects),
      ...layOutLookAlikes(names.seed, lookAlikes, objects),
    ],
    files: parts.flatMap((part) => part.files),
  };
}
