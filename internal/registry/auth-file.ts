import { z } from 'zod/mini';
import { UsageError } from '../errors/errors.ts';
import type { ImageReference } from '../image/reference.ts';
import { Secret } from '../log/secret.ts';

/** What the auth file has for a reference. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }
  | { readonly kind: 'identity-token'; readonly token: Secret }
  | { readonly kind: 'registry-token'; readonly token: Secret }
  /** Another program keeps them; we do not run it, skopeo and podman do. */
  | { readonly kind: 'helper'; readonly helper: string };

/** Finds credentials; the most specific entry wins (`registry/namespace/repo` before `registry`). */
export type AuthFile = {
  readonly path: string | undefined;
  find(reference: Pick<ImageReference, 'registry' | 'repository'>): Credential;
  /** Every secret in it, for the log to conceal. */
  secrets(): Secret[];
};

const entrySchema = z.object({
  auth: z.optional(z.string()),
  username: z.optional(z.string()),
  password: z.optional(z.string()),
  identitytoken: z.optional(z.string()),
  registrytoken: z.optional(z.string()),
  credsStore: z.optional(z.string()),
});
const fileSchema = z.object({
  auths: z.optional(z.record(z.string(), entrySchema)),
  credHelpers: z.optional(z.record(z.string(), z.string())),
  credsStore: z.optional(z.string()),
});

/** An auth file that has nothing: every pull is anonymous. */
export const noAuth: AuthFile = { path: undefined, find: () => ({ kind: 'none' }), secrets: () => [] };

/**
 * Reads an auth file (containers-auth.json(5), also Docker's config.json and an OpenShift pull secret).
 *
 * @throws UsageError naming the file and the entry, never a value
 */
export function parseAuthFile(text: string, path: string): AuthFile {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which is secret.
    throw new UsageError(`auth file "${path}" is not JSON`);
  }
  const result = fileSchema.safeParse(data);
  if (!result.success)
    throw new UsageError(`auth file "${path}" has an unexpected form`, {
      why: `at ${result.error.issues[0]?.path.join('.') ?? 'its top'}`,
    });
  const { auths = {}, credHelpers = {}, credsStore } = result.data;
  const entries = new Map(
    Object.entries(auths).map(([key, entry]) => [normalKey(key), toCredential(entry, key, path)]),
  );
  const helpers = new Map(Object.entries(credHelpers).map(([key, helper]) => [normalKey(key), helper]));
  return {
    path,
    find({ registry, repository }) {
      const segments = repository.split('/');
      const keys = [...segments.keys()]
        .map((index) => `${registry}/${segments.slice(0, segments.length - index).join('/')}`)
        .concat(registry);
      const helper = keys.map((key) => helpers.get(key)).find((each) => each !== undefined);
      if (helper !== undefined) return { kind: 'helper', helper };
      const found = keys.map((key) => entries.get(key)).find((each) => each !== undefined && each.kind !== 'none');
      if (found !== undefined) return found;
      return credsStore === undefined || credsStore === '' ? { kind: 'none' } : { kind: 'helper', helper: credsStore };
    },
    secrets: () =>
      [...entries.values()].flatMap((entry) =>
        entry.kind === 'basic' ? [entry.password] : 'token' in entry ? [entry.token] : [],
      ),
  };
}

function toCredential(entry: z.infer<typeof entrySchema>, key: string, path: string): Credential {
  const wrong = (reason: string): UsageError => new UsageError(`auth file "${path}": the entry "${key}" ${reason}`);
  if (entry.identitytoken !== undefined && entry.identitytoken !== '')
    return { kind: 'identity-token', token: new Secret(entry.identitytoken) };
  if (entry.registrytoken !== undefined && entry.registrytoken !== '')
    return { kind: 'registry-token', token: new Secret(entry.registrytoken) };
  if (entry.auth !== undefined && entry.auth !== '') {
    const [username, ...rest] = Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '').split(':');
    if (username === undefined || rest.length === 0) throw wrong('has an "auth" that is not base64 of USER:PASSWORD');
    return { kind: 'basic', username, password: new Secret(rest.join(':')) };
  }
  if (entry.username !== undefined && entry.username !== '')
    return { kind: 'basic', username: entry.username, password: new Secret(entry.password ?? '') };
  if (entry.credsStore !== undefined && entry.credsStore !== '') return { kind: 'helper', helper: entry.credsStore };
  return { kind: 'none' };
}

/** Keys may be URLs; Docker Hub has a key of its own kind. */
function normalKey(key: string): string {
  const bare = key
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '');
  return bare.replace(/^(?:index\.docker\.io|registry-1\.docker\.io)(?=\/|$)/, 'docker.io');
}
