import type { ClusterChanges } from '../../config/recert-config-cluster.ts';
import type { NameRule } from '../../config/recert-config-rules.ts';
import {
  certManagerSteps,
  clusterVersionStep,
  packageServerStep,
  staleObjectSteps,
  webhookAuthenticatorStep,
} from './always.ts';
import type { AddressPair } from './address-text.ts';
import type { Cluster } from './cluster.ts';
import { domainFileSteps } from './domain-files.ts';
import { domainObjectSteps } from './domain-objects.ts';
import { hostNameReads, hostNameSteps, seedHostName } from './host-name.ts';
import { newInfraId } from './infra-id.ts';
import { addressSteps, nodeReads } from './node-address.ts';
import { proxySteps, readProxy } from './proxy.ts';
import { rolloutReads, rolloutSteps } from './rollout-hashes.ts';
import { chronySteps, installConfigSteps, kubeadminSteps, machineNetworkSteps, pullSecretSteps } from './settings.ts';
import type { Option, Reads, Step } from './step.ts';
import { proxyBundleSteps, userBundleSteps } from './trust-bundles.ts';

/** What is to be read before the steps can be listed: the old address and name stand in etcd. */
export const seedReads: Reads = {
  objects: [...(nodeReads.objects ?? []), ...(hostNameReads.objects ?? []), ...(rolloutReads.objects ?? [])],
};

export type Asked = { readonly changes: ClusterChanges; readonly nameRules: readonly NameRule[] };

/** Steps of one option, in their order. */
export type Part = { readonly option: Option; readonly says: string; readonly steps: readonly Step[] };

/**
 * All steps of a run, in the order of the reference: what comes later sees what came before. `seed` holds what `seedReads`
 * names; `pairs` are the addresses that change.
 * @throws Failure where the seed does not fit what is asked
 */
export function partsOf({ changes, nameRules }: Asked, seed: Cluster, pairs: readonly AddressPair[]): Part[] {
  const {
    clusterRename,
    hostname,
    kubeadminPasswordHash,
    proxy,
    installConfig,
    pullSecret,
    userCaBundle,
    proxyTrustedCaBundle,
    machineNetworks,
    chronyConfig,
  } = changes;
  const part = (option: Option, says: string, steps: readonly Step[]): Part[] =>
    steps.length === 0 ? [] : [{ option, says, steps }];
  return [
    ...part('always', 'What follows from new certificates', [
      packageServerStep(),
      ...staleObjectSteps(),
      webhookAuthenticatorStep(),
    ]),
    ...part('ip', 'Address of the node', pairs.length === 0 ? [] : addressSteps(pairs)),
    ...part(
      'cluster_rename',
      'Name and domain of the cluster',
      clusterRename === undefined ? [] : renamed(clusterRename),
    ),
    ...part('hostname', 'Name of the node', hostname === undefined ? [] : hostNameSteps(seedHostName(seed), hostname)),
    ...part(
      'kubeadmin_password_hash',
      'Password of kubeadmin',
      kubeadminPasswordHash === undefined ? [] : kubeadminSteps(kubeadminPasswordHash.reveal()),
    ),
    ...part('proxy', 'Proxy', proxy === undefined ? [] : proxySteps(readProxy(proxy.reveal()))),
    ...part(
      'install_config',
      'Install-config',
      installConfig === undefined ? [] : installConfigSteps(installConfig.reveal()),
    ),
    ...part('pull_secret', 'Pull secret', pullSecret === undefined ? [] : pullSecretSteps(pullSecret.reveal())),
    // Before the user's bundle: it reads the old one, which may be the very ConfigMap that the user's bundle is written to.
    ...part(
      'proxy_trusted_ca_bundle',
      'Trust bundle of the proxy',
      proxyTrustedCaBundle === undefined
        ? []
        : proxyBundleSteps(
            proxyTrustedCaBundle.configMap,
            proxyTrustedCaBundle.configMap === 'user-ca-bundle' ? (userCaBundle ?? '') : proxyTrustedCaBundle.bundle,
          ),
    ),
    ...part(
      'user_ca_bundle',
      'Trust bundle of the site',
      userCaBundle === undefined ? [] : userBundleSteps(userCaBundle),
    ),
    ...part(
      'machine_network_cidr',
      'Machine network',
      machineNetworks.length === 0 ? [] : machineNetworkSteps(machineNetworks),
    ),
    ...part('chrony_config', 'Time servers', chronyConfig === undefined ? [] : chronySteps(chronyConfig)),
    ...part(
      'cn_san_replace_rules',
      'Names in cert-manager',
      nameRules.length === 0
        ? []
        : certManagerSteps((name) => nameRules.findLast((rule) => rule.old === name)?.new ?? name),
    ),
    ...part('always', 'State that watchers read', [clusterVersionStep()]),
    ...part('always', 'Hashes by which operators decide on rollouts', rolloutSteps(seed)),
  ];
}

function renamed({ name, baseDomain, infraId }: NonNullable<ClusterChanges['clusterRename']>): Step[] {
  const to = { name, baseDomain, domain: `${name}.${baseDomain}`, infraId: infraId ?? newInfraId(name) };
  return [...domainObjectSteps(to), ...domainFileSteps(to)];
}

/** True when a person asks for more than new certificates. */
export function asksForIdentity({ changes }: Asked): boolean {
  const {
    addresses,
    machineNetworks,
    clusterRename,
    hostname,
    kubeadminPasswordHash,
    pullSecret,
    proxy,
    installConfig,
    userCaBundle,
    proxyTrustedCaBundle,
    chronyConfig,
  } = changes;
  return (
    addresses.length + machineNetworks.length > 0 ||
    [
      clusterRename,
      hostname,
      kubeadminPasswordHash,
      pullSecret,
      proxy,
      installConfig,
      userCaBundle,
      proxyTrustedCaBundle,
      chronyConfig,
    ].some((value) => value !== undefined)
  );
}
