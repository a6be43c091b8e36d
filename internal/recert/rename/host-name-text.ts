import type { FieldPath } from '../../edit/json.ts';
import type { Editor } from './editor.ts';

/** The node's name in texts of the etcd operator (README, the node's name in texts). `safe` names stand in environment variables. */
export type HostNames = {
  readonly old: string;
  readonly fresh: string;
  readonly oldSafe: string;
  readonly freshSafe: string;
};

export function hostNames(old: string, fresh: string): HostNames {
  const safe = (name: string): string => name.replace(/[-.]/g, '_');
  return { old, fresh, oldSafe: safe(old), freshSafe: safe(fresh) };
}

const certificates = '/etc/kubernetes/static-pod-certs/secrets/etcd-all-certs/';
export const certificateKinds = ['etcd-peer', 'etcd-serving', 'etcd-serving-metrics'] as const;

/** Names of variables, whole: `NODE_a_IP` is no part of `NODE_a_IP2`, nor of `OLD_NODE_a_IP`. */
function variables(text: string, { oldSafe, freshSafe }: HostNames): string {
  return text.replace(
    new RegExp(`(?<![A-Za-z0-9_])NODE_${RegExp.escape(oldSafe)}_(ETCD_URL_HOST|ETCD_NAME|IP)(?![A-Za-z0-9_])`, 'g'),
    (_whole, what: string) => `NODE_${freshSafe}_${what}`,
  );
}

function certificateFiles(text: string, { old, fresh }: HostNames): string {
  return text.replace(
    new RegExp(
      `${RegExp.escape(certificates)}(etcd-peer|etcd-serving-metrics|etcd-serving)-${RegExp.escape(old)}\\.(crt|key)(?![A-Za-z0-9.-])`,
      'g',
    ),
    (_whole, kind: string, end: string) => `${certificates}${kind}-${fresh}.${end}`,
  );
}

function targetName(text: string, { old, fresh }: HostNames): string {
  return text.replace(
    new RegExp(`--target-name=${RegExp.escape(old)}(?![A-Za-z0-9.-])`, 'g'),
    () => `--target-name=${fresh}`,
  );
}

/** A word of a command line. */
export const inCommand = (text: string, names: HostNames): string =>
  targetName(certificateFiles(variables(text, names), names), names);

/** A static pod as YAML text: command lines, and the name as a value. */
export function inPodText(text: string, names: HostNames): string {
  return inCommand(text, names).replaceAll(`value: "${names.old}"`, () => `value: "${names.fresh}"`);
}

/** `etcd.env`: exported variables; the name itself is the value of one. */
export function inEtcdEnv(text: string, names: HostNames): string {
  const named = text.replaceAll(
    `NODE_${names.oldSafe}_ETCD_NAME="${names.old}"`,
    () => `NODE_${names.oldSafe}_ETCD_NAME="${names.fresh}"`,
  );
  return certificateFiles(variables(named, names), names);
}

/** `cluster-backup.sh` knows the node's address by a variable. */
export const inBackupScript = (text: string, names: HostNames): string => variables(text, names);

/** The static pod of etcd as JSON: command lines, and the environment by name. */
export function inPod(pod: Editor, names: HostNames): void {
  for (const list of ['initContainers', 'containers'] as const) {
    const containers = pod.keysAt(['spec', list]);
    if (containers.length === 0) pod.fail(['spec', list], 'has no container');
    for (const index of containers) inContainer(pod, ['spec', list, index], names);
  }
}

function inContainer(pod: Editor, container: FieldPath, names: HostNames): void {
  if (pod.keysAt([...container, 'command']).length === 0) pod.fail([...container, 'command'], 'is empty');
  for (const list of ['command', 'args']) {
    for (const index of pod.keysAt([...container, list]))
      pod.rewrite([...container, list, index], (text) => inCommand(text, names));
  }
  const { fresh, oldSafe, freshSafe } = names;
  const values: Readonly<Record<string, string>> = {
    ETCDCTL_CERT: `${certificates}etcd-peer-${fresh}.crt`,
    ETCDCTL_KEY: `${certificates}etcd-peer-${fresh}.key`,
    ETCDCTL_KEY_FILE: `${certificates}etcd-peer-${fresh}.key`,
  };
  for (const index of pod.keysAt([...container, 'env'])) {
    const variable = [...container, 'env', index];
    const name = pod.textAt([...variable, 'name']) ?? '';
    const value = values[name];
    if (value !== undefined) pod.replace([...variable, 'value'], value);
    const what = ['ETCD_NAME', 'ETCD_URL_HOST', 'IP'].find((one) => name === `NODE_${oldSafe}_${one}`);
    if (what === undefined) continue;
    pod.replace([...variable, 'name'], `NODE_${freshSafe}_${what}`);
    if (what === 'ETCD_NAME') pod.replace([...variable, 'value'], fresh);
  }
}
