import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { domainOf, type Identity } from './identity.ts';
import { installConfigText } from './install-config.ts';

/** Which options lead from one identity to the other, and so which tables of internal/recert/rename/README.md count. */
export type Asked = {
  readonly rename: boolean;
  readonly hostname: boolean;
  readonly ip: boolean;
  readonly rules: boolean;
};

export function askedFor(seed: Identity, now: Identity): Asked {
  const differs = (...fields: readonly (keyof Identity)[]): boolean =>
    fields.some((field) => JSON.stringify(seed[field]) !== JSON.stringify(now[field]));
  const asked = {
    rename: differs('clusterName', 'baseDomain', 'infraId'),
    hostname: differs('hostname'),
    ip: differs('ips'),
  };
  return { ...asked, rules: asked.rename || asked.hostname || asked.ip };
}

/**
 * The configuration that asks for exactly the differences of two identities, in the forms of the production caller. Spread it to add
 * a state folder or more. What a cluster lacks cannot be asked for: a proxy, for one.
 */
export function configFor(
  cluster: Pick<Cluster, 'config' | 'root'>,
  seed: Identity,
  now: Identity,
): Readonly<Record<string, unknown>> {
  const asked = askedFor(seed, now);
  const changed = (field: keyof Identity): boolean => JSON.stringify(seed[field]) !== JSON.stringify(now[field]);
  const given = <T>(key: string, isAsked: boolean, value: T): Record<string, T> => (isAsked ? { [key]: value } : {});
  const { root } = cluster;
  return {
    ...cluster.config,
    cluster_customization_dirs: [...cluster.config.crypto_dirs, join(root, 'etc/pki')],
    cluster_customization_files: ['etc/mcs-machine-config-content.json', 'etc/mco/proxy.env', 'etc/chrony.conf']
      .map((path) => join(root, path))
      .filter((path) => existsSync(path)),
    ...given('cn_san_replace_rules', asked.rules, rulesFor(seed, now)),
    ...given('cluster_rename', asked.rename, `${now.clusterName}:${now.baseDomain}:${now.infraId}`),
    ...given('hostname', asked.hostname, now.hostname),
    // One address as a text, two as a list.
    ...given('ip', asked.ip, now.ips.length === 1 ? now.ips[0] : now.ips),
    ...given(
      'machine_network_cidr',
      changed('machineNetworks'),
      now.machineNetworks.length === 1 ? now.machineNetworks[0] : now.machineNetworks,
    ),
    ...given('kubeadmin_password_hash', changed('kubeadminHash'), now.kubeadminHash ?? ''),
    ...given('pull_secret', changed('pullSecret'), now.pullSecret),
    ...given(
      'proxy',
      changed('proxy') && now.proxy !== undefined,
      [now.proxy?.spec, now.proxy?.status]
        .flatMap((part) => [part?.http ?? '', part?.https ?? '', part?.no ?? ''])
        .join('|'),
    ),
    // Back from a text that was given leads only another one.
    ...given('install_config', changed('installConfig'), now.installConfig ?? installConfigText(now, now)),
    ...given('user_ca_bundle', changed('userCaBundle') && now.userCaBundle !== undefined, now.userCaBundle ?? ''),
    ...given(
      'proxy_trusted_ca_bundle',
      changed('proxyTrustedCa') && now.proxyTrustedCa !== undefined,
      `${now.proxyTrustedCa?.configMap ?? ''}:${now.proxyTrustedCa?.configMap === 'user-ca-bundle' ? '' : (now.proxyTrustedCa?.bundle ?? '')}`,
    ),
    ...given('chrony_config', changed('chrony'), now.chrony),
  };
}

/** All of them are sent when one is needed; that of the router's authority changes nothing here. */
export function rulesFor(seed: Identity, now: Identity): string[] {
  const [was, is] = [domainOf(seed), domainOf(now)];
  const pairs = [
    [`system:node:${seed.hostname}`, `system:node:${now.hostname}`],
    [seed.hostname, now.hostname],
    [`api.${was}`, `api.${is}`],
    [`api-int.${was}`, `api-int.${is}`],
    [`*.apps.${was}`, `*.apps.${is}`],
    ...seed.ips.map((ip, index) => [ip, now.ips[index] ?? ip]),
    ['ingress-operator@1747106563', 'ingress-operator@1747106563'],
  ];
  return pairs.map((pair) => pair.join(','));
}
