import { join } from 'node:path';
import { UsageError } from '../errors/errors.ts';
import { namesIfPresent, readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { parseMirrorRules, resolvePlaces, type MirrorRules, type Place } from '../image/mirrors.ts';
import { parseReference, type ImageReference } from '../image/reference.ts';
import type { ConfigText } from '../image/registries-conf.ts';
import { noAuth, parseAuthFile, type AuthFile } from './auth-file.ts';
import { egressPaths, type EgressPaths } from './egress-paths.ts';
import { parsePolicy, type SignaturePolicy } from './policy.ts';
import { noProxy, parseProxyRules, type ProxyRules } from './proxy.ts';
import { openTrust, type Trust } from './trust.ts';

/** One resolved answer to "how do we get out": the same for our stream, podman and skopeo. */
export type Egress = {
  readonly authFile: string | undefined;
  readonly auth: AuthFile;
  readonly proxy: ProxyRules;
  readonly trust: Trust;
  readonly mirrors: MirrorRules;
  /** False when there is no registries.conf; the reference implementation needs one for precaching. */
  readonly hasRegistriesConf: boolean;
  readonly policy: SignaturePolicy;
  readonly paths: EgressPaths;
  /** A setting that we cannot read and podman perhaps can: skopeo talks to registries instead of us. */
  readonly unread: Unread | undefined;
  /** What is of no use in the settings, as long as nobody asks for it. */
  readonly warnings: readonly string[];
};

export type Unread = {
  readonly message: string;
  readonly error: UsageError;
  /** podman is known to understand it: when skopeo fails, that is another matter. */
  readonly isKnownToPodman: boolean;
};

/**
 * Reads everything that decides how this machine reaches registries, and teaches the log the secrets in it.
 *
 * @throws UsageError naming the file that is missing or wrong
 */
export async function openEgress(
  host: Host,
  options: { readonly authFile?: string; readonly paths?: Partial<EgressPaths> } = {},
): Promise<Egress> {
  const paths: EgressPaths = { ...(await egressPaths(host.env)), ...options.paths };
  const auth = options.authFile === undefined ? noAuth : await readAuthFile(options.authFile);
  const { proxy, unread } = readProxy(host.env);
  for (const secret of [...auth.secrets(), ...proxy.secrets()]) host.log.conceal(secret.reveal());
  const conf = await readTextIfPresent(paths.registriesConf);
  return {
    authFile: options.authFile,
    auth,
    proxy,
    trust: openTrust(paths),
    mirrors: parseMirrorRules(
      conf === undefined ? undefined : { path: paths.registriesConf, text: conf },
      (await Promise.all(paths.registriesFolders.map(readDropIns))).flat(),
    ),
    hasRegistriesConf: conf !== undefined,
    policy: parsePolicy(await readTextIfPresent(paths.policy), paths.policy),
    paths,
    unread,
    warnings: auth.warnings,
  };
}

/** Why our own stream must not transfer an image, and what is wrong when skopeo cannot either. */
export type Reservation = {
  readonly why: string;
  readonly failure?: UsageError;
  /** The signature policy has a say, which shows only in a copy. */
  readonly bySignature?: boolean;
};

/**
 * Why our own stream must not transfer this image; undefined when it may. What we cannot honour (a program that keeps credentials,
 * signatures, a search list) is left to skopeo, which can; streaming around it would be a hole.
 */
export function reservationAbout(egress: Egress, image: string): Reservation | undefined {
  if (egress.unread !== undefined) {
    const why = `${egress.unread.message}, which we do not understand`;
    return egress.unread.isKnownToPodman ? { why } : { why, failure: egress.unread.error };
  }
  const reference = parseReference(image);
  const demand = egress.policy.demandFor(reference);
  if (demand !== undefined) return { why: demand, bySignature: true };
  let places: Place[];
  try {
    places = resolvePlaces(egress.mirrors, reference);
  } catch (error) {
    if (error instanceof UsageError) return { why: error.message, failure: error };
    throw error;
  }
  const helper = helperFor(egress, places);
  return helper === undefined ? undefined : { why: helper };
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

/** Go passes over a proxy that it cannot read, and knows kinds of proxies that we do not. */
function readProxy(env: Host['env']): { proxy: ProxyRules; unread: Unread | undefined } {
  try {
    return { proxy: parseProxyRules(env), unread: undefined };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const isKnownToPodman = /"socks5h?"/.test(error.message);
    return { proxy: noProxy, unread: { message: error.message, error, isKnownToPodman } };
  }
}

async function readDropIns(folder: string): Promise<ConfigText[]> {
  const names = (await namesIfPresent(folder)).filter((name) => name.endsWith('.conf'));
  const texts = await Promise.all(
    names.map(async (name) => {
      const text = await readTextIfPresent(join(folder, name));
      return text === undefined ? [] : [{ path: join(folder, name), text }];
    }),
  );
  return texts.flat();
}
