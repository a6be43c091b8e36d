import type { Provider } from '../../wire/encryption.ts';
import type { EncryptionConfiguration } from './configuration.ts';

/** Resources that do not stand under their own name: without this OAuth tokens would stay under the old key, which nobody has any more. */
const storedElsewhere: Readonly<Record<string, string>> = {
  oauthaccesstokens: 'oauth/accesstokens',
  oauthauthorizetokens: 'oauth/authorizetokens',
};

const roots = ['/kubernetes.io/', '/openshift.io/'] as const;

/** A resource of a configuration, `routes.route.openshift.io` or `secrets`: name and group. */
const partsOf = (resource: string): { name: string; group: string } => {
  const dot = resource.indexOf('.');
  return dot < 0 ? { name: resource, group: '' } : { name: resource.slice(0, dot), group: resource.slice(dot + 1) };
};

/**
 * The prefixes under which objects of a resource may stand in etcd. Built-in kinds and OpenShift's own stand under their name, kinds
 * of CustomResourceDefinitions under their group.
 */
export function prefixesOf(resource: string): string[] {
  const { name, group } = partsOf(resource);
  const folder = storedElsewhere[name] ?? name;
  return [...roots.map((root) => `${root}${folder}/`), ...(group === '' ? [] : [`/kubernetes.io/${group}/${name}/`])];
}

/** The providers of each prefix, of all configurations together. */
export type Providers = ReadonlyMap<string, readonly Provider[]>;

export function providersByPrefix(configurations: readonly EncryptionConfiguration[]): Providers {
  const found = new Map<string, Provider[]>();
  for (const { resources, providers } of configurations.flat()) {
    for (const prefix of resources.flatMap(prefixesOf)) found.set(prefix, [...(found.get(prefix) ?? []), ...providers]);
  }
  return found;
}

/** The providers of a key: none for a resource that is not encrypted. */
export function providersFor(providers: Providers, key: string): readonly Provider[] {
  for (const [prefix, found] of providers) if (key.startsWith(prefix)) return found;
  return [];
}
