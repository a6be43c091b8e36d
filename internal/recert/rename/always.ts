import { Failure } from '../../errors/errors.ts';
import { digestOf } from '../../pki/der.ts';
import type { Change } from './change.ts';
import { config, prefix, secret } from './keys.ts';
import type { Cluster } from './cluster.ts';
import { NotThere } from './editor.ts';
import { changeOf, inDocument, object, removals, type Step } from './step.ts';

/** What every run does, whatever is asked for. */

/** OLM compares a hash of the CA that the aggregator trusts with the one that it noted, and makes a new certificate when they differ. */
export function packageServerStep(): Step {
  const service = prefix('apiregistration.k8s.io/apiservices/v1.packages.operators.coreos.com');
  const certificate = secret('openshift-operator-lifecycle-manager', 'packageserver-service-cert');
  return {
    row: 'always/package-server',
    reads: { objects: [service, certificate] },
    changes: (cluster) => {
      const bundle = inDocument('etcd', service, () => {
        const found = cluster.object(service);
        if (found === undefined) throw new NotThere('');
        const base64 = found.at(['spec', 'caBundle']);
        if (typeof base64 !== 'string') throw new NotThere('/spec/caBundle');
        return Buffer.from(base64, 'base64');
      });
      const hash = digestOf(bundle);
      return [
        changeOf(cluster, certificate, (one) => {
          one.set(['metadata', 'annotations', 'olmcahash'], hash);
        }),
      ];
    },
  };
}

export function staleObjectSteps(): Step[] {
  const kubeconfigs = secret('openshift-kube-apiserver', 'node-kubeconfigs');
  return [
    removals('always/removals', [prefix('leases/')]),
    removals('always/removals', [kubeconfigs], (key) => key === kubeconfigs),
  ];
}

/** The newest kubeconfig of the webhook on disk is what all three Secrets must hold, or the API server rolls out. */
export function webhookAuthenticatorStep(): Step {
  const pattern = /\/webhook-authenticator\/kubeConfig$/;
  const revisionOf = (path: string): number => Number(/kube-apiserver-pod-(\d+)/.exec(path)?.[1] ?? Number.NaN);
  const [folder, integrated] = [
    'openshift-kube-apiserver',
    secret('openshift-config', 'webhook-authentication-integrated-oauth'),
  ];
  return {
    row: 'always/webhook-authenticator',
    reads: { files: [pattern], objects: [secret(folder, 'webhook-authenticator'), integrated] },
    changes: (cluster): Change[] => {
      const found = cluster
        .files(pattern)
        .map((path) => ({ path, revision: revisionOf(path) }))
        .filter(({ revision }) => !Number.isNaN(revision))
        .sort((one, other) => other.revision - one.revision);
      const [newest] = found;
      if (newest === undefined)
        throw new Failure(
          'no kube-apiserver-pod-* found: no customization folder holds a kube-apiserver-pod-<revision>/secrets/webhook-authenticator/kubeConfig',
          { next: 'name the folder of static pods (kubernetes) in cluster_customization_dirs' },
        );
      const text = Buffer.from(cluster.bytes(newest.path)).toString('utf8').trimEnd();
      return [
        secret(folder, `webhook-authenticator-${newest.revision}`),
        secret(folder, 'webhook-authenticator'),
        integrated,
      ].map((key) =>
        changeOf(cluster, key, (one) => {
          one.set(['data', 'kubeConfig'], text, { secret: true });
        }),
      );
    },
  };
}

/** Watchers must not take the seed's success for this cluster's. */
export function clusterVersionStep(): Step {
  return object('always/cluster-version', config('clusterversions', 'version'), (version) => {
    const conditions = ['status', 'conditions'];
    const index = version
      .keysAt(conditions)
      .find((one) => version.textAt([...conditions, one, 'type']) === 'Available');
    if (version.at(conditions) === undefined) return version.fail(conditions);
    if (index === undefined) return;
    version.replace([...conditions, index, 'status'], 'False');
    version.set([...conditions, index, 'message'], 'Cluster version status unknown');
  });
}

/** cert-manager's own idea of names follows the rules; its requests hold old fingerprints and would have it issue anew. */
export function certManagerSteps(rename: (name: string) => string): Step[] {
  const certificates = prefix('cert-manager.io/certificates/');
  const requests = prefix('cert-manager.io/certificaterequests/');
  return [
    {
      row: 'cert-manager/names',
      reads: { objects: [certificates], keys: [requests] },
      changes: (cluster: Cluster): Change[] => {
        const all = cluster.keys(certificates);
        if (all.length === 0) return [];
        return [
          ...all.map((key) =>
            changeOf(cluster, key, (one) => {
              if (one.textAt(['spec', 'commonName']) !== undefined) one.rewrite(['spec', 'commonName'], rename);
              for (const index of one.keysAt(['spec', 'dnsNames'])) one.rewrite(['spec', 'dnsNames', index], rename);
            }),
          ),
          ...cluster.keys(requests).map((name): Change => ({ in: 'etcd', kind: 'removed', name, notes: [] })),
        ];
      },
    },
  ];
}
