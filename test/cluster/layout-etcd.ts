import { keyPem } from '../certificates/pem.ts';
import type { Content, FileContent, StoredObject } from './content.ts';
import { etcdPod, restorePod } from './etcd-pod.ts';
import { bootstrapOf } from './identities.ts';
import { bracketed } from './identity.ts';
import { certificatePem, type Pki } from './issue.ts';
import { namesOf, podFolder, revisions, type Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import { blockYaml } from './yaml-text.ts';

/** The etcd member's objects and files. Its Secrets of one pair each are in `layout-pki.ts`. */
export function layOutEtcd(names: Names, pki: Pki, objects: ObjectMaker): Content {
  const stored: StoredObject[] = [];
  const files: FileContent[] = [];
  const configMap = (name: string, data: Readonly<Record<string, string>>): void => {
    stored.push({
      object: objects.configMap(`openshift-etcd/${name}`, data, {
        annotations: { 'openshift.io/owning-component': 'etcd' },
      }),
    });
  };
  const file = (path: string, text: string, mode = 0o600): void => {
    files.push({ path, text, mode });
  };
  const certificates = allCertificates(names, pki);
  // A server writes them in the order of their letters, which is another one under another name.
  const fields = {
    'f:data': Object.fromEntries(
      ['.', ...Object.keys(certificates).map((name) => `f:${name}`)].sort().map((name) => [name, {}]),
    ),
    'f:type': {},
  };

  for (const revision of ['', ...revisions] as const) {
    const suffix = revision === '' ? '' : `-${revision}`;
    const pod = etcdPod(names, revision === '' ? 'REVISION' : String(revision));
    const endpoints = etcdEndpoints(names, revision);
    configMap(`etcd-pod${suffix}`, { forceRedeploymentReason: '', 'pod.yaml': blockYaml(pod), version: names.release });
    configMap(`etcd-endpoints${suffix}`, endpoints);
    // The oldest revision lacks managed fields, as after a restore.
    stored.push({
      object: objects.secret(`openshift-etcd/etcd-all-certs${suffix}`, certificates, {
        fields: revision === 3 ? [] : [fields],
        labels: { 'lab.example.com/part-of': 'etcd' },
      }),
    });
    if (revision === '') continue;
    const folder = podFolder('etcd', revision);
    file(`${folder}/etcd-pod.yaml`, JSON.stringify(pod));
    file(`${folder}/configmaps/etcd-pod/pod.yaml`, blockYaml(pod));
    for (const [name, text] of Object.entries(endpoints)) file(`${folder}/configmaps/etcd-endpoints/${name}`, text);
    for (const [name, text] of Object.entries(certificates)) file(`${folder}/secrets/etcd-all-certs/${name}`, text);
  }
  // A revision that was never filled.
  stored.push({ object: objects.secret('openshift-etcd/etcd-all-certs-11', {}) });
  file('/etc/kubernetes/manifests/etcd-pod.yaml', `${JSON.stringify(etcdPod(names, '10'))}\n`);

  const certs = `${podFolder('etcd', 'certs')}/configmaps`;
  const restore = blockYaml(restorePod(names));
  const quorum = (of: Names): string =>
    `# started by hand when quorum is lost\napiVersion: v1\nkind: Pod\nmetadata:\n  name: etcd\n  namespace: openshift-etcd\nspec:\n  containers:\n  - name: etcd\n    env:\n    - name: "ETCD_INITIAL_CLUSTER"\n      value: "restored=https://${bracketed(of.now.ips[0])}:2380"\n    image: quay.io/lab/etcd\n`;
  // The tables edit the file of the second pod, and of the ConfigMap its first pod only.
  configMap('restore-etcd-pod', {
    'pod.yaml': restore,
    'quorum-restore-pod.yaml': quorum({ ...names, now: names.seed }),
  });
  file(`${certs}/restore-etcd-pod/pod.yaml`, restore);
  file(`${certs}/restore-etcd-pod/quorum-restore-pod.yaml`, quorum(names));

  configMap('etcd-scripts', {
    'cluster-backup.sh': backupScript({ ...names, now: names.seed }),
    'cluster-restore.sh': restoreScript,
    'etcd.env': etcdEnv(names),
  });
  file(`${certs}/etcd-scripts/etcd.env`, etcdEnv(names));
  file(`${certs}/etcd-scripts/cluster-backup.sh`, backupScript(names), 0o744);
  file(`${certs}/etcd-scripts/cluster-restore.sh`, restoreScript, 0o744);
  return { objects: stored, files };
}

/** Certificates and keys of the member, by the names that its files have. */
function allCertificates({ now }: Names, pki: Pki): Record<string, string> {
  return Object.fromEntries(
    ['etcd-peer', 'etcd-serving', 'etcd-serving-metrics'].flatMap((kind) => {
      const pair = pki.issued.find(
        ({ spec }) => spec.kind === 'peer' && (spec.secrets ?? []).includes(`openshift-etcd/${kind}-${now.hostname}`),
      );
      if (pair === undefined) throw new Error(`the fixture has no pair for "${kind}-${now.hostname}"`);
      return [
        [`${kind}-${now.hostname}.crt`, certificatePem(pair)],
        [`${kind}-${now.hostname}.key`, keyPem(pair.key)],
      ];
    }),
  );
}

/** One entry, under the member's id; older releases called it by the address in base64. Later ones write IPv6 without brackets, too. */
function etcdEndpoints({ seed, now }: Names, revision: '' | (typeof revisions)[number]): Record<string, string> {
  return {
    [revision === 3 ? Buffer.from(seed.ips[0]).toString('base64').replaceAll('=', '') : '8e9e05c52164694d']: now.ips[0],
  };
}

/** Variables of the scripts (hostname/etcd-scripts): what a person on the node sources before etcdctl. */
function etcdEnv({ seed, now }: Names): string {
  const [{ hostname, safe }, ip] = [namesOf(now), bracketed(now.ips[0])];
  const all = '/etc/kubernetes/static-pod-certs/secrets/etcd-all-certs';
  return [
    'export ALL_ETCD_ENDPOINTS="https://' + ip + ':2379"',
    'export ETCDCTL_API="3"',
    'export ETCDCTL_CACERT="/etc/kubernetes/static-pod-certs/configmaps/etcd-serving-ca/ca-bundle.crt"',
    `export ETCDCTL_CERT="${all}/etcd-peer-${hostname}.crt"`,
    `export ETCDCTL_ENDPOINTS="https://${ip}:2379"`,
    'export ETCDCTL_IMAGE="quay.io/lab/etcd@sha256:00"',
    `export ETCDCTL_KEY="${all}/etcd-peer-${hostname}.key"`,
    'export ETCD_BLOCKED_VALUES="0"',
    `export ETCD_BOOTSTRAP_ENDPOINT="https://${bracketed(bootstrapOf(seed).ip)}:2379"`,
    'export ETCD_DATA_DIR="/var/lib/etcd"',
    `export NODE_${safe}_ETCD_NAME="${hostname}"`,
    `export NODE_${safe}_ETCD_URL_HOST="${ip}"`,
    `export NODE_${safe}_IP="${ip}"`,
    `export NODE_${namesOf(seed).safe}0_IP="${bracketed(bootstrapOf(seed).ip)}"`,
    '',
  ].join('\n');
}

/** hostname/backup-script: in the file the variable of the node is another one; etcd's copy is the operator's to rewrite. */
function backupScript({ now }: Names): string {
  return `#!/usr/bin/env bash\n\n# copies the database and the resources of the static pods\nset -o errexit -o pipefail\nsource /etc/kubernetes/static-pod-resources/etcd-certs/configmaps/etcd-scripts/etcd.env\nif [ -z "\${NODE_${namesOf(now).safe}_IP:-}" ]; then\n  echo 'no address of this node' >&2\n  exit 1\nfi\netcdctl snapshot save "$1/snapshot_$(date +%F).db" --endpoints "\${NODE_${namesOf(now).safe}_IP}:2379"\n`;
}

const restoreScript =
  '#!/usr/bin/env bash\n\nset -o errexit\nmv /etc/kubernetes/manifests/*.yaml "${ASSET_DIR}/manifests-stopped"\ncp -p "$1" /var/lib/etcd-backup/snapshot.db\n';
