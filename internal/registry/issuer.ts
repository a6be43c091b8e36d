import { isIP, connect as netConnect } from 'node:net';
import { connect as tlsConnect, type DetailedPeerCertificate } from 'node:tls';
import type { Proxy } from './proxy.ts';
import { tunnel, type TlsTerms } from './tunnel.ts';

const lookMs = 5_000;

/**
 * Who issued the certificate that a server shows: the name of the authority that is missing here. For a message only: nothing is sent to
 * a server that is not trusted, and no answer from it is used. Undefined when it cannot be learned.
 */
export async function issuerOf(url: URL, proxy: Proxy | undefined, terms: TlsTerms): Promise<string | undefined> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 443 : Number(url.port);
  try {
    const socket =
      proxy === undefined ? netConnect({ host, port }) : await tunnel(proxy, terms, `${url.hostname}:${port}`, lookMs);
    return await new Promise((resolve) => {
      const secure = tlsConnect({
        socket,
        host,
        rejectUnauthorized: false,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      });
      const end = (issuer: string | undefined): void => {
        secure.destroy();
        resolve(issuer);
      };
      secure.setTimeout(lookMs, () => {
        end(undefined);
      });
      secure
        .on('error', () => {
          end(undefined);
        })
        .once('secureConnect', () => {
          end(topIssuer(secure.getPeerCertificate(true)));
        });
      socket.on('error', () => {
        end(undefined);
      });
    });
  } catch {
    return undefined;
  }
}

/** The issuer named by the last certificate of the chain. */
function topIssuer(certificate: DetailedPeerCertificate): string | undefined {
  let last = certificate;
  const seen = new Set<string>();
  // A root names itself as its issuer.
  for (
    let next: DetailedPeerCertificate | undefined = certificate;
    next !== undefined && !seen.has(next.fingerprint256);
    next = next.issuerCertificate as DetailedPeerCertificate | undefined
  ) {
    seen.add(next.fingerprint256);
    last = next;
  }
  return nameText(last.issuer);
}

/** A distinguished name of Node as one line; undefined when it is empty. */
export function nameText(name: unknown): string | undefined {
  const parts = Object.entries((name as Partial<Record<string, string | string[]>> | undefined) ?? {}); // Node's types promise fixed members
  return parts.length === 0 ? undefined : parts.map(([key, value]) => `${key}=${[value].flat().join('+')}`).join(', ');
}
