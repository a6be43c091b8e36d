import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError, isNotFound, messageOf } from '../errors/errors.ts';
import { readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { parseMirrorRules, resolvePlaces, type MirrorRules, type ConfigText, type Place } from '../image/mirrors.ts';
import { parseReference, type ImageReference } from '../image/reference.ts';
import { noAuth, parseAuthFile, type AuthFile } from './auth-file.ts';
import { parsePolicy, type SignaturePolicy } from './policy.ts';
import { parseProxyRules, type ProxyRules } from './proxy.ts';
import { openTrust, type Trust, type TrustPaths } from './trust.ts';

/** Files that say how this machine reaches registries. */
export type EgressPaths = TrustPaths & {
  readonly registriesConf: string;
  /** Drop-ins, read by name; undefined: none. */
  readonly registriesFolder: string | undefined;
  readonly policy: string;
};

/** One resolved answer to "how do we get out": the same for our stream, podman and skopeo. */
export type Egress = {
  readonly authFile: string | undefined;
  readonly auth: AuthFile;
  readonly proxy: ProxyRules;
  readonly trust: Trust;
  readonly mirrors: MirrorRules;
  /** False when there is no registries.conf; the reference implementation needs one for precaching. */
  readonly hasRegistriesConf: boolean;
  readonly policy: SignaturePolicy | undefined;
  readonly paths: EgressPaths;
};

/** Where the machine keeps these files. `CONTAINERS_REGISTRIES_CONF` and `SSL_CERT_FILE` count as for podman. */
export function defaultEgressPaths(env: Host['env']): EgressPaths {
  const ownConf = env['CONTAINERS_REGISTRIES_CONF'];
  const ownBundle = env['SSL_CERT_FILE'];
  return {
    registriesConf: ownConf ?? '/etc/containers/registries.conf',
    registriesFolder: ownConf === undefined ? '/etc/containers/registries.conf.d' : undefined,
    policy: '/etc/containers/policy.json',
    caBundles: [
      '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // RHEL
      '/etc/ssl/certs/ca-certificates.crt', // Debian
      ...(ownBundle === undefined ? [] : [ownBundle]),
    ],
    certFolders: ['/etc/containers/certs.d', '/etc/docker/certs.d'],
  };
}

/**
 * Reads everything that decides how this machine reaches registries, and teaches the log the secrets in it.
 *
 * @throws UsageError naming the file that is missing or wrong
 */
export async function openEgress(
  host: Host,
  options: { readonly authFile?: string; readonly paths?: Partial<EgressPaths> } = {},
): Promise<Egress> {
  const paths: EgressPaths = { ...defaultEgressPaths(host.env), ...options.paths };
  const auth = options.authFile === undefined ? noAuth : await readAuthFile(options.authFile);
  const proxy = parseProxyRules(host.env);
  for (const secret of [...auth.secrets(), ...proxy.secrets()]) host.log.conceal(secret.reveal());
  const conf = await readTextIfPresent(paths.registriesConf);
  const policy = await readTextIfPresent(paths.policy);
  return {
    authFile: options.authFile,
    auth,
    proxy,
    trust: openTrust(paths),
    mirrors: parseMirrorRules([
      ...(conf === undefined ? [] : [{ path: paths.registriesConf, text: conf }]),
      ...(await readDropIns(paths.registriesFolder)),
    ]),
    hasRegistriesConf: conf !== undefined,
    policy: policy === undefined ? undefined : parsePolicy(policy, paths.policy),
    paths,
  };
}

/**
 * Why our own stream must not transfer this image, as a sentence; undefined when it may. What we cannot honour (a program that keeps
 * credentials, signatures, a search list) is left to skopeo, which can; streaming around it would be a hole.
 */
export function whyNotStreamed(egress: Egress, image: string): string | undefined {
  const reference = parseReference(image);
  if (!reference.qualified && egress.mirrors.unqualifiedSearch.length > 0) {
    return `"${image}" names no registry, and registries.conf has a search list for such names`;
  }
  const demand = egress.policy?.demandFor(reference);
  if (demand !== undefined)
    return `signature policy "${egress.paths.policy}" asks for "${demand.type}" (scope "${demand.scope}")`;
  let places: Place[];
  try {
    places = resolvePlaces(egress.mirrors, reference);
  } catch (error) {
    return messageOf(error);
  }
  return helperFor(egress, places);
}

/** Why the credentials for one of these places are not ours to read; undefined when they are, or none are needed. */
export function helperFor(egress: Egress, places: readonly Place[]): string | undefined {
  const other = egress.mirrors.credentialHelpers.find((helper) => helper !== 'containers-auth.json');
  for (const { reference } of places) {
    const credential = egress.auth.find(reference);
    if (credential.kind === 'helper')
      return `credentials for "${reference.registry}" are kept by the helper "${credential.helper}"`;
    if (credential.kind === 'none' && other !== undefined)
      return `registries.conf asks the helper "${other}" for credentials`;
  }
  return undefined;
}

/** The places to try for an image, best first. */
export function placesOf(egress: Egress, reference: ImageReference): Place[] {
  return resolvePlaces(egress.mirrors, reference);
}

async function readAuthFile(path: string): Promise<AuthFile> {
  const text = await readTextIfPresent(path);
  if (text === undefined)
    throw new UsageError(`auth file "${path}" does not exist`, { next: 'write the pull secret there' });
  return parseAuthFile(text, path);
}

async function readDropIns(folder: string | undefined): Promise<ConfigText[]> {
  if (folder === undefined) return [];
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith('.conf')).sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
  return Promise.all(
    names.map(async (name) => ({
      path: join(folder, name),
      text: (await readTextIfPresent(join(folder, name))) ?? '',
    })),
  );
}
