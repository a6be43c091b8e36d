import { z } from 'zod/mini';
import { RegistryFailure } from './trouble.ts';

/** What a registry asks for in WWW-Authenticate. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service: string | undefined };

/** A token and how long it may be used. */
export type Token = { readonly value: string; readonly lifeMs: number };

const tokenSchema = z.object({
  token: z.optional(z.string()),
  access_token: z.optional(z.string()),
  expires_in: z.optional(z.number()),
});

/** Reads WWW-Authenticate (RFC 9110; distribution's token specification). Bearer is preferred when both are offered. */
export function parseChallenge(header: string | undefined, registry: string): Challenge | undefined {
  if (header === undefined) return undefined;
  const bearer = /\bBearer\s+(.*)$/i.exec(header)?.[1];
  if (bearer !== undefined) {
    const parts = new Map(
      [...bearer.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [
        (key ?? '').toLowerCase(),
        (value ?? '').replace(/\\(.)/g, '$1'),
      ]),
    );
    const realm = parts.get('realm') ?? '';
    if (!URL.canParse(realm))
      throw new RegistryFailure('protocol', `registry "${registry}" names no usable token server`, {
        why: `its realm is "${realm}"`,
      });
    return { scheme: 'bearer', realm: new URL(realm), service: parts.get('service') };
  }
  return /\bBasic\b/i.test(header) ? { scheme: 'basic' } : undefined;
}

/** Where to ask for a token that lets us read a repository. */
export function tokenUrl(challenge: Extract<Challenge, { scheme: 'bearer' }>, repository: string): URL {
  const url = new URL(challenge.realm);
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
  url.searchParams.set('scope', `repository:${repository}:pull`);
  return url;
}

/** Reads the token server's answer. Without a life span, 60 s are meant; a tenth of it is kept as margin. */
export function parseToken(text: string, registry: string): Token {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  const result = tokenSchema.safeParse(data);
  const value = result.data?.token ?? result.data?.access_token ?? '';
  if (value === '') throw new RegistryFailure('protocol', `token server of registry "${registry}" gave no token`);
  return { value, lifeMs: (result.data?.expires_in ?? 60) * 900 };
}
