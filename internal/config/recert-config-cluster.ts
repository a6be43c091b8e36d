import { isIP } from 'node:net';
import { isDnsName } from '../address/dns-name.ts';
import { UsageError } from '../errors/errors.ts';
import { parseConfigDocument } from './document.ts';
import type { Secret } from '../log/secret.ts';
import { readBundle } from './recert-config-bundle.ts';
import type { RecertValues } from './recert-config-values.ts';

/** The new identity of the cluster as it is asked for. Absent means untouched. */
export type ClusterChanges = {
  readonly clusterRename?: { readonly name: string; readonly baseDomain: string; readonly infraId?: string };
  readonly hostname?: string;
  readonly addresses: readonly string[];
  readonly machineNetworks: readonly string[];
  /** Empty: the user is removed. */
  readonly kubeadminPasswordHash?: Secret;
  readonly pullSecret?: Secret;
  readonly proxy?: Secret;
  readonly installConfig?: Secret;
  readonly userCaBundle?: string;
  readonly proxyTrustedCaBundle?: { readonly configMap: string; readonly bundle: string };
  readonly chronyConfig?: string;
};

/** Reads and checks the keys of the new identity. An empty text is refused, but for kubeadmin's, where empty means removal. */
export async function readClusterChanges(values: RecertValues): Promise<ClusterChanges> {
  for (const key of ['cluster_rename', 'hostname', 'chrony_config', 'proxy_trusted_ca_bundle'] as const)
    if (values[key] === '') throw empty(key);
  for (const key of ['pull_secret', 'proxy', 'install_config'] as const)
    if (values[key]?.reveal() === '') throw empty(key);
  const userCaBundle =
    values.user_ca_bundle === undefined ? undefined : await readBundle(values.user_ca_bundle, 'user_ca_bundle');
  const proxyTrustedCaBundle =
    values.proxy_trusted_ca_bundle === undefined
      ? undefined
      : await readProxyBundle(values.proxy_trusted_ca_bundle, userCaBundle !== undefined);
  if (values.proxy !== undefined && values.proxy.reveal().split('|').length !== 6)
    throw new UsageError(
      `proxy must have six parts between bars, it has ${String(values.proxy.reveal().split('|').length)}`,
      { next: 'write http|https|no_proxy|status http|status https|status no_proxy, or leave the key out' },
    );
  if (values.install_config !== undefined) refuseMalformed(values.install_config);
  return {
    ...(values.cluster_rename === undefined ? {} : { clusterRename: readRename(values.cluster_rename) }),
    ...(values.hostname === undefined ? {} : { hostname: readHostname(values.hostname) }),
    addresses: readAddresses(atMostTwo('ip', values.ip ?? [])),
    machineNetworks: atMostTwo('machine_network_cidr', values.machine_network_cidr ?? []).map(readNetwork),
    ...(values.kubeadmin_password_hash === undefined ? {} : { kubeadminPasswordHash: values.kubeadmin_password_hash }),
    ...(values.pull_secret === undefined ? {} : { pullSecret: values.pull_secret }),
    ...(values.proxy === undefined ? {} : { proxy: values.proxy }),
    ...(values.install_config === undefined ? {} : { installConfig: values.install_config }),
    ...(userCaBundle === undefined ? {} : { userCaBundle }),
    ...(proxyTrustedCaBundle === undefined ? {} : { proxyTrustedCaBundle }),
    ...(values.chrony_config === undefined ? {} : { chronyConfig: values.chrony_config }),
  };
}

function empty(key: string): UsageError {
  return new UsageError(`${key} must not be empty`, { next: `give ${key} a value, or leave the key out` });
}

function readRename(text: string): NonNullable<ClusterChanges['clusterRename']> {
  const [name, baseDomain, infraId, ...more] = text.split(':');
  if (name === undefined || baseDomain === undefined || more.length > 0 || [name, baseDomain, infraId].includes('')) {
    throw new UsageError(`cluster_rename "${text}" is not of the form name:domain or name:domain:infra-id`, {
      next: 'correct cluster_rename',
    });
  }
  for (const [what, value] of [
    ['name', name],
    ['domain', baseDomain],
  ] as const) {
    if (!isDnsName(value))
      throw new UsageError(`cluster_rename: "${value}" is not a ${what} in DNS`, {
        next: 'write lower-case letters, digits and dashes, with dots between labels',
      });
  }
  if (infraId !== undefined && !/^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(infraId))
    throw new UsageError(`cluster_rename: "${infraId}" is not an infrastructure id`, {
      next: 'write letters, digits and dashes, or leave it out for a new one',
    });
  return { name, baseDomain, ...(infraId === undefined ? {} : { infraId }) };
}

function readHostname(text: string): string {
  if (!isDnsName(text) || text.length > 253)
    throw new UsageError(`hostname "${text}" is not the name of a node`, {
      next: 'write lower-case letters, digits and dashes, with dots between labels',
    });
  return text;
}

/** IPv6 in its shortest form, which is how Kubernetes writes it. */
function readAddresses(texts: readonly string[]): readonly string[] {
  const wrong = texts.find((text) => isIP(text) === 0 || text.includes('%'));
  if (wrong !== undefined)
    throw new UsageError(`ip "${wrong}" is not an IP address`, {
      next: 'write one address, or two of different families',
    });
  if (texts.length === 2 && isIP(texts[0] ?? '') === isIP(texts[1] ?? ''))
    throw new UsageError(`ip "${texts.join('" and "')}" are of one family`, {
      next: 'give an IPv4 and an IPv6 address for dual stack',
    });
  return texts.map((text) => (isIP(text) === 6 ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text));
}

function readNetwork(text: string): string {
  const [, address = '', length = ''] = /^\s*(\S+)\/(\d{1,3})\s*$/.exec(text) ?? [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (length === '' || Number(length) > most)
    throw new UsageError(`machine_network_cidr "${text}" is not a network`, {
      next: 'write address/prefix length, for example 192.0.2.0/24',
    });
  return text.trim();
}

/** Its text is written as it is; whoever reads it later reads YAML. */
function refuseMalformed(installConfig: Secret): void {
  try {
    parseConfigDocument(Buffer.from(installConfig.reveal()), 'install_config');
  } catch {
    // What the parser says may show a piece of the pull secret.
    throw new UsageError('install_config is not a YAML document of keys and values', {
      next: 'give the whole text of an install-config.yaml',
    });
  }
}

function atMostTwo(key: string, values: readonly string[]): readonly string[] {
  if (values.length > 2)
    throw new UsageError(`${key} array must have up to 2 elements, it has ${String(values.length)}`, {
      next: 'give one, or two for dual stack',
    });
  return values;
}

async function readProxyBundle(
  text: string,
  hasUserBundle: boolean,
): Promise<NonNullable<ClusterChanges['proxyTrustedCaBundle']>> {
  const colon = text.indexOf(':');
  const [configMap, source] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
  if (colon < 0 || configMap === '')
    throw new UsageError('proxy_trusted_ca_bundle is not of the form name:bundle', {
      next: 'write the name of the ConfigMap, a colon, and a file or PEM text',
    });
  if (configMap === 'user-ca-bundle') {
    if (source !== '')
      throw new UsageError('user-ca-bundle configmap name requires ca-bundle to be empty', {
        next: 'write "user-ca-bundle:", and give the bundle as user_ca_bundle',
      });
    if (!hasUserBundle)
      throw new UsageError('proxy user-ca-bundle configmap name requires user-ca-bundle to be set', {
        next: 'give user_ca_bundle, too',
      });
    return { configMap, bundle: '' };
  }
  if (source === '')
    throw new UsageError('missing additional trust bundle', { next: `write a file or PEM text after "${configMap}:"` });
  return { configMap, bundle: await readBundle(source, 'proxy_trusted_ca_bundle') };
}
