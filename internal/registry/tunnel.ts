import { request as httpRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect, type SecureContext } from 'node:tls';
import { checkName } from './certificate-name.ts';
import { certificateTrouble, isCertificateFault } from './certificate-trouble.ts';
import type { Proxy } from './proxy.ts';
import { RegistryFailure, Silence } from './trouble.ts';

/*
 * Node tries the addresses of a name one after the other and gives each 250 ms by default; over a satellite link every one of
 * them fails that way.
 */
export const perAddressMs = 5_000;

/** How TLS is spoken on behalf of a registry. */
export type TlsTerms = {
  readonly secureContext: SecureContext;
  readonly insecure: boolean;
  readonly registry: string;
};

/** Connections of one party, directly or through a proxy. */
export function tlsAgent(terms: TlsTerms, proxy: Proxy | undefined, stallMs: number): HttpsAgent {
  const { secureContext, insecure } = terms;
  const agent = new HttpsAgent({
    keepAlive: true,
    secureContext,
    rejectUnauthorized: !insecure,
    checkServerIdentity: checkName,
    autoSelectFamilyAttemptTimeout: perAddressMs,
  });
  if (proxy === undefined) return agent;
  agent.createConnection = (options, callback) => {
    const host = options.host ?? '';
    const target = `${host.includes(':') ? `[${host}]` : host}:${options.port ?? 443}`;
    tunnel(proxy, terms, target, stallMs)
      .then((socket) => {
        const secure = tlsConnect({
          socket,
          secureContext,
          rejectUnauthorized: !insecure,
          checkServerIdentity: checkName,
          host,
          ...('servername' in options && typeof options.servername === 'string' && options.servername !== ''
            ? { servername: options.servername }
            : {}),
        });
        callback?.(null, secure);
      })
      .catch((error: unknown) => {
        callback?.(error instanceof Error ? error : new Error(String(error)), undefined as unknown as Duplex);
      }); // with an error, the stream is not looked at
    return undefined;
  };
  return agent;
}

/** Asks the proxy for a connection to `target`. */
export function tunnel(proxy: Proxy, terms: TlsTerms, target: string, stallMs: number): Promise<Duplex> {
  const headers = {
    host: target,
    ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization.reveal() }),
  };
  const at = { host: proxy.host, port: proxy.port };
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...at,
      method: 'CONNECT',
      path: target,
      headers,
      // No `agent: false` beside it: that makes an agent, which connects by itself, without TLS.
      createConnection: (_, callback) => {
        if (!proxy.tls) return connect({ ...at, autoSelectFamilyAttemptTimeout: perAddressMs });
        // Handed over when it stands: a request on a connection whose certificate is refused only says "socket hang up".
        const secure = tlsConnect({
          ...at,
          secureContext: terms.secureContext,
          rejectUnauthorized: !terms.insecure, // as Go does: a registry that need not be verified takes its proxy along
          checkServerIdentity: checkName,
          ...(isIP(proxy.host) === 0 ? { servername: proxy.host } : {}),
        });
        const onError = (error: Error): void => {
          callback(error, secure);
        };
        secure.once('error', onError).once('secureConnect', () => {
          secure.off('error', onError);
          callback(null, secure);
        });
        return undefined;
      },
    });
    request.setTimeout(stallMs, () => {
      request.destroy(new Silence(stallMs));
    });
    request.once('connect', (reply, socket) => {
      request.setTimeout(0);
      if (reply.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(proxyRefused(proxy, reply.statusCode ?? 0));
    });
    request
      .on('error', (error) => {
        reject(proxyTrouble(proxy, terms, error));
      })
      .end();
  });
}

/** The proxy answered, and not with a connection. */
export function proxyRefused(proxy: Proxy | undefined, status: number): RegistryFailure {
  const name = `${proxy?.host ?? ''}:${proxy?.port ?? ''}`;
  if (status === 407) {
    return new RegistryFailure(
      'auth',
      `proxy "${name}" ${proxy?.authorization === undefined ? 'wants credentials' : 'refused the credentials'}`,
      { why: 'it answered 407', next: 'correct user and password in the proxy setting' },
    );
  }
  return new RegistryFailure(
    status >= 500 || status === 429 ? 'server' : 'protocol',
    `proxy "${name}" did not open a connection`,
    { why: `it answered ${status}`, next: 'check the rules of the proxy, or add the registry to noProxy' },
  );
}

function proxyTrouble(proxy: Proxy, { registry }: TlsTerms, error: Error): RegistryFailure {
  if (isCertificateFault(error))
    return certificateTrouble(error, { host: `${proxy.host}:${proxy.port}`, registry, isProxy: true }, new Date());
  return new RegistryFailure('unreachable', `proxy "${proxy.host}:${proxy.port}" is not reachable`, {
    why: error.message,
    next: 'check the proxy setting',
    cause: error,
  });
}
