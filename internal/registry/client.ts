import type { Place } from '../image/mirrors.ts';
import type { Credential } from './auth-file.ts';
import { authTrouble, brokenAuthFile } from './auth-trouble.ts';
import type { Secret } from '../log/secret.ts';
import type { Egress } from './egress.ts';
import { parseChallenge, parseToken, tokenUrl, type Challenge } from './token.ts';
import { RegistryFailure, statusTrouble, type Subject } from './trouble.ts';
import { hubApi, type Reply, type Wire } from './wire.ts';

/** What to get from a place. */
export type Wish = {
  /** Below `/v2/<repository>/`, such as `manifests/latest` or `blobs/sha256:…`. */
  readonly path: string;
  /** For messages: full reference or blob. */
  readonly wanted: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
};

/** Reads from registries: credentials, tokens, redirects and classes of failure are dealt with here. */
export type Client = {
  /** One attempt. The reply has status 2xx and an unread body. @throws RegistryFailure */
  get(place: Place, wish: Wish): Promise<Reply>;
  readonly wire: Wire;
};

const shortBody = 64 * 1024;
const mostRedirects = 10;

type Authorization = { readonly value: string; readonly untilMs: number };

/** Opens a client for one egress. Challenges, schemes and tokens are remembered as long as it lives. */
export function openClient(egress: Egress, wire: Wire): Client {
  const challenges = new Map<string, Challenge>();
  const tokens = new Map<string, Authorization>();
  const schemes = new Map<string, 'http' | 'https'>();

  /** The Authorization header for a place, from memory or from its token server. Undefined: anonymous. */
  const authorize = async (
    place: Place,
    challenge: Challenge,
    credential: Credential,
    wish: Wish,
  ): Promise<string | undefined> => {
    if (challenge.scheme === 'basic') return credential.kind === 'account' ? credential.basic.reveal() : undefined;
    const key = keyOf(place);
    const known = tokens.get(key);
    if (known !== undefined && known.untilMs > performance.now()) return known.value;
    const token = await fetchToken(place, challenge, credential, wish);
    const value = `Bearer ${token.value}`;
    tokens.set(key, { value, untilMs: performance.now() + token.lifeMs });
    return value;
  };

  const fetchToken = async (
    place: Place,
    challenge: Extract<Challenge, { scheme: 'bearer' }>,
    credential: Credential,
    wish: Wish,
  ): Promise<{ value: string; lifeMs: number }> => {
    const { registry, repository } = place.reference;
    const subject: Subject = { registry: challenge.realm.host, wanted: `token for ${registry}/${repository}` };
    const account = credential.kind === 'account' ? credential : undefined;
    const url = tokenUrl(challenge, repository, account?.username);
    const ask =
      account?.identityToken !== undefined
        ? {
            url: challenge.realm,
            method: 'POST' as const,
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: refreshForm(url, account.identityToken.reveal()),
          }
        : { url, headers: hasPassword(account) ? { authorization: account.basic.reveal() } : {} };
    const reply = await wire.ask({ registry, insecure: place.insecure }, subject, { ...ask, signal: wish.signal });
    const text = (await wire.text(reply, subject, 1024 * 1024, wish.signal)).toString('utf8');
    if (reply.status === 200) return parseToken(text, registry);
    if ([400, 401, 403].includes(reply.status))
      throw authTrouble(egress, place, credential, wish.wanted, reply.status, spokenError(text));
    throw statusTrouble(reply.status, subject, spokenError(text), retryAfter(reply));
  };

  const send = async (
    place: Place,
    wish: Wish,
    scheme: 'http' | 'https',
    authorization: string | undefined,
  ): Promise<Reply> => {
    const { registry, repository } = place.reference;
    const subject: Subject = { registry, wanted: wish.wanted };
    const start = new URL(`${scheme}://${apiHost(registry)}/v2/${repository}/${wish.path}`);
    let url = start;
    for (let hops = 0; hops <= mostRedirects; hops += 1) {
      // Storage behind a registry has signed URLs and must not see our credentials; some even refuse a request that carries them.
      const own = url.origin === start.origin && authorization !== undefined ? { authorization } : {};
      const reply = await wire.ask({ registry, insecure: place.insecure }, subject, {
        url,
        headers: { 'accept-encoding': 'identity', ...wish.headers, ...own },
        signal: wish.signal,
      });
      if (![301, 302, 303, 307, 308].includes(reply.status)) return reply;
      reply.message.resume();
      const target = reply.headers.location ?? '';
      if (!URL.canParse(target, url.href))
        throw new RegistryFailure('protocol', `registry "${registry}" redirects "${wish.wanted}" to nowhere`);
      url = new URL(target, url);
    }
    throw new RegistryFailure(
      'protocol',
      `registry "${registry}" redirects "${wish.wanted}" more than ${mostRedirects} times`,
    );
  };

  /** Some registries name their token server only in the answer to `/v2/`, which is where podman asks for it. */
  const challengeOf = async (
    reply: Reply,
    place: Place,
    wish: Wish,
    scheme: 'http' | 'https',
  ): Promise<Challenge | undefined> => {
    const { registry } = place.reference;
    const subject: Subject = { registry, wanted: wish.wanted };
    const here = parseChallenge(reply.message.headersDistinct['www-authenticate'] ?? [], registry);
    if (here !== undefined) return here;
    const url = new URL(`${scheme}://${apiHost(registry)}/v2/`);
    const ping = await wire.ask({ registry, insecure: place.insecure }, subject, {
      url,
      headers: {},
      signal: wish.signal,
    });
    await wire.text(ping, subject, shortBody, wish.signal);
    return parseChallenge(ping.message.headersDistinct['www-authenticate'] ?? [], registry);
  };

  const getBy = async (place: Place, wish: Wish, scheme: 'http' | 'https'): Promise<Reply> => {
    const { registry } = place.reference;
    const subject: Subject = { registry, wanted: wish.wanted };
    const credential = egress.auth.find(place.reference);
    if (credential.kind === 'broken') throw brokenAuthFile(egress, registry, credential.fault);
    const fail = async (reply: Reply): Promise<never> => {
      const said = spokenError((await wire.text(reply, subject, shortBody, wish.signal)).toString('utf8'));
      if (reply.status === 401 || reply.status === 403)
        throw authTrouble(egress, place, credential, wish.wanted, reply.status, said);
      throw statusTrouble(reply.status, subject, said, retryAfter(reply));
    };

    // A known challenge is answered before it is asked again: one round trip less for each repository.
    const known = challenges.get(registry);
    const first = known === undefined ? undefined : await authorize(place, known, credential, wish);
    const reply = await send(place, wish, scheme, first);
    if (reply.status === 200 || reply.status === 206) return reply;
    const challenge = reply.status === 401 ? await challengeOf(reply, place, wish, scheme) : undefined;
    if (challenge === undefined) return await fail(reply);

    const denied = await wire.text(reply, subject, shortBody, wish.signal);
    challenges.set(registry, challenge);
    if (first !== undefined) tokens.delete(keyOf(place)); // run out, or withdrawn
    const authorization = await authorize(place, challenge, credential, wish);
    if (authorization === undefined || (authorization === first && challenge.scheme === 'basic'))
      throw authTrouble(egress, place, credential, wish.wanted, 401, spokenError(denied.toString('utf8')));
    const second = await send(place, wish, scheme, authorization);
    return second.status === 200 || second.status === 206 ? second : await fail(second);
  };

  return {
    wire,
    async get(place, wish) {
      const { registry } = place.reference;
      const scheme = schemes.get(registry);
      if (scheme !== undefined || !place.insecure) return getBy(place, wish, scheme ?? 'https');
      let reply: Reply;
      try {
        reply = await getBy(place, wish, 'https');
        schemes.set(registry, 'https');
      } catch (error) {
        // "insecure" also means: speak plain HTTP where there is no TLS.
        if (!(error instanceof RegistryFailure) || !['protocol', 'broken', 'unreachable'].includes(error.kind))
          throw error;
        reply = await getBy(place, wish, 'http');
        schemes.set(registry, 'http');
      }
      return reply;
    },
  };
}

function apiHost(registry: string): string {
  return registry === 'docker.io' ? hubApi : registry;
}

function hasPassword<T extends { username: string; password: Secret }>(account: T | undefined): account is T {
  return account !== undefined && account.username !== '' && account.password.reveal() !== '';
}

function keyOf(place: Place): string {
  return `${place.reference.registry}/${place.reference.repository}`;
}

function refreshForm(url: URL, token: string): string {
  return new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'sno-ibi',
    refresh_token: token,
    service: url.searchParams.get('service') ?? '',
    scope: url.searchParams.get('scope') ?? '',
  }).toString();
}

/** The registry's own words: code and message of its first error, on one short line. */
function spokenError(text: string): string {
  try {
    const data = JSON.parse(text) as {
      errors?: { code?: unknown; message?: unknown }[];
      details?: unknown;
      message?: unknown;
    }; // read with care: any shape may come
    const first = Array.isArray(data.errors) ? data.errors[0] : undefined;
    const words = first === undefined ? [data.details ?? data.message] : [first.message, first.code];
    return words
      .filter((word): word is string => typeof word === 'string' && word !== '')
      .slice(0, 1)
      .join('')
      .replace(/\s+/g, ' ')
      .slice(0, 200);
  } catch {
    return '';
  }
}

/** Retry-After in seconds or as a date; a date is measured by the registry's own clock. */
function retryAfter(reply: Reply): number | undefined {
  const value = reply.headers['retry-after'];
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const ms = Date.parse(value) - Date.parse(reply.headers.date ?? '');
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}
