import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { certificateTrouble, isCertificateFault, isMissingAuthority } from './certificate-trouble.ts';
import { issuerOf } from './issuer.ts';
import { networkTrouble } from './network-trouble.ts';
import type { Proxy, ProxyRules } from './proxy.ts';
import { RegistryFailure, Silence, stoppedTrouble, type Subject } from './trouble.ts';
import type { Trust } from './trust.ts';
import { perAddressMs, proxyRefused, tlsAgent, type TlsTerms } from './tunnel.ts';

/** On whose behalf a request goes out; decides authorities, client certificate and verification, also after a redirect. */
export type Party = { readonly registry: string; readonly insecure: boolean };

/** One request. */
export type Ask = {
  readonly url: URL;
  readonly method?: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
};

/** One answer; its body is unread. */
export type Reply = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly message: IncomingMessage;
};

/** The host behind the name "docker.io". */
export const hubApi = 'registry-1.docker.io';

/** Sends requests through the right proxy with the right trust, and keeps connections open between them. */
export type Wire = Disposable & {
  /** @throws Failure with its class; never for a status */
  ask(party: Party, subject: Subject, ask: Ask): Promise<Reply>;
  /** The body piece by piece; silence while someone waits for a piece is trouble, a slow reader is not. */
  read(reply: Reply, subject: Subject, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined>;
  /** A short body as text. @throws RegistryFailure when it is longer than the limit */
  text(reply: Reply, subject: Subject, limitBytes: number, signal?: AbortSignal): Promise<Buffer>;
};

export type WireOptions = {
  readonly trust: Trust;
  readonly proxy: ProxyRules;
  readonly now: () => Date;
  readonly stallMs: number;
};

/** Opens the wire. Dispose it to close idle connections. */
export function openWire({ trust, proxy: rules, now, stallMs }: WireOptions): Wire {
  const agents = new Map<string, HttpAgent>();
  const termsOf = async (party: Party): Promise<TlsTerms> => ({
    ...party,
    secureContext: await trust.contextFor(party.registry),
  });
  const agentFor = async (party: Party, url: URL, proxy: Proxy | undefined): Promise<HttpAgent> => {
    const key = [url.protocol, party.registry, party.insecure, proxy?.host, proxy?.port].join(' ');
    const terms = await termsOf(party); // before plain HTTP, too: podman stops at a broken folder of certificates
    const agent =
      agents.get(key) ??
      (url.protocol === 'https:'
        ? tlsAgent(terms, proxy, stallMs)
        : proxy?.tls === true
          ? tlsAgent(terms, undefined, stallMs)
          : new HttpAgent({ keepAlive: true, autoSelectFamilyAttemptTimeout: perAddressMs }));
    agents.set(key, agent);
    return agent;
  };

  const send = async (party: Party, subject: Subject, ask: Ask, again: boolean): Promise<Reply> => {
    const proxy = rules.proxyFor(ask.url);
    const agent = await agentFor(party, ask.url, proxy);
    checkStopped(ask.signal, subject);
    const request = open(ask, agent, proxy);
    const timer = setTimeout(() => {
      request.destroy(new Silence(stallMs));
    }, stallMs);
    const onAbort = (): void => {
      request.destroy(new Error('aborted'));
    };
    ask.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const message = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).on('error', reject).end(ask.body);
      });
      message.on('error', () => undefined); // errors of the body are met by its reader; without one they must not end the process
      if (ask.signal !== undefined) tieTo(ask.signal, message);
      if (message.statusCode === 407) throw proxyRefused(proxy, 407);
      return { status: message.statusCode ?? 0, headers: message.headers, message };
    } catch (error) {
      checkStopped(ask.signal, subject);
      // A kept connection may have been closed by the other side in the same moment: that says nothing about the registry.
      if (request.reusedSocket && !again && !(error instanceof Silence)) return await send(party, subject, ask, true);
      if (isCertificateFault(error)) throw await refusedCertificate(error, party, ask.url, proxy);
      throw networkTrouble(error, subject);
    } finally {
      clearTimeout(timer);
      ask.signal?.removeEventListener('abort', onAbort);
    }
  };

  const refusedCertificate = async (
    error: unknown,
    party: Party,
    url: URL,
    proxy: Proxy | undefined,
  ): Promise<RegistryFailure> => {
    const own = new URL(`https://${party.registry === 'docker.io' ? hubApi : party.registry}`).host;
    const host = url.host === own ? party.registry : url.host;
    const issuer = isMissingAuthority(error) ? await issuerOf(url, proxy, await termsOf(party)) : undefined;
    const missing = await trust.adviceFor(party.registry, issuer);
    return certificateTrouble(error, { host, registry: party.registry }, now(), missing);
  };

  async function* read(reply: Reply, subject: Subject, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    const { message } = reply;
    let waiting = true;
    const timer = setTimeout(() => {
      if (waiting) message.destroy(new Silence(stallMs));
      else timer.refresh(); // a slow reader is not silence
    }, stallMs);
    try {
      for await (const piece of gathered(message, () => {
        timer.refresh();
      })) {
        waiting = false;
        yield piece;
        waiting = true;
        timer.refresh();
      }
    } catch (error) {
      checkStopped(signal, subject);
      throw networkTrouble(error, subject);
    } finally {
      clearTimeout(timer);
      message.destroy();
    }
  }

  return {
    ask: (party, subject, ask) => send(party, subject, ask, false),
    read,
    async text(reply, subject, limitBytes, signal) {
      const pieces: Buffer[] = [];
      let length = 0;
      const { message } = reply;
      // Read to its end without destroying, so that the connection can be used again.
      const timer = setTimeout(() => {
        message.destroy(new Silence(stallMs));
      }, stallMs);
      try {
        for await (const piece of message as AsyncIterable<Buffer>) {
          timer.refresh();
          length += piece.length;
          if (length > limitBytes)
            throw new RegistryFailure(
              'protocol',
              `registry "${subject.registry}" sent more than ${limitBytes} bytes for "${subject.wanted}"`,
            );
          pieces.push(piece);
        }
      } catch (error) {
        checkStopped(signal, subject);
        throw networkTrouble(error, subject);
      } finally {
        clearTimeout(timer);
      }
      return Buffer.concat(pieces);
    },
    [Symbol.dispose]() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

/** TLS hands over 16 KiB at a time, and each hand-over through generators and streams costs as much as the work on its bytes. */
const gatherBytes = 256 * 1024;

/**
 * The body in pieces of about 256 KiB, or of whatever has come when nothing more is there at once: nothing waits for its piece to be
 * full. What came before an error is given before the error, so that a later attempt does not fetch it again.
 */
async function* gathered(message: IncomingMessage, onBytes: () => void): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  let wake = (): void => undefined;
  let ended: { readonly error?: unknown } | undefined;
  message.on('data', (piece: Buffer) => {
    onBytes();
    pieces.push(piece);
    length += piece.length;
    if (length >= gatherBytes) message.pause();
    wake();
  });
  message.once('end', () => {
    ended ??= {};
    wake();
  });
  message.once('error', (error) => {
    ended ??= { error };
    wake();
  });
  message.once('close', () => {
    ended ??= { error: Object.assign(new Error('aborted'), { code: 'ECONNRESET' }) };
    wake();
  });
  for (;;) {
    if (length === 0 && ended === undefined)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    // The sockets of one turn of the loop have all been read when its check phase comes.
    if (length < gatherBytes && ended === undefined) await new Promise((resolve) => setImmediate(resolve));
    if (length > 0) {
      const piece = Buffer.concat(pieces, length);
      pieces = [];
      length = 0;
      yield piece;
      message.resume();
      continue;
    }
    if (ended === undefined) continue;
    if ('error' in ended) throw ended.error;
    return;
  }
}

function checkStopped(signal: AbortSignal | undefined, subject: Subject): void {
  if (signal?.aborted === true) throw stoppedTrouble(subject, signal.reason);
}

function open(ask: Ask, agent: HttpAgent, proxy: Proxy | undefined): ClientRequest {
  const headers = {
    'user-agent': 'sno-ibi',
    ...ask.headers,
    ...(ask.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(ask.body)) }),
  };
  const options = { agent, method: ask.method ?? 'GET', headers };
  if (ask.url.protocol === 'https:') return httpsRequest(ask.url, options);
  if (proxy === undefined) return httpRequest(ask.url, options);
  // Plain HTTP through a proxy: the whole URL is the path.
  const authorization =
    proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization.reveal() };
  return (proxy.tls ? httpsRequest : httpRequest)({
    ...options,
    host: proxy.host,
    port: proxy.port,
    path: ask.url.href,
    headers: { ...headers, host: ask.url.host, ...authorization },
  });
}

/** Ends a body when the signal says so, without piling up listeners on a signal that lives as long as the program. */
function tieTo(signal: AbortSignal, message: IncomingMessage): void {
  const onAbort = (): void => {
    message.destroy(new Error('aborted'));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  message.once('close', () => {
    signal.removeEventListener('abort', onAbort);
  });
}
