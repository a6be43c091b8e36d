import { imageNames } from './artefacts/images.ts';

/*
 * The generated cluster's static pods, made fit to run. Containers, names, commands, variables and paths stay the templates' own, so that what
 * runs after a renewal is what recert has written. Other are the images, in which programs of operators do nothing; added are mounts that
 * the templates leave out.
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
  spec: {
    containers: Container[];
    initContainers?: Container[];
    volumes?: { name: string; hostPath: { path: string; type?: string } }[];
    [other: string]: unknown;
  };
};

const resources = '/etc/kubernetes/static-pod-resources';

/** What the container that gives the pod its name needs besides. */
type Shape = {
  readonly container: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly mounts: Readonly<Record<string, { readonly from: string; readonly at: string }>>;
};

const shapes: Readonly<Record<string, Shape>> = {
  // the operator's manifest has the variable; the template leaves it out
  'etcd-pod.yaml': { container: 'etcd', variables: { ETCD_DATA_DIR: '/var/lib/etcd' }, mounts: {} },
  'kube-apiserver-pod.yaml': {
    container: 'kube-apiserver',
    mounts: {
      'resource-dir': { from: `${resources}/kube-apiserver-pod-10`, at: resources },
      'cert-dir': { from: `${resources}/kube-apiserver-certs`, at: '/etc/kubernetes/static-pod-certs' },
      'etcd-certs': { from: `${resources}/etcd-certs`, at: '/etc/kubernetes/etcd-certs' },
      'audit-dir': { from: '/var/log/kube-apiserver', at: '/var/log/kube-apiserver' },
    },
  },
  'kube-controller-manager-pod.yaml': {
    container: 'kube-controller-manager',
    mounts: {
      'resource-dir': { from: `${resources}/kube-controller-manager-pod-10`, at: resources },
      'cert-dir': { from: `${resources}/kube-controller-manager-certs`, at: '/etc/kubernetes/static-pod-certs' },
      'apiserver-certs': { from: `${resources}/kube-apiserver-certs`, at: '/etc/kubernetes/apiserver-certs' },
    },
  },
};

const imageOf = (image: string): string =>
  image.startsWith('quay.io/lab/etcd@') ? imageNames.etcd : imageNames.hyperkube;

/** The text of a manifest that runs here. */
export function runnablePod(file: string, text: string): string {
  const { container: main = '', variables = {}, mounts = {} } = shapes[file] ?? {};
  const pod = JSON.parse(text) as Pod; // the generator's own
  const { spec } = pod;
  const here = (container: Container): Container => ({
    ...container,
    image: imageOf(container.image),
    imagePullPolicy: 'IfNotPresent',
  });
  const withMounts = (container: Container): Container => ({
    ...container,
    // what waits for the port of a former process is no second command, but would make the shell forget the first
    ...(container.args === undefined ? {} : { args: [container.args.at(-1) ?? ''] }),
    env: [...(container.env ?? []), ...Object.entries(variables).map(([name, value]) => ({ name, value }))],
    volumeMounts: [
      ...(container.volumeMounts ?? []),
      ...Object.entries(mounts).map(([name, { at }]) => ({ name, mountPath: at })),
    ],
  });
  spec.containers = spec.containers.map((one) => here(one.name === main ? withMounts(one) : one));
  if (spec.initContainers !== undefined) spec.initContainers = spec.initContainers.map(here);
  spec['tolerations'] = [{ operator: 'Exists' }];
  spec['priorityClassName'] = 'system-node-critical';
  spec['terminationGracePeriodSeconds'] = 5;
  spec.volumes = [
    ...(spec.volumes ?? []),
    ...Object.entries(mounts).map(([name, { from }]) => ({
      name,
      hostPath: { path: from, type: 'DirectoryOrCreate' },
    })),
  ];
  return JSON.stringify(pod);
}
