import { imageNames } from './artefacts/images.ts';

/*
 * The generated cluster's static pods, made fit to run. Names, commands, variables and paths stay the templates' own, so that what runs
 * after a renewal is what recert has written. Taken away: containers of operators that do not exist here. Added: images that do, and
 * mounts that the templates leave out.
 */

type Container = {
  name: string;
  image: string;
  args?: string[];
  env?: object[];
  volumeMounts?: { name: string; mountPath: string }[];
  [other: string]: unknown;
};
type Pod = {
  metadata: { namespace: string };
  spec: {
    containers: Container[];
    initContainers?: Container[];
    volumes?: { name: string; hostPath: { path: string; type?: string } }[];
    [other: string]: unknown;
  };
};

const resources = '/etc/kubernetes/static-pod-resources';

type Shape = {
  /** The one container that runs. */
  readonly container: string;
  readonly image: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly mounts: Readonly<Record<string, { readonly from: string; readonly at: string }>>;
};

const shapes: Readonly<Record<string, Shape>> = {
  'etcd-pod.yaml': {
    container: 'etcd',
    image: imageNames.etcd,
    // the operator's manifest has it; the template leaves it out
    variables: { ETCD_DATA_DIR: '/var/lib/etcd' },
    mounts: {},
  },
  'kube-apiserver-pod.yaml': {
    container: 'kube-apiserver',
    image: imageNames.hyperkube,
    mounts: {
      'resource-dir': { from: `${resources}/kube-apiserver-pod-10`, at: resources },
      'cert-dir': { from: `${resources}/kube-apiserver-certs`, at: '/etc/kubernetes/static-pod-certs' },
      'etcd-certs': { from: `${resources}/etcd-certs`, at: '/etc/kubernetes/etcd-certs' },
      'audit-dir': { from: '/var/log/kube-apiserver', at: '/var/log/kube-apiserver' },
    },
  },
  'kube-controller-manager-pod.yaml': {
    container: 'kube-controller-manager',
    image: imageNames.hyperkube,
    mounts: {
      'resource-dir': { from: `${resources}/kube-controller-manager-pod-10`, at: resources },
      'cert-dir': { from: `${resources}/kube-controller-manager-certs`, at: '/etc/kubernetes/static-pod-certs' },
      'apiserver-certs': { from: `${resources}/kube-apiserver-certs`, at: '/etc/kubernetes/apiserver-certs' },
    },
  },
};

/** Files of /etc/kubernetes/manifests that the lab's kubelet runs; the others are taken away. */
export const runnablePods = Object.keys(shapes);

/** The text of a manifest that runs here. */
export function runnablePod(file: string, text: string): string {
  const shape = shapes[file];
  if (shape === undefined) throw new Error(`"${file}" is no pod of the lab`);
  const pod = JSON.parse(text) as Pod; // the generator's own
  const { spec } = pod;
  const found = spec.containers.find(({ name }) => name === shape.container);
  if (found === undefined) throw new Error(`"${file}" has no container "${shape.container}"`);
  const mounts = Object.entries(shape.mounts);
  const container: Container = {
    ...found,
    image: shape.image,
    imagePullPolicy: 'IfNotPresent',
    // what waits for the port of a former process is no second command, but the shell's $0
    ...(found.args === undefined ? {} : { args: [found.args.at(-1) ?? ''] }),
    env: [...(found.env ?? []), ...Object.entries(shape.variables ?? {}).map(([name, value]) => ({ name, value }))],
    volumeMounts: [...(found.volumeMounts ?? []), ...mounts.map(([name, { at }]) => ({ name, mountPath: at }))],
  };
  delete spec.initContainers;
  spec.containers = [container];
  spec['tolerations'] = [{ operator: 'Exists' }];
  spec['priorityClassName'] = 'system-node-critical';
  spec.volumes = [
    ...(spec.volumes ?? []),
    ...mounts.map(([name, { from }]) => ({ name, hostPath: { path: from, type: 'DirectoryOrCreate' } })),
  ];
  return JSON.stringify(pod);
}
