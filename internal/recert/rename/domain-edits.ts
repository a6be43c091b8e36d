import type { FieldPath } from '../../edit/json.ts';
import type { Editor } from './editor.ts';
import { containersNamed, stringsOf } from './workload.ts';

/** The cluster under its new name. `domain` is `<name>.<base domain>`. */
export type NewName = {
  readonly name: string;
  readonly baseDomain: string;
  readonly domain: string;
  readonly infraId: string;
};

/** Edits that objects and files have in common. */

/** `KUBERNETES_SERVICE_HOST='api-int.…'` of an environment file. */
export function apiServerUrl(text: string, { domain }: NewName, fail: (found: string) => never): string {
  if (text === '') return text;
  const fresh = text.replace(
    /^KUBERNETES_SERVICE_HOST='api-int\..*$/gm,
    () => `KUBERNETES_SERVICE_HOST='api-int.${domain}'`,
  );
  if (!/^KUBERNETES_SERVICE_HOST='api-int\./m.test(text))
    fail(`has no line that begins with KUBERNETES_SERVICE_HOST='api-int.`);
  return fresh.endsWith('\n') ? fresh : `${fresh}\n`;
}

/** The addresses where the API server serves its public keys. Since 4.15 they are of `api`, before that of `api-int`. */
export function jwksUris(config: Editor, { domain }: NewName, above: FieldPath = []): void {
  const list = [...above, 'apiServerArguments', 'service-account-jwks-uri'];
  if (config.at(list) === undefined) config.fail(list);
  for (const index of config.keysAt(list))
    config.rewrite([...list, index], (uri) =>
      uri.replace(
        /https:\/\/(api-int|api)\..+:6443\/openid\/v1\/jwks/,
        (_whole, label: string) => `https://${label}.${domain}:6443/openid/v1/jwks`,
      ),
    );
}

export function oauthMetadata(metadata: Editor, { domain }: NewName): void {
  const issuer = `https://oauth-openshift.apps.${domain}`;
  metadata.replace(['issuer'], issuer);
  metadata.replace(['authorization_endpoint'], `${issuer}/oauth/authorize`);
  metadata.replace(['token_endpoint'], `${issuer}/oauth/token`);
}

export function oauthServer(server: Editor, { domain }: NewName, above: FieldPath = []): void {
  const config = [...above, 'oauthConfig'];
  const console = 'https://console-openshift-console.apps.';
  server.replace([...config, 'loginURL'], `https://api.${domain}:6443`);
  if (server.textAt([...config, 'assetPublicURL'])?.startsWith(console) === true)
    server.replace([...config, 'assetPublicURL'], `${console}${domain}`);
  if (server.at([...config, 'masterPublicURL']) !== undefined)
    server.replace([...config, 'masterPublicURL'], `https://oauth-openshift.apps.${domain}`);
  const file = `/var/config/system/secrets/v4-0-config-system-router-certs/apps.${domain}`;
  server.replace(
    [...above, 'servingInfo', 'namedCertificates'],
    [{ certFile: file, keyFile: file, names: [`*.apps.${domain}`] }],
  );
}

/** `--cluster-name` of the controller manager's static pod. */
export function controllerManagerPod(pod: Editor, { infraId }: NewName): void {
  const named = containersNamed(pod, 'kube-controller-manager', { pod: ['spec'] });
  if (named.length === 0) pod.fail(['spec', 'containers'], 'has no container "kube-controller-manager"');
  for (const container of named) {
    const arg = stringsOf(pod, [container], 'args').find(
      (path) => pod.textAt(path)?.includes('--cluster-name=') === true,
    );
    if (arg === undefined) return pod.fail([...container, 'args'], 'has no --cluster-name');
    pod.rewrite(arg, (text) => text.replace(/--cluster-name=[^\s"']+/g, () => `--cluster-name=${infraId}`));
  }
}

/** `cluster-name` among the controller manager's arguments, which is a list. */
export function controllerManagerName(config: Editor, { infraId }: NewName, above: FieldPath = []): void {
  config.replace([...above, 'extendedArguments', 'cluster-name'], [infraId]);
}

export function kubeconfig(file: Editor, { name, domain }: NewName): void {
  const server = (index: string | number): FieldPath => ['clusters', index, 'cluster', 'server'];
  for (const index of file.keysAt(['clusters'])) {
    const old = file.textAt(server(index));
    if (old === undefined) file.fail(server(index));
    else if (old.startsWith('https://api.')) file.replace(server(index), `https://api.${domain}:6443`);
    else if (old.startsWith('https://api-int.')) file.replace(server(index), `https://api-int.${domain}:6443`);
    else if (old.startsWith('https://[api-int.')) file.replace(server(index), `https://[api-int.${domain}]:6443`);
  }
  // The kubelet's own names its cluster after the cluster.
  if (!file.keysAt(['contexts']).some((index) => file.textAt(['contexts', index, 'name']) === 'kubelet')) return;
  for (const index of file.keysAt(['clusters'])) file.replace(['clusters', index, 'name'], name);
  for (const index of file.keysAt(['contexts'])) file.replace(['contexts', index, 'context', 'cluster'], name);
}

/** The data key `apps.<domain>` of a router's Secret, and its trace in managedFields. */
export function routerCertsKey(secret: Editor, { domain }: NewName): void {
  const key = secret.keysAt(['data']).find((name) => String(name).startsWith('apps.'));
  if (key === undefined) return secret.fail(['data'], 'has no member that begins with "apps."');
  secret.rename(['data', key], `apps.${domain}`);
  inManagedFields(secret, (fields) => {
    const field = fields.keysAt(['f:data']).find((name) => String(name).startsWith('f:apps.'));
    if (field !== undefined) fields.rename(['f:data', field], `f:apps.${domain}`);
  });
}

/**
 * The fields that each manager owns: JSON in bytes in protobuf, an ordinary subtree in JSON and CBOR. An entry in which there is nothing
 * to rename stays, whoever wrote it.
 */
export function inManagedFields(
  object: Editor,
  edit: (fields: Pick<Editor, 'at' | 'keysAt' | 'rename' | 'remove' | 'set'>) => void,
): void {
  for (const index of object.keysAt(['metadata', 'managedFields'])) {
    const fields = ['metadata', 'managedFields', index, 'fieldsV1'];
    if (object.textAt([...fields, 'raw']) !== undefined) object.within([...fields, 'raw'], edit);
    else if (object.at(fields) !== undefined) {
      const below = (path: FieldPath): FieldPath => [...fields, ...path];
      edit({
        at: (path) => object.at(below(path)),
        keysAt: (path) => object.keysAt(below(path)),
        rename: (path, name) => {
          object.rename(below(path), name);
        },
        remove: (path) => {
          object.remove(below(path));
        },
        set: (path, value) => {
          object.set(below(path), value);
        },
      });
    }
  }
}

/** `/spec` of a DNS and `/status` of an Infrastructure, which a ControllerConfig holds, too. */
export function dns(object: Editor, { domain }: NewName, above: FieldPath = []): void {
  object.replace([...above, 'spec', 'baseDomain'], domain);
}

export function infrastructure(object: Editor, { domain, infraId }: NewName, above: FieldPath = []): void {
  object.replace([...above, 'status', 'apiServerInternalURI'], `https://api-int.${domain}:6443`);
  object.replace([...above, 'status', 'apiServerURL'], `https://api.${domain}:6443`);
  object.replace([...above, 'status', 'infrastructureName'], infraId);
}

/** The only redirect address of a client of the OAuth server, and its trace in managedFields. */
export function redirectUri(client: Editor, { domain }: NewName): void {
  const list = ['redirectURIs'];
  const [index, ...more] = client.keysAt(list);
  const old = index === undefined ? undefined : client.textAt([...list, index]);
  if (index === undefined || old === undefined || more.length > 0)
    return client.fail(list, 'is not a list of one address');
  const path = /^https:\/\/oauth-openshift\.apps\.[^/]+(\/.*)?$/.exec(old);
  if (path === null) return client.fail([...list, index], 'does not begin with https://oauth-openshift.apps.');
  const fresh = `https://oauth-openshift.apps.${domain}${path[1] ?? ''}`;
  if (fresh === old) return;
  client.replace([...list, index], fresh);
  inManagedFields(client, (fields) => {
    if (fields.at(['f:redirectURIs', `v:${JSON.stringify(old)}`]) !== undefined)
      fields.rename(['f:redirectURIs', `v:${JSON.stringify(old)}`], `v:${JSON.stringify(fresh)}`);
  });
}

/** Another host in an address; all else as it is. */
export function withHost(url: string, host: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/(?:[^/@?#]*@)?)[^/:?#]+/i, (_whole, head: string) => `${head}${host}`);
}
