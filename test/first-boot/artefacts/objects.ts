import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Identity } from '../../cluster/identity.ts';
import { until } from '../../vm/command.ts';
import type { Api } from '../api.ts';

/*
 * What the real API server is told before the cluster becomes a seed: the kinds of OpenShift, and objects that post-pivot meets. All
 * others are the generator's, which knows etcd only.
 */

type Definition = {
  metadata: { name: string };
  spec: { group: string; names: { plural: string }; versions: { name: string; served: boolean }[] };
};

/** Creates the kinds and waits until each can be listed: "Established" comes before that. */
export async function createKinds(api: Api, folder: string): Promise<void> {
  const definitions: Definition[] = [];
  for (const name of await readdir(folder))
    definitions.push(parse(await readFile(join(folder, name), 'utf8')) as Definition); // as OpenShift publishes them
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await Promise.all(definitions.map((definition) => created(api, path, definition)));
  for (const { spec } of definitions) {
    const version = spec.versions.find(({ served }) => served)?.name ?? '';
    const list = `/apis/${spec.group}/${version}/${spec.names.plural}?limit=1`;
    await until(`a list of ${spec.names.plural}`, async () => (await api.ask('GET', list)).status === 200, 60_000);
  }
}

async function created(api: Api, path: string, body: object): Promise<void> {
  const { status, body: said, trouble } = await api.ask('POST', path, body);
  if (status !== 201 && status !== 409)
    throw new Error(`POST ${path}: ${trouble ?? `${status ?? ''} ${JSON.stringify(said).slice(0, 600)}`}`);
}

const cvoImage =
  'quay.io/openshift-release-dev/ocp-release@sha256:1111111111111111111111111111111111111111111111111111111111111111';

/** Mirrors, catalogs, the version operator, the ssh key's MachineConfigs, and the seed's own Node. */
export async function createObjects(api: Api, { hostname, ips }: Identity): Promise<void> {
  const config = '/apis/config.openshift.io/v1';
  const namespaces = [
    'openshift-marketplace',
    'openshift-cluster-version',
    'openshift-config',
    'openshift-etcd',
    'lab',
  ];
  for (const name of [...namespaces, 'openshift-kube-apiserver', 'openshift-kube-controller-manager'])
    await created(api, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await created(api, '/apis/operator.openshift.io/v1alpha1/imagecontentsourcepolicies', {
    apiVersion: 'operator.openshift.io/v1alpha1',
    kind: 'ImageContentSourcePolicy',
    metadata: { name: 'seed-icsp' },
    spec: { repositoryDigestMirrors: [{ source: 'quay.io/seed', mirrors: ['mirror.seed.example.net:5000/seed'] }] },
  });
  await created(api, `${config}/imagedigestmirrorsets`, {
    apiVersion: 'config.openshift.io/v1',
    kind: 'ImageDigestMirrorSet',
    metadata: { name: 'seed-idms' },
    spec: { imageDigestMirrors: [{ source: 'quay.io/other', mirrors: ['mirror.seed.example.net:5000/other'] }] },
  });
  for (const name of ['redhat-operators', 'certified-operators'])
    await created(api, '/apis/operators.coreos.com/v1alpha1/namespaces/openshift-marketplace/catalogsources', {
      apiVersion: 'operators.coreos.com/v1alpha1',
      kind: 'CatalogSource',
      metadata: { name, namespace: 'openshift-marketplace' },
      spec: { sourceType: 'grpc', image: `mirror.seed.example.net:5000/${name}:v4.20` },
    });
  const labels = { 'k8s-app': 'cluster-version-operator' };
  await created(api, '/apis/apps/v1/namespaces/openshift-cluster-version/deployments', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cluster-version-operator', namespace: 'openshift-cluster-version' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: 'cluster-version-operator',
              image: cvoImage,
              args: ['start', `--release-image=${cvoImage}`, '--v=2'],
            },
          ],
        },
      },
    },
  });
  for (const role of ['master', 'worker'])
    await created(api, '/apis/machineconfiguration.openshift.io/v1/machineconfigs', {
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfig',
      metadata: { name: `99-${role}-ssh`, labels: { 'machineconfiguration.openshift.io/role': role } },
      spec: {
        config: {
          ignition: { version: '3.2.0' },
          passwd: { users: [{ name: 'core', sshAuthorizedKeys: ['ssh-ed25519 AAAA-of-the-seed seed'] }] },
        },
      },
    });
  // the seed's own: post-pivot meets it again when the host name stays
  await created(api, '/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: hostname,
      labels: {
        'kubernetes.io/hostname': hostname,
        'node-role.kubernetes.io/master': '',
        'node-role.kubernetes.io/control-plane': '',
        'node.openshift.io/os_id': 'rhel',
      },
    },
    spec: { podCIDR: ips[0].includes(':') ? 'fd01:0:0:1::/64' : '10.128.0.0/23' },
  });
}
