import { UsageError } from '../errors/errors.ts';
import type { ImageReference } from '../image/reference.ts';
import { Secret } from '../log/secret.ts';
import { decodeAuthFile, type AuthEntry } from './auth-entries.ts';

/** What the auth file has for a reference. */
export type Credential =
  /** Nothing; `fault` says what is wrong with the entry that is there. */
  | { readonly kind: 'none'; readonly fault?: string }
  | {
      readonly kind: 'account';
      readonly username: string;
      readonly password: Secret;
      /** Ready value of an Authorization header. */
      readonly basic: Secret;
      readonly identityToken: Secret | undefined;
    }
  /** Another program keeps them; we do not run it, skopeo and podman do. */
  | { readonly kind: 'helper'; readonly helper: string }
  /** podman stops here, whether the registry wants credentials or not. */
  | { readonly kind: 'broken'; readonly fault: string };

/** Finds credentials, as podman finds them in the same file. */
export type AuthFile = {
  readonly path: string | undefined;
  find(reference: Pick<ImageReference, 'registry' | 'repository'>): Credential;
  /** Every secret in it, for the log to conceal. */
  secrets(): Secret[];
  /** What is of no use in it; it matters only when somebody asks for it. Sentences that quote no value. */
  readonly warnings: readonly string[];
};

/** An auth file that has nothing: every pull is anonymous. */
export const noAuth: AuthFile = {
  path: undefined,
  find: () => ({ kind: 'none' }),
  secrets: () => [],
  warnings: [],
};

/**
 * Reads an auth file (containers-auth.json(5), also Docker's config.json and an OpenShift pull secret). Which entry counts is c/image's
 * rule (pkg/docker/config): a helper for the registry; else the first key that is there of `registry/namespace/repo`, `registry/namespace`,
 * `registry`, also when it is empty; else a key that is a URL of the registry.
 *
 * @throws UsageError naming the file, never a value
 */
export function parseAuthFile(text: string, path: string): AuthFile {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which is secret.
    throw new UsageError(`auth file "${path}" is not JSON`, { next: 'write the pull secret there anew' });
  }
  const file = decodeAuthFile(data);
  if (typeof file === 'string')
    return {
      ...noAuth,
      path,
      find: () => ({ kind: 'broken', fault: file }),
      warnings: [`auth file "${path}" has ${file}`],
    };
  const { entries, helpers } = file;
  const credentials = new Map([...entries].map(([key, entry]) => [key, toCredential(entry, key)]));
  return {
    path,
    find({ registry, repository }) {
      const helper = helpers.get(registry);
      if (helper !== undefined) return { kind: 'helper', helper };
      const segments = [registry, ...repository.split('/')];
      const keys = segments.map((_, index) => segments.slice(0, segments.length - index).join('/'));
      const key =
        keys.find((each) => credentials.has(each)) ??
        [...credentials.keys()].find((each) => hostOf(each) === hubName(registry)) ??
        '';
      return credentials.get(key) ?? { kind: 'none' };
    },
    secrets: () => [
      ...[...credentials.values()].flatMap((each) =>
        each.kind === 'account' ? [each.password, each.identityToken ?? []].flat() : [],
      ),
      ...[...entries.values()].flatMap(({ auth }) => (auth.length < 8 ? [] : [new Secret(auth)])),
    ],
    warnings: [
      ...[...credentials.values()].flatMap((each) =>
        (each.kind === 'none' || each.kind === 'broken') && each.fault !== undefined
          ? [`auth file "${path}": ${each.fault}`]
          : [],
      ),
      ...(file.credsStore === '' ? [] : [`auth file "${path}" has a "credsStore", which podman does not ask`]),
    ],
  };
}

function toCredential(entry: AuthEntry, key: string): Credential {
  const fault = (text: string): string => `the entry "${key}" ${text}`;
  // Go ends a line of base64 where it likes and allows nothing else.
  const base64 = entry.auth.replace(/[\r\n]/g, '');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64))
    return { kind: 'broken', fault: fault('has an "auth" that is not base64') };
  const bytes = Buffer.from(base64, 'base64');
  const colon = bytes.indexOf(':');
  if (base64 !== '' && colon === -1)
    return { kind: 'none', fault: fault('has an "auth" that is not base64 of USER:PASSWORD') };
  if (colon === -1)
    return {
      kind: 'none',
      fault: fault(`has no "auth"${entry.besides === '' ? '' : `; podman does not look at "${entry.besides}"`}`),
    };
  const user = bytes.subarray(0, colon);
  const password = trimZeros(bytes.subarray(colon + 1));
  if (user.length === 0 && password.length === 0 && entry.identityToken === '')
    return { kind: 'none', fault: fault('has neither user nor password in its "auth"') };
  return {
    kind: 'account',
    username: user.toString('utf8'),
    password: new Secret(password.toString('utf8')),
    // From the bytes: what is no UTF-8 must arrive as it is.
    basic: new Secret(`Basic ${Buffer.concat([user, Buffer.from(':'), password]).toString('base64')}`),
    identityToken: entry.identityToken === '' ? undefined : new Secret(entry.identityToken),
  };
}

function trimZeros(bytes: Buffer): Buffer {
  const isZero = (byte: number): boolean => byte === 0;
  const first = bytes.findIndex((byte) => !isZero(byte));
  return first === -1 ? Buffer.alloc(0) : bytes.subarray(first, bytes.findLastIndex((byte) => !isZero(byte)) + 1);
}

/** The host that a key stands for: only a URL is cut. */
function hostOf(key: string): string {
  const bare = key.replace(/^http:\/\//, '').replace(/^https:\/\//, '');
  return hubName(bare === key ? key : (bare.split('/', 1)[0] ?? bare));
}

/** Docker Hub has three names. */
function hubName(host: string): string {
  return host === 'registry-1.docker.io' || host === 'docker.io' ? 'index.docker.io' : host;
}
