/**
 * What the API server adds to workloads before it stores them. Written by hand, and proved against the real server by `defaults.host.test.ts`:
 * the rebuilding of manifests from stored objects is judged by what comes from here.
 */

export type Manifest = Readonly<Record<string, unknown>>;

const list = (value: unknown): readonly Manifest[] => (value ?? []) as readonly Manifest[]; // manifests are ours
const mapped = (manifest: Manifest, name: string, each: (item: Manifest) => Manifest): Manifest =>
  manifest[name] === undefined ? {} : { [name]: list(manifest[name]).map(each) };
const inside = (manifest: Manifest, name: string, change: (member: Manifest) => Manifest): Manifest =>
  manifest[name] === undefined ? {} : { [name]: change(manifest[name] as Manifest) }; // likewise

/** A Deployment's spec as it is stored. Order of members is no matter here: protobuf has its own. */
export const storedDeploymentSpec = (spec: Manifest): Manifest => ({
  replicas: 1,
  revisionHistoryLimit: 10,
  progressDeadlineSeconds: 600,
  ...spec,
  strategy: strategy(spec['strategy'] as Manifest),
  template: template(spec['template'] as Manifest),
});

function strategy(wanted: Manifest): Manifest {
  const type = wanted['type'] ?? 'RollingUpdate';
  return type === 'RollingUpdate'
    ? {
        type,
        rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%', ...(wanted['rollingUpdate'] as object | undefined) },
      }
    : { type };
}

export const storedDaemonSetSpec = (spec: Manifest): Manifest => ({
  revisionHistoryLimit: 10,
  ...spec,
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
  template: template(spec['template'] as Manifest),
});

export const storedStatefulSetSpec = (spec: Manifest): Manifest => ({
  replicas: 1,
  podManagementPolicy: 'OrderedReady',
  revisionHistoryLimit: 10,
  persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
  ...spec,
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
  template: template(spec['template'] as Manifest),
});

/** The Job of a CronJob gets its pod's defaults only; its own come with each Job. */
export const storedCronJobSpec = (spec: Manifest): Manifest => ({
  concurrencyPolicy: 'Allow',
  suspend: false,
  successfulJobsHistoryLimit: 3,
  failedJobsHistoryLimit: 1,
  ...spec,
  ...inside(spec, 'jobTemplate', (job) => ({
    metadata: { creationTimestamp: null },
    ...job,
    ...inside(job, 'spec', (of) => ({ ...of, template: template(of['template'] as Manifest) })),
  })),
});

export const storedJobSpec = (spec: Manifest): Manifest => ({
  parallelism: 1,
  completions: 1,
  backoffLimit: 6,
  manualSelector: false,
  completionMode: 'NonIndexed',
  suspend: false,
  podReplacementPolicy: 'TerminatingOrFailed',
  ...spec,
  template: template(spec['template'] as Manifest),
});

const template = (wanted: Manifest): Manifest => ({
  ...wanted,
  metadata: { creationTimestamp: null, ...(wanted['metadata'] as object | undefined) },
  ...inside(wanted, 'spec', storedPodSpec),
});

function storedPodSpec(spec: Manifest): Manifest {
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    // The old name of the same member, kept for old clients.
    ...(spec['serviceAccountName'] === undefined ? {} : { serviceAccount: spec['serviceAccountName'] }),
    ...spec,
    ...mapped(spec, 'initContainers', container),
    ...mapped(spec, 'containers', container),
    ...mapped(spec, 'volumes', volume),
  };
}

function container(wanted: Manifest): Manifest {
  const image = String(wanted['image']);
  const isLatest = !image.includes('@') && (image.endsWith(':latest') || !/:[^/]*$/.test(image));
  return {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: isLatest ? 'Always' : 'IfNotPresent',
    resources: {},
    ...wanted,
    ...mapped(wanted, 'ports', (port) => ({ protocol: 'TCP', ...port })),
    ...mapped(wanted, 'env', (entry) => ({ ...entry, ...inside(entry, 'valueFrom', source) })),
    ...inside(wanted, 'livenessProbe', probe),
    ...inside(wanted, 'readinessProbe', probe),
    ...inside(wanted, 'startupProbe', probe),
    ...inside(wanted, 'lifecycle', (hooks) => ({
      ...inside(hooks, 'preStop', handler),
      ...inside(hooks, 'postStart', handler),
    })),
  };
}

const handler = (wanted: Manifest): Manifest => ({
  ...wanted,
  ...inside(wanted, 'httpGet', (get) => ({ path: '/', scheme: 'HTTP', ...get })),
});
const probe = (wanted: Manifest): Manifest => ({
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
  ...handler(wanted),
});
const source = (wanted: Manifest): Manifest => ({
  ...wanted,
  ...inside(wanted, 'fieldRef', (field) => ({ apiVersion: 'v1', ...field })),
  ...inside(wanted, 'resourceFieldRef', (field) => ({ divisor: '0', ...field })),
});

/** Files of a pod may be read by all, unless somebody says otherwise. */
function volume(wanted: Manifest): Manifest {
  const moded = (of: Manifest): Manifest => ({ defaultMode: 0o644, ...of });
  const items = (of: Manifest): Manifest => ({ ...of, ...mapped(of, 'items', source) });
  const projections = (of: Manifest): Manifest => ({
    ...of,
    ...mapped(of, 'sources', (one) => ({
      ...one,
      ...inside(one, 'downwardAPI', items),
      ...inside(one, 'serviceAccountToken', (token) => ({ expirationSeconds: 3600, ...token })),
    })),
  });
  return {
    ...wanted,
    ...inside(wanted, 'hostPath', (path) => ({ type: '', ...path })),
    ...inside(wanted, 'secret', moded),
    ...inside(wanted, 'configMap', moded),
    ...inside(wanted, 'downwardAPI', (of) => moded(items(of))),
    ...inside(wanted, 'projected', (of) => moded(projections(of))),
  };
}
