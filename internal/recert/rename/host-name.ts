import { Failure } from '../../errors/errors.ts';
import type { Change } from './change.ts';
import type { Cluster } from './cluster.ts';
import { inManagedFields } from './domain-edits.ts';
import { edited, type Editor } from './editor.ts';
import {
  certificateKinds,
  hostNames,
  inBackupScript,
  inEtcdEnv,
  inPod,
  inPodText,
  type HostNames,
} from './host-name-text.ts';
import { configMap, configMaps, operator, secrets } from './keys.ts';
import { documents, inDocument, object, objects, revisions, texts, type Reads, type Step } from './step.ts';

/** The node's name, which stands where etcd's static pod does. */
const etcd = 'openshift-etcd';
const allCerts = `${secrets(etcd)}etcd-all-certs`;
export const hostNameReads: Reads = { objects: [allCerts] };

/** They stand as values in pod.yaml, where a name could not be told from them. */
const wordsOfPods = ['existing', 'REVISION', 'true'];

/**
 * The name of the seed's node, from the names of etcd's certificates.
 * @throws Failure when there is none, or more than one, or one that is a word of pod.yaml
 */
export function seedHostName(cluster: Cluster): string {
  const found = new Set(
    cluster
      .keys(allCerts)
      .flatMap((key) =>
        (cluster.object(key)?.keysAt(['data']) ?? []).flatMap(
          (name) => /^etcd-peer-(.+)\.crt$/.exec(String(name))?.[1] ?? [],
        ),
      ),
  );
  const [name, ...others] = found;
  const next = 'check that etcd is that of a whole single-node cluster, or leave "hostname" out';
  if (name === undefined)
    throw new Failure(
      `no Secret "${allCerts}…" in etcd has a data key etcd-peer-<node>.crt, from which "hostname" takes the old name`,
      { next },
    );
  if (others.length > 0)
    throw new Failure(`the Secrets "${allCerts}…" in etcd are of several nodes: ${[...found].sort().join(', ')}`, {
      why: '"hostname" is for a cluster of one',
      next,
    });
  if (wordsOfPods.includes(name))
    throw new Failure(`the seed's node is called "${name}", which is a value in etcd's pod.yaml, too`, {
      why: 'the name could not be told from the value',
      next: 'make the seed on a node of another name',
    });
  return name;
}

export function hostNameSteps(old: string, fresh: string): Step[] {
  const names = hostNames(old, fresh);
  const nodeStatuses = (cr: Editor): void => {
    if (cr.at(['status', 'nodeStatuses']) === undefined) cr.fail(['status', 'nodeStatuses']);
    for (const index of cr.keysAt(['status', 'nodeStatuses']))
      cr.replace(['status', 'nodeStatuses', index, 'nodeName'], fresh);
  };
  return [
    objects('hostname/all-certs', allCerts, (secret) => {
      renamedMembers(secret, names);
    }),
    ...certificateKinds.map((kind): Step =>
      movedSecret(`${secrets(etcd)}${kind}-${old}`, `${secrets(etcd)}${kind}-${fresh}`, names),
    ),
    ...['etcd-pod', 'restore-etcd-pod'].map((name) =>
      revisions('hostname/etcd-pod', configMaps(etcd), name, (map) => {
        map.rewrite(['data', 'pod.yaml'], (text) => inPodText(text, names));
      }),
    ),
    object('hostname/etcd-scripts', configMap(etcd, 'etcd-scripts'), (map) => {
      map.rewrite(['data', 'etcd.env'], (text) => inEtcdEnv(text, names));
    }),
    ...['kubeapiservers', 'kubeschedulers', 'kubecontrollermanagers', 'etcds'].map((plural) =>
      object('hostname/node-statuses', operator(plural), nodeStatuses),
    ),
    documents('hostname/etcd-manifest', /\/etcd-pod\.yaml$/, (pod) => {
      inPod(pod, names);
    }),
    texts('hostname/etcd-pod (files)', /etcd-pod\/pod\.yaml$/, (text) => inPodText(text, names)),
    texts('hostname/backup-script', /\/etcd-scripts\/cluster-backup\.sh$/, (text) => inBackupScript(text, names)),
    texts('hostname/etcd-scripts (files)', /\/etcd-scripts\/etcd\.env$/, (text) => inEtcdEnv(text, names)),
    ...startupMonitor(names),
    renamedFiles(names),
  ];
}

/** `etcd-peer-<node>.crt` and its like, as data keys and as their trace in managedFields. */
function renamedMembers(secret: Editor, names: HostNames): void {
  const members = certificateNames(names);
  for (const { from, to } of members) if (secret.keysAt(['data']).includes(from)) secret.rename(['data', from], to);
  inManagedFields(secret, (fields) => {
    for (const { from, to } of members)
      if (fields.keysAt(['f:data']).includes(`f:${from}`)) fields.rename(['f:data', `f:${from}`], `f:${to}`);
  });
}

/** Names of data keys and files of etcd's certificates, and what they become. */
function certificateNames({ old, fresh }: HostNames): { readonly from: string; readonly to: string }[] {
  return certificateKinds.flatMap((kind) =>
    ['crt', 'key'].map((end) => ({ from: `${kind}-${old}.${end}`, to: `${kind}-${fresh}.${end}` })),
  );
}

/** A Secret that bears the node's name. */
function movedSecret(from: string, to: string, { old, fresh }: HostNames): Step {
  return {
    row: 'hostname/member-certs',
    reads: { objects: [from], keys: [to] },
    changes: (cluster): Change[] => {
      const tree = cluster.object(from);
      if (tree === undefined || from === to) return [];
      if (cluster.keys(to).includes(to))
        throw new Failure(`there is an "${to}" in etcd already, and "${from}" is to become it`, {
          next: 'see where it comes from: a seed has one node',
        });
      return inDocument('etcd', from, () => {
        const { bytes, notes } = edited(tree, (secret) => {
          secret.replace(['metadata', 'name'], to.slice(to.lastIndexOf('/') + 1));
          const description = ['metadata', 'annotations', 'openshift.io/description'];
          if (secret.textAt(description) !== undefined)
            secret.rewrite(description, (text) => wholeName(text, old, fresh));
        });
        return [{ in: 'etcd', kind: 'moved', name: from, to, after: bytes, notes }];
      });
    },
  };
}

/** The pod that watches a new revision of the API server start. Among ConfigMaps it may be any text, as manifest it is JSON. */
function startupMonitor({ old, fresh }: HostNames): Step[] {
  const asText = /\/kube-apiserver-pod[^/]*\/configmaps\/kube-apiserver-pod\/kube-apiserver-startup-monitor-pod\.yaml$/;
  const everywhere = /\/kube-apiserver-startup-monitor-pod\.yaml$/;
  const manifests = documents('hostname/startup-monitor', everywhere, (pod) => {
    const containers = pod
      .keysAt(['spec', 'containers'])
      .map((index) => ['spec', 'containers', index])
      .filter((path) => pod.textAt([...path, 'name']) === 'startup-monitor');
    for (const container of containers) {
      const arg = pod
        .keysAt([...container, 'args'])
        .find((index) => pod.textAt([...container, 'args', index])?.startsWith('--node-name=') === true);
      if (arg !== undefined) pod.replace([...container, 'args', arg], `--node-name=${fresh}`);
    }
  });
  return [
    {
      ...manifests,
      changes: (cluster, say) =>
        manifests.changes(
          { ...cluster, files: (pattern) => cluster.files(pattern).filter((path) => !asText.test(path)) },
          say,
        ),
    },
    texts('hostname/startup-monitor (configmaps)', asText, (text) =>
      text.replace(new RegExp(`--node-name=${RegExp.escape(old)}(?![A-Za-z0-9.-])`, 'g'), () => `--node-name=${fresh}`),
    ),
  ];
}

/** Certificate files that bear the node's name. Only the file's own name changes: a folder may be called like the node, too. */
function renamedFiles(names: HostNames): Step {
  const pattern = /\/etcd-all-certs\/etcd-[^/]*$/;
  return {
    row: 'hostname/cert-files',
    reads: { files: [pattern] },
    changes: (cluster) =>
      cluster.files(pattern).flatMap((path): Change[] => {
        const slash = path.lastIndexOf('/') + 1;
        const name = certificateNames(names).find(({ from }) => path.slice(slash) === from);
        if (name === undefined || name.from === name.to) return [];
        const to = `${path.slice(0, slash)}${name.to}`;
        if (cluster.files(pattern).includes(to))
          throw new Failure(`there is a file "${to}" already, and "${path}" is to become it`, {
            next: 'see where it comes from: a seed has one node',
          });
        return [
          {
            in: 'file',
            kind: 'moved',
            name: path,
            to,
            after: cluster.bytes(path),
            notes: [{ path: '', before: name.from, after: name.to }],
          },
        ];
      }),
  };
}

/** A host name at the end of a word, as `metrics-node-a` has it: `node-a` is no part of `node-a2` or `node-a.other`. */
function wholeName(text: string, old: string, fresh: string): string {
  return text.replace(
    new RegExp(`(?<![A-Za-z0-9])${RegExp.escape(old)}(?![A-Za-z0-9]|[.-][A-Za-z0-9])`, 'g'),
    () => fresh,
  );
}
