import {
  createServer as createHttpServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { ServerCertificate } from './certificates/server.ts';
import type { Peer } from './registry-peer.ts';

/*
 * Stands in front of a plain-HTTP registry, ends TLS if wanted, counts what goes out, and misbehaves as told. It is the real
 * registry's answer that is cut, delayed or refused, so only the fault is invented.
 */

/** What to do with one request. */
export type Fault =
  | 'pass'
  | { readonly answer: number; readonly headers?: Readonly<Record<string, string | string[]>>; readonly body?: string }
  /** The connection breaks after so many bytes of the body. */
  | { readonly cutAfter: number }
  /** Nothing more comes after so many bytes of the body. */
  | { readonly stallAfter: number }
  /** Answers 200 with everything, whatever range was asked. */
  | { readonly ignoreRange: true; readonly cutAfter?: number }
  /** The body is changed in its last byte. */
  | { readonly corrupt: true }
  | { readonly redirect: string };

export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly number: number;
};
export type Front = AsyncDisposable & {
  readonly address: string;
  readonly port: number;
  /** Every request that came. */
  readonly asked: Asked[];
  /** Body bytes sent by path. */
  readonly sent: Map<string, number>;
  /** Digests that manifests passing by named as configuration: blobs that are no layers. */
  readonly configs: Set<string>;
  /** Body bytes of layers sent in all. */
  layerBytes(): number;
};

/** Starts a front; `decide` says what happens to each request. */
export async function startFront(
  peer: Pick<Peer, 'port'>,
  decide: (asked: Asked) => Fault = () => 'pass',
  options: { readonly certificates?: ServerCertificate; readonly host?: string } = {},
): Promise<Front> {
  const asked: Asked[] = [];
  const sent = new Map<string, number>();
  const configs = new Set<string>();
  const listener: RequestListener = (incoming, outgoing) => {
    const entry: Asked = {
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: incoming.headers,
      number: asked.length,
    };
    asked.push(entry);
    const fault = decide(entry);
    if (fault !== 'pass' && 'answer' in fault) {
      outgoing.writeHead(fault.answer, { ...fault.headers }).end(fault.body ?? '');
      return;
    }
    if (fault !== 'pass' && 'redirect' in fault) {
      outgoing.writeHead(307, { location: fault.redirect }).end();
      return;
    }
    forward(peer.port, incoming, outgoing, fault, (part) => {
      sent.set(entry.path, (sent.get(entry.path) ?? 0) + part.length);
      const config = entry.path.includes('/manifests/')
        ? /"config":\{[^}]*"digest":"([^"]+)"/.exec(part.toString('utf8'))?.[1]
        : undefined;
      if (config !== undefined) configs.add(config);
    });
  };
  const server: Server =
    options.certificates === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: options.certificates.cert, key: options.certificates.key }, listener);
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  return {
    address: `${host}:${port}`,
    port,
    asked,
    sent,
    configs,
    layerBytes: () =>
      [...sent].reduce(
        (sum, [path, bytes]) =>
          path.includes('/blobs/') && !configs.has(path.split('/').at(-1) ?? '') ? sum + bytes : sum,
        0,
      ),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Ends TLS in front of a port of this machine, and is as particular about it as it is told. */
export async function startTlsRelay(
  port: number,
  options: TlsOptions,
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createTlsServer(options, (socket) => {
    const upstream = connect({ host: '127.0.0.1', port });
    for (const each of [socket, upstream]) sockets.add(each.on('error', () => each.destroy()));
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, // a listening TCP server has one
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function forward(
  port: number,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Exclude<Fault, { answer: number } | { redirect: string }>,
  count: (part: Buffer) => void,
): void {
  const headers = { ...incoming.headers };
  if (fault !== 'pass' && 'ignoreRange' in fault) delete headers.range;
  const upstream = request({ host: '127.0.0.1', port, path: incoming.url, method: incoming.method, headers });
  upstream
    .on('error', () => outgoing.destroy())
    .on('response', (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      const cutAfter = fault !== 'pass' && 'cutAfter' in fault ? (fault.cutAfter ?? Infinity) : Infinity;
      const stallAfter = fault !== 'pass' && 'stallAfter' in fault ? fault.stallAfter : Infinity;
      const corrupt = fault !== 'pass' && 'corrupt' in fault;
      let bytes = 0;
      const total = Number(reply.headers['content-length'] ?? 0);
      reply.on('data', (piece: Buffer) => {
        const left = Math.min(cutAfter, stallAfter) - bytes;
        let part = piece.subarray(0, Math.max(left, 0));
        if (corrupt && bytes + part.length === total) {
          part = Buffer.from(part);
          part[part.length - 1] = (part.at(-1) ?? 0) ^ 0xff;
        }
        bytes += part.length;
        count(part);
        if (!outgoing.write(part)) {
          reply.pause();
          outgoing.once('drain', () => reply.resume());
        }
        if (bytes >= cutAfter) {
          reply.destroy();
          // Let what was written leave first: a reset throws away what is still in our buffers.
          setTimeout(() => {
            outgoing.destroy();
          }, 20);
        } else if (bytes >= stallAfter) {
          reply.destroy();
        }
      });
      reply.on('end', () => {
        if (bytes < cutAfter && bytes < stallAfter) outgoing.end();
      });
    });
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
}
