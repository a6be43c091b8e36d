import { BlockList, isIP } from 'node:net';
import { UsageError } from '../errors/errors.ts';
import { Secret } from '../log/secret.ts';

/** A proxy to go through. */
export type Proxy = {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Ready value of Proxy-Authorization. */
  readonly authorization: Secret | undefined;
};

/** Says which proxy a URL goes through, if any. */
export type ProxyRules = {
  proxyFor(url: URL): Proxy | undefined;
  secrets(): Secret[];
};

/** Everything goes directly. */
export const noProxy: ProxyRules = { proxyFor: () => undefined, secrets: () => [] };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the proxy settings as Go programs (podman, skopeo) do, so that all parts of one run take the same way: HTTPS_PROXY for https,
 * HTTP_PROXY for http, upper case before lower case; NO_PROXY with "*", addresses, CIDRs, domains (themselves and what is below them),
 * ".domain" (only what is below), each with an optional port. Loopback never goes through a proxy.
 *
 * @throws UsageError for a proxy that is not a URL of scheme http or https
 */
export function parseProxyRules(env: Environment): ProxyRules {
  const read = (name: string): string => env[name] || env[name.toLowerCase()] || '';
  const proxies = {
    'https:': parseProxy(read('HTTPS_PROXY'), 'HTTPS_PROXY'),
    'http:': parseProxy(read('HTTP_PROXY'), 'HTTP_PROXY'),
  };
  const exempt = parseExemptions(read('NO_PROXY'));
  return {
    proxyFor(url) {
      const proxy = url.protocol === 'https:' ? proxies['https:'] : proxies['http:'];
      const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
      const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
      return proxy === undefined || isLoopback(host) || exempt(host, port) ? undefined : proxy;
    },
    secrets: () =>
      Object.values(proxies).flatMap((proxy) =>
        proxy?.authorization === undefined ? [] : [proxy.authorization, ...plainParts(proxy.authorization)],
      ),
  };
}

function parseProxy(value: string, name: string): Proxy | undefined {
  if (value === '') return undefined;
  // The value may hold a password: messages name the variable only.
  const wrong = (reason: string): UsageError =>
    new UsageError(`environment variable ${name} ${reason}`, {
      next: 'give http://HOST:PORT; user and password percent-encoded',
    });
  if (/[\s]/.test(value)) throw wrong('has a blank in it');
  const text = value.includes('://') ? value : `http://${value}`;
  if (!URL.canParse(text)) throw wrong('is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw wrong(`has the scheme "${url.protocol.slice(0, -1)}"; http and https are possible`);
  if (url.hash !== '' || (url.pathname !== '/' && url.pathname !== ''))
    throw wrong('has something after the port; "#", "/", "?" and "@" in a password must be percent-encoded');
  const tls = url.protocol === 'https:';
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    tls,
    authorization: url.username === '' ? undefined : new Secret(basic(decoded(url.username), decoded(url.password))),
  };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** A lone "%" is taken as itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function plainParts(authorization: Secret): Secret[] {
  const encoded = authorization.reveal().slice('Basic '.length);
  const password = Buffer.from(encoded, 'base64').toString('utf8').split(':').slice(1).join(':');
  return [new Secret(encoded), new Secret(password), new Secret(encodeURIComponent(password))];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function parseExemptions(text: string): (host: string, port: string) => boolean {
  const addresses = new BlockList();
  const tests: ((host: string, port: string) => boolean)[] = [];
  for (const item of text
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '')) {
    if (item === '*') return () => true;
    const [network = '', bits] = item.split('/');
    if (bits !== undefined) {
      const family = isIP(network);
      if (family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
        addresses.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
      continue;
    }
    const { host: name, port: only } = splitPort(item);
    if (isIP(name) !== 0) {
      tests.push((host, port) => host === name && (only === undefined || only === port));
      continue;
    }
    const domain = name.replace(/^\*/, '');
    const below = domain.startsWith('.') ? domain : `.${domain}`;
    tests.push((host, port) => (host.endsWith(below) || host === domain) && (only === undefined || only === port));
  }
  return (host, port) => {
    const family = isIP(host);
    return (
      (family !== 0 && addresses.check(host, family === 4 ? 'ipv4' : 'ipv6')) || tests.some((test) => test(host, port))
    );
  };
}

function splitPort(item: string): { host: string; port: string | undefined } {
  if (isIP(item) !== 0) return { host: item, port: undefined };
  const match = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(item);
  return { host: match?.[1] ?? item, port: match?.[2] };
}
