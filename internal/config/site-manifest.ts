import { parseDocument } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../errors/errors.ts';
import { Secret } from '../log/secret.ts';
import { nearest } from './fields.ts';
import { goObject, isRecord, knownName, problemsOf } from './go-json.ts';

const text = z.string().default('');
const texts = z.array(z.string()).default([]);
const secret = z
  .string()
  .default('')
  .transform((value) => new Secret(value));
const proxy = goObject({ httpProxy: text, httpsProxy: text, noProxy: text });

/** Keys of the identity that a site's kubeconfig was made with. The names of the outer levels are those of Go's fields. */
const retention = goObject({
  KubeAPICrypto: goObject({
    ServingCrypto: goObject({
      localhost_signer_private_key: secret,
      service_network_signer_private_key: secret,
      loadbalancer_external_signer_private_key: secret,
    }).prefault({}),
    ClientAuthCrypto: goObject({ admin_ca_certificate: text }).prefault({}),
  }).prefault({}),
  IngresssCrypto: goObject({ ingress_ca: secret, ingress_certificate_cn: text }).prefault({}),
});

const shape = {
  api_version: z.number().int().default(0),
  base_domain: text,
  cluster_name: text,
  cluster_id: text,
  infra_id: text,
  node_ip: text,
  node_ips: texts,
  release_registry: text,
  hostname: text,
  KubeconfigCryptoRetention: retention.prefault({}),
  ssh_key: text,
  server_ssh_keys: z.array(goObject({ file_name: text, file_content: secret })).default([]),
  kubeadmin_password_hash: secret,
  raw_nm_state_config: secret,
  pull_secret: secret,
  machine_network: text,
  machine_networks: texts,
  proxy: proxy.optional(),
  status_proxy: proxy.optional(),
  install_config: secret,
  chrony_config: text,
  additionalTrustBundle: goObject({
    userCaBundle: text,
    proxyConfigmapName: text,
    proxyConfigmapBundle: text,
  }).prefault({}),
  node_labels: z.record(z.string(), z.string()).default({}),
} as const;

const siteManifestSchema = goObject(shape);

/** The site manifest as it is written, each absent key with what Go's reader leaves there. */
export type SiteManifest = z.infer<typeof siteManifestSchema>;

/** How a site reaches the outside, as the manifest gives it. The URLs may hold a password. */
export type SiteProxy = z.infer<typeof proxy>;

/**
 * Parses a site manifest: JSON, or YAML where it is no JSON, as the reference reads it. No message shows a piece of the text, which holds
 * secrets.
 *
 * @param where names the file in errors
 * @throws UsageError naming all keys that have the wrong type
 */
export function parseSiteManifest(content: string, where: string): { site: SiteManifest; warnings: string[] } {
  const data = parsed(content.replace(/^\uFEFF/, ''), where);
  const outcome = siteManifestSchema.safeParse(data);
  if (!outcome.success)
    throw new UsageError(
      `the site manifest "${where}" has values of a wrong type: ${problemsOf(outcome.error).join('; ')}`,
      {
        next: 'correct the site manifest, and make the config ISO again',
      },
    );
  return { site: outcome.data, warnings: unknownKeys(data, where) };
}

function parsed(content: string, where: string): Readonly<Record<string, unknown>> {
  const refuse = (why: string): never => {
    throw new UsageError(`the site manifest "${where}" cannot be read: ${why}`, {
      next: 'correct the site manifest, and make the config ISO again',
    });
  };
  if (content.trim() === '') return refuse('it is empty');
  let data: unknown;
  try {
    data = JSON.parse(content);
  } catch {
    const document = parseDocument(content, { version: '1.2', prettyErrors: false });
    const [problem] = document.errors;
    if (problem !== undefined)
      return refuse(`it is neither JSON nor YAML, ${placeIn(content, problem.pos[0])} (${problem.code})`);
    data = document.toJS({ maxAliasCount: 10 });
  }
  return isRecord(data) ? data : refuse('it holds no keys and values');
}

function placeIn(content: string, offset: number): string {
  const before = content.slice(0, offset).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

/** Another program wrote it: a key that we do not know must not stop an old host, but it is said. */
function unknownKeys(data: Readonly<Record<string, unknown>>, where: string): string[] {
  const names = Object.keys(shape);
  return Object.keys(data).flatMap((key) => {
    if (knownName(names, key) !== undefined) return [];
    const near = nearest(key, names);
    return [`${where}: unknown key "${key}"${near === undefined ? '' : `, nearest known key is "${near}"`}; ignored`];
  });
}

/** The networks of the site's node: the list, or the single value of older installers. */
export function machineNetworksOf({ machine_networks: all, machine_network: one }: SiteManifest): readonly string[] {
  if (all.length > 0) return all;
  return one === '' ? [] : [one];
}

/** The addresses that the site manifest gives the node, if any: otherwise they are found on the node. */
export function givenAddressesOf({ node_ips: all, node_ip: one }: SiteManifest): readonly string[] {
  if (all.length > 0) return all;
  return one === '' ? [] : [one];
}

/** Every value of the manifest that must not be shown, for the redactor. */
export function secretsOf(site: SiteManifest): string[] {
  const { KubeAPICrypto, IngresssCrypto } = site.KubeconfigCryptoRetention;
  const pullSecret = site.pull_secret.reveal();
  return [
    ...Object.values(KubeAPICrypto.ServingCrypto),
    IngresssCrypto.ingress_ca,
    site.kubeadmin_password_hash,
    site.pull_secret,
    site.install_config,
    ...site.server_ssh_keys.map(({ file_content }) => file_content),
  ]
    .map((value) => value.reveal())
    .concat(textsIn(pullSecret), passwordsIn(site))
    .filter((value) => value !== '');
}

/** The values of `auth` and `password` in a pull secret, which programs may show by themselves. */
function textsIn(pullSecret: string): string[] {
  return [...pullSecret.matchAll(/"(?:auth|password|identitytoken|registrytoken)"\s*:\s*"([^"\\]+)"/g)].flatMap(
    ([, value = '']) => {
      const [, password = ''] = /^[^:]*:(.*)$/s.exec(Buffer.from(value, 'base64').toString()) ?? [];
      return [value, password];
    },
  );
}

/** Passwords in the URLs of proxies, and what the network configuration calls a password or a key. */
function passwordsIn(site: SiteManifest): string[] {
  const urls = [site.proxy, site.status_proxy].flatMap((one) =>
    one === undefined ? [] : [one.httpProxy, one.httpsProxy],
  );
  return [
    ...urls.map((url) => /^[a-z]+:\/\/[^/@]*?:([^/@]+)@/i.exec(url)?.[1] ?? ''),
    ...[
      ...site.raw_nm_state_config
        .reveal()
        .matchAll(
          /^[\s-]*["']?[\w-]*(?:password|psk|private-key|secret|wep-key|leap|pin)["']?\s*:\s*["']?([^"'\n#]+)/gim,
        ),
    ].map(([, value = '']) => value.trim()),
  ];
}
