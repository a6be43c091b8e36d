import { UsageError } from '../errors/errors.ts';
import type { Secret } from '../log/secret.ts';
import { recertFields } from './recert-config-fields.ts';
import { readGiven } from './recert-config-rules.ts';
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

/** Reads and checks the keys of the second half. Empty texts ask for nothing, but for kubeadmin's, where empty means removal. */
export async function readClusterChanges(values: RecertValues): Promise<ClusterChanges> {
  const clusterRename = values.cluster_rename === undefined || values.cluster_rename === '' ? undefined : readRename(values.cluster_rename);
  const userCaBundle = values.user_ca_bundle === undefined ? undefined : await readBundle(values.user_ca_bundle, 'additional_trust_bundle');
  const proxyTrustedCaBundle = values.proxy_trusted_ca_bundle === undefined || values.proxy_trusted_ca_bundle === '' ? undefined : await readProxyBundle(values.proxy_trusted_ca_bundle, userCaBundle !== undefined);
  if (values.proxy !== undefined && values.proxy.reveal().split('|').length !== 6) throw new UsageError(`proxy must have six parts between bars, it has ${String(values.proxy.reveal().split('|').length)}`, { next: 'write http|https|no_proxy|status http|status https|status no_proxy, or leave the key out' });
  return {
    ...(clusterRename === undefined ? {} : { clusterRename }),
    ...given('hostname', values.hostname),
    addresses: atMostTwo('ip', values.ip ?? []),
    machineNetworks: atMostTwo('machine_network_cidr', values.machine_network_cidr ?? []),
    ...(values.kubeadmin_password_hash === undefined ? {} : { kubeadminPasswordHash: values.kubeadmin_password_hash }),
    ...givenSecret('pullSecret', values.pull_secret),
    ...givenSecret('proxy', values.proxy),
    ...givenSecret('installConfig', values.install_config),
    ...(userCaBundle === undefined ? {} : { userCaBundle }),
    ...(proxyTrustedCaBundle === undefined ? {} : { proxyTrustedCaBundle }),
    ...given('chronyConfig', values.chrony_config),
  };
}

/** Refuses what this version cannot carry out, rather than leave a cluster half renamed. */
export function refuseUnbuilt(values: RecertValues): void {
  const asked = Object.entries(recertFields).filter(([key, { later }]) => later === true && asksFor(key, values)).map(([key]) => key);
  if (asked.length === 0) return;
  throw new UsageError(`${asked.join(', ')}: not built yet`, { why: 'this version renews keys, certificates and tokens; it does not change the identity of a cluster', next: `leave ${asked.length === 1 ? 'the key' : 'these keys'} out` });
}

function asksFor(key: string, values: RecertValues): boolean {
  const value = Object.entries(values).find(([name]) => name === key)?.[1];
  if (value === undefined || value === false) return false;
  if (key === 'kubeadmin_password_hash') return true;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === 'string' ? value !== '' : typeof value === 'object' && 'reveal' in value ? value.reveal() !== '' : true;
}

function readRename(text: string): NonNullable<ClusterChanges['clusterRename']> {
  const [name, baseDomain, infraId, ...more] = text.split(':');
  if (name === undefined || baseDomain === undefined || more.length > 0 || [name, baseDomain, infraId].includes('')) {
    throw new UsageError(`cluster_rename "${text}" is not of the form name:domain or name:domain:infra-id`, { next: 'correct cluster_rename' });
  }
  return { name, baseDomain, ...(infraId === undefined ? {} : { infraId }) };
}

function atMostTwo(key: string, values: readonly string[]): readonly string[] {
  if (values.length > 2) throw new UsageError(`${key} array must have up to 2 elements, it has ${String(values.length)}`, { next: 'give one, or two for dual stack' });
  return values;
}

async function readProxyBundle(text: string, hasUserBundle: boolean): Promise<NonNullable<ClusterChanges['proxyTrustedCaBundle']>> {
  const colon = text.indexOf(':');
  const [configMap, source] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
  if (colon < 0 || configMap === '') throw new UsageError('proxy_trusted_ca_bundle is not of the form name:bundle', { next: 'write the name of the ConfigMap, a colon, and a file or PEM text' });
  if (configMap === 'user-ca-bundle') {
    if (source !== '') throw new UsageError('user-ca-bundle configmap name requires ca-bundle to be empty', { next: 'write "user-ca-bundle:", and give the bundle as user_ca_bundle' });
    if (!hasUserBundle) throw new UsageError('proxy user-ca-bundle configmap name requires user-ca-bundle to be set', { next: 'give user_ca_bundle, too' });
    return { configMap, bundle: '' };
  }
  if (source === '') throw new UsageError('missing additional trust bundle', { next: `write a file or PEM text after "${configMap}:"` });
  return { configMap, bundle: await readBundle(source, 'proxy_trusted_ca_bundle') };
}

/** The text of a bundle with its comments: PEM text, or a file of it. */
async function readBundle(text: string, what: string): Promise<string> {
  if (text === '') throw new UsageError(`${what} must exist`, { next: 'give a file or PEM text, or leave the key out' });
  const bundle = text.includes('\n') ? text : await readGiven(text, what);
  const tags = [...bundle.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, tag]) => tag ?? '');
  const foreign = tags.find((tag) => tag !== 'CERTIFICATE');
  if (tags.length === 0) throw new UsageError(`${what} holds no certificate`, { next: 'give PEM text with CERTIFICATE blocks' });
  if (foreign !== undefined) throw new UsageError(`${what} holds a block "${foreign}"`, { next: 'leave CERTIFICATE blocks only' });
  return bundle;
}

function given<K extends string>(key: K, value: string | undefined): { readonly [Key in K]?: string } {
  // A computed key of a type parameter is widened to string; the value is of the key's type.
  return (value === undefined || value === '' ? {} : { [key]: value }) as { readonly [Key in K]?: string };
}

function givenSecret<K extends string>(key: K, value: Secret | undefined): { readonly [Key in K]?: Secret } {
  return (value === undefined || value.reveal() === '' ? {} : { [key]: value }) as { readonly [Key in K]?: Secret }; // as above
}
