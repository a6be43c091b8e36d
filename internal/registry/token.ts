import { z } from 'zod/mini';
import { RegistryFailure } from './trouble.ts';

/** What a registry asks for in WWW-Authenticate. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service: string | undefined };

/** A token and how long it may be used. */
export type Token = { readonly value: string; readonly lifeMs: number };

/** As Go reads it: null is nothing, another type makes the answer useless. */
const tokenSchema = z.object({
  token: z.nullish(z.string()),
  access_token: z.nullish(z.string()),
  expires_in: z.nullish(z.int()),
  issued_at: z.nullish(z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)$/))),
});

const scheme = /^([^\s"(),/:;<=>?@[\]\\{}]+)[ \t]*/;
const parameter =
  /[ \t]*([^\s"(),/:;<=>?@[\]\\{}]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"(),/:;<=>?@[\]\\{}]+))[ \t]*(?:,|$)?/y;

/**
 * Reads the WWW-Authenticate lines of an answer and takes the first challenge that can be met, as podman does: of each line the first
 * challenge only, so that in `Bearer realm="…", Basic realm="…"` the second realm is not taken for the first one's.
 *
 * @throws RegistryFailure when the token server has no usable address
 */
export function parseChallenge(lines: readonly string[], registry: string): Challenge | undefined {
  for (const line of lines) {
    const [head = '', name = ''] = scheme.exec(line) ?? [];
    if (name.toLowerCase() === 'basic') return { scheme: 'basic' };
    if (name.toLowerCase() !== 'bearer') continue;
    const given = parametersOf(line.slice(head.length));
    const realm = given.get('realm') ?? '';
    if (!/^https?:\/\//i.test(realm) || !URL.canParse(realm))
      throw new RegistryFailure('protocol', `registry "${registry}" names no usable token server`, {
        why: `its realm is "${realm}"`,
        next: `correct the address of the token server in the settings of registry "${registry}"`,
      });
    return { scheme: 'bearer', realm: new URL(realm), service: given.get('service') };
  }
  return undefined;
}

function parametersOf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  parameter.lastIndex = 0;
  for (let match = parameter.exec(text); match !== null; match = parameter.exec(text)) {
    const [all, key = '', quoted, plain = ''] = match;
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === '') break;
    found.set(key.toLowerCase(), value);
    if (!all.endsWith(',')) break;
  }
  return found;
}

/** Where to ask for a token that lets us read a repository. Some servers look the account up by name before they look at the password. */
export function tokenUrl(
  challenge: Extract<Challenge, { scheme: 'bearer' }>,
  repository: string,
  account?: string,
): URL {
  const url = new URL(challenge.realm);
  if (account !== undefined && account !== '') url.searchParams.append('account', account);
  if (challenge.service !== undefined) url.searchParams.append('service', challenge.service);
  url.searchParams.append('scope', `repository:${repository}:pull`);
  return url;
}

/** Reads the token server's answer. Less than 60 s, or no life span, is taken for 60 s; a tenth is kept as margin. */
export function parseToken(text: string, registry: string): Token {
  let data: unknown;
  try {
    const answer: unknown = JSON.parse(text);
    // For Go, names of members count in any case.
    data =
      typeof answer === 'object' && answer !== null && !Array.isArray(answer)
        ? Object.fromEntries(Object.entries(answer).map(([key, value]) => [key.toLowerCase(), value as unknown]))
        : answer;
  } catch {
    data = undefined;
  }
  const result = tokenSchema.safeParse(data);
  const value = result.data?.token || result.data?.access_token || '';
  if (value === '')
    throw new RegistryFailure('protocol', `token server of registry "${registry}" gave no token`, {
      // The text may hold one: only the place is told.
      ...(result.success || data === undefined
        ? {}
        : { why: `its answer is not understood at "${result.error.issues[0]?.path.join('.') || 'its top'}"` }),
      next: `look at the log of the token server of registry "${registry}"`,
    });
  return { value, lifeMs: (result.data?.expires_in ?? 60) * 900 };
}
