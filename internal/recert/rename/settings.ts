import { configMap, secret } from './keys.ts';
import { ignitionFile, machineConfigSteps } from './ignition-files.ts';
import { object, removals, singleTexts, textChange, type Step } from './step.ts';
import type { Change } from './change.ts';

/** What is a value of its own and is replaced as a whole. */

const installConfigs = ['kube-system', 'openshift-etcd'].map((namespace) => configMap(namespace, 'cluster-config-v1'));

/** An empty hash removes the user. */
export function kubeadminSteps(hash: string): Step[] {
  const key = secret('kube-system', 'kubeadmin');
  return [
    hash === ''
      ? removals('kubeadmin/password', [key], (name) => name === key)
      : object('kubeadmin/password', key, (one) => {
          one.set(['data', 'kubeadmin'], hash, { secret: true });
        }),
  ];
}

export function installConfigSteps(text: string): Step[] {
  return installConfigs.map((key) =>
    object('install-config/text', key, (map) => {
      map.set(['data', 'install-config'], text, { secret: true });
    }),
  );
}

/** The network operator derives `noProxy` from it. */
export function machineNetworkSteps(cidrs: readonly string[]): Step[] {
  return installConfigs.map((key) =>
    object('install-config/machine-network', key, (map) => {
      map.within(['data', 'install-config'], (text) => {
        text.replace(
          ['networking', 'machineNetwork'],
          cidrs.map((cidr) => ({ cidr: cidr.trim() })),
        );
      });
    }),
  );
}

export function pullSecretSteps(text: string): Step[] {
  const how = { secret: true } as const;
  return [
    ...machineConfigSteps('pull-secret/machine-configs', (config) => {
      ignitionFile(config, '/var/lib/kubelet/config.json', () => text, how);
    }),
    object('pull-secret/object', secret('openshift-config', 'pull-secret'), (one) => {
      one.set(['data', '.dockerconfigjson'], text, how);
    }),
    kubeletConfig(text),
  ];
}

/**
 * `config.json` of the kubelet's folder. A pod's volume may hold a file of that name which is something else, so below the folder only
 * what looks like a pull secret is one.
 */
function kubeletConfig(text: string): Step {
  const pattern = /\/config\.json$/;
  return {
    row: 'pull-secret/kubelet',
    reads: { files: [pattern] },
    changes: (cluster, say) =>
      cluster.files(pattern).flatMap((path): Change[] => {
        const inKubelet = /\/kubelet\/(?:.*\/)?config\.json$/.test(path);
        if (!inKubelet) return [];
        if (!/\/kubelet\/config\.json$/.test(path) && !isPullSecret(cluster.bytes(path))) {
          say(`"${path}" is no pull secret and is left as it is`);
          return [];
        }
        return [textChange(cluster, path, () => text, { secret: true })];
      }),
  };
}

function isPullSecret(bytes: Uint8Array): boolean {
  try {
    const data: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof data === 'object' && data !== null && 'auths' in data;
  } catch {
    return false;
  }
}

export function chronySteps(text: string): Step[] {
  return [
    ...machineConfigSteps('chrony/machine-configs', (config) => {
      ignitionFile(config, '/etc/chrony.conf', () => text);
    }),
    singleTexts('chrony/file', 'chrony.conf', () => text),
  ];
}
