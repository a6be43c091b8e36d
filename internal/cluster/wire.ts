import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { errorCode, messageOf } from '../errors/errors.ts';
import type { Access } from './kubeconfig.ts';
import { ApiFailure } from './trouble.ts';

/*
 * One HTTP exchange with the API. No attempt is repeated here.
 *
 * By node:https, not by @kubernetes/client-node (kube/client).
 */

export type Exchange = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly signal: AbortSignal;
};

export type Reply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

export type Wire = Disposable & {
  /** @throws ApiFailure when no whole answer came; never for a status */
  exchange(exchange: Exchange): Promise<Reply>;
};

/** Keeps a few connections; `answerMs` is the longest silence of one attempt. */
export function openWire({ server, secureContext, serverName, token }: Access, answerMs: number): Wire {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, secureContext });
  const base = server.pathname.replace(/\/$/, '');
  return {
    async exchange({ method, path, body, contentType, signal }) {
      signal.throwIfAborted();
      try {
        return await new Promise<Reply>((resolve, reject) => {
          const call = request(
            {
              agent,
              host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
              port: server.port === '' ? 443 : Number(server.port),
              path: `${base}${path}`,
              method,
              signal,
              timeout: answerMs,
              ...(serverName === undefined ? {} : { servername: serverName }),
              headers: {
                Accept: 'application/json',
                'User-Agent': 'post-pivot',
                ...(token === undefined ? {} : { Authorization: `Bearer ${token.reveal()}` }),
                ...(body === undefined
                  ? {}
                  : {
                      'Content-Type': contentType ?? 'application/json',
                      'Content-Length': String(Buffer.byteLength(body)),
                    }),
              },
            },
            (response) => {
              const parts: Buffer[] = [];
              response
                .on('data', (part: Buffer) => {
                  parts.push(part);
                })
                .on('error', reject)
                .on('end', () => {
                  resolve({
                    status: response.statusCode ?? 0,
                    headers: response.headers,
                    body: Buffer.concat(parts).toString(),
                  });
                });
            },
          );
          call.on('error', reject).on('timeout', () => {
            call.destroy(new Silence(`no answer within ${answerMs / 1000} s`));
          });
          call.end(body);
        });
      } catch (error) {
        signal.throwIfAborted();
        throw unanswered(error, server);
      }
    },
    [Symbol.dispose]() {
      agent.destroy();
    },
  };
}

class Silence extends Error {}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refuses the connection: kube-apiserver is not up yet',
  ECONNRESET: 'it closed the connection before it had answered',
  EPIPE: 'it closed the connection before it had answered',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to its network',
  ENOTFOUND: 'its name is not known to DNS',
  EAI_AGAIN: 'DNS does not answer',
};

function unanswered(error: unknown, server: URL): ApiFailure {
  const code = codeOf(error);
  const what = `the API at "${server.host}" did not answer`;
  if (error instanceof Silence) return new ApiFailure('unreachable', what, { why: error.message });
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return new ApiFailure('tls', what, {
      why: `its certificate is not for "${server.hostname}" but for ${namesShown(error)}`,
      next: 'the certificates are not of this identity: look at what recert made, and at the address in the kubeconfig',
    });
  if (code !== undefined && /CERT|SIGNATURE|ISSUER|ERR_SSL|EPROTO/.test(code))
    return new ApiFailure('tls', what, {
      why: `TLS failed: ${messageOf(error).split('\n')[0] ?? code}`,
      next: 'its certificate and the authority in the kubeconfig do not fit: look at what recert made, and at the clock',
    });
  return new ApiFailure('unreachable', what, { why: (code && words[code]) ?? messageOf(error) });
}

/** The names of the certificate that was shown: Node puts it beside its own words. */
function namesShown(error: unknown): string {
  const cert = typeof error === 'object' && error !== null && 'cert' in error ? error.cert : undefined;
  const names = typeof cert === 'object' && cert !== null && 'subjectaltname' in cert ? cert.subjectaltname : undefined;
  return typeof names === 'string' && names !== '' ? names : 'no name at all';
}

/** Several addresses tried at once come as an AggregateError. */
function codeOf(error: unknown): string | undefined {
  const own = errorCode(error);
  if (own !== undefined || !(error instanceof AggregateError)) return own;
  return (error.errors as unknown[]).map(errorCode).find((code) => code !== undefined); // declared as any[]
}
