import { Agent, createServer, request, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerCertificate } from '../certificates/server.ts';

/*
 * A small HTTPS server in front of the real registry. It forwards everything, counts what it sends, and misbehaves on
 * request: refuses connections, answers with an error, breaks a blob off in its middle, changes a byte, or is slow.
 * It ends TLS itself, because a plain TCP relay could neither count bytes per blob nor answer 429.
 */

export type Request = {
  method: string;
  path: string;
  /** `sha256:…` when a blob is asked for. */ blob: string | undefined;
  range: string | undefined;
  authorised: boolean;
};

export type Served = Request & { status: number; bytes: number; atMs: number };

/** What to do with one request instead of simply forwarding it. */
export type Fault =
  | { answer: number; headers?: Record<string, string>; body?: string }
  | { cutAfterBytes: number }
  | { stallAfterBytes: number; ms: number }
  | { flipByteAt: number };

/** Asked before each request; `undefined` forwards it. */
export type FaultRule = (request: Request) => Fault | undefined;

export type Front = AsyncDisposable & {
  readonly served: readonly Served[];
  /** Bytes of response bodies of blobs sent so far, per digest. */
  blobBytes(): Map<string, number>;
  clear(): void;
  setFaults(rule: FaultRule | undefined): void;
  /** Limits every response body together to this rate; `undefined` is no limit. */
  setRate(bytesPerSecond: number | undefined): void;
  /** Cuts all connections and refuses new ones until `back`. */
  away(): Promise<void>;
  back(): Promise<void>;
};

export type FrontOptions = {
  address: string;
  port: number;
  upstream: { address: string; port: number };
  certificates: ServerCertificate;
};

export async function startFront({ address, port, upstream, certificates }: FrontOptions): Promise<Front> {
  const served: Served[] = [];
  const sockets = new Set<Duplex>();
  const agent = new Agent({ keepAlive: true, ca: certificates.ca });
  const state: { rule: FaultRule | undefined; pace: (bytes: number) => Promise<void> } = {
    rule: undefined,
    pace: async () => {},
  };

  const relay = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const asked = describe(incoming);
    const fault = state.rule?.(asked);
    const entry = { ...asked, status: 0, bytes: 0, atMs: Date.now() };
    served.push(entry);
    if (fault !== undefined && 'answer' in fault) {
      entry.status = fault.answer;
      incoming.resume();
      outgoing
        .writeHead(fault.answer, { 'content-type': 'application/json', ...fault.headers })
        .end(fault.body ?? '{"errors":[]}');
      return;
    }
    const answer = await forward(incoming, { ...upstream, agent });
    entry.status = answer.statusCode ?? 0;
    outgoing.writeHead(entry.status, answer.headers);
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const part = await spoilChunk(chunk, entry.bytes, fault, outgoing);
      if (part === undefined) return;
      await state.pace(part.length);
      entry.bytes += part.length;
      if (!outgoing.write(part)) await drained(outgoing);
      if (outgoing.destroyed) {
        answer.destroy();
        return;
      }
    }
    outgoing.end();
  };

  const listen = async (): Promise<Server> => {
    const server = createServer({ cert: certificates.cert, key: certificates.key }, (incoming, outgoing) => {
      relay(incoming, outgoing).catch(() => outgoing.destroy());
    });
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('tlsClientError', () => {
      /* a client that does not trust us: its own message is the subject of some tests */
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    });
    return server;
  };

  let server: Server | undefined = await listen();
  const front: Front = {
    served,
    blobBytes() {
      const sums = new Map<string, number>();
      for (const { blob, bytes, method } of served)
        if (blob !== undefined && method === 'GET') sums.set(blob, (sums.get(blob) ?? 0) + bytes);
      return sums;
    },
    clear() {
      served.length = 0;
    },
    setFaults(rule) {
      state.rule = rule;
    },
    setRate(bytesPerSecond) {
      state.pace = bytesPerSecond === undefined ? async () => {} : pacer(bytesPerSecond);
    },
    async away() {
      const closing = server;
      server = undefined;
      for (const socket of sockets) socket.destroy();
      if (closing !== undefined) await new Promise<void>((resolve) => closing.close(() => resolve()));
    },
    async back() {
      server ??= await listen();
    },
    async [Symbol.asyncDispose]() {
      await front.away();
      agent.destroy();
    },
  };
  return front;
}

/** Until the client has taken what was written, or has gone away. */
async function drained(outgoing: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = (): void => {
      outgoing.off('drain', go).off('close', go);
      resolve();
    };
    outgoing.on('drain', go).on('close', go);
  });
}

function describe(incoming: IncomingMessage): Request {
  const path = incoming.url ?? '/';
  return {
    method: incoming.method ?? 'GET',
    path,
    blob: /\/blobs\/(sha256:[0-9a-f]{64})/.exec(path)?.[1],
    range: incoming.headers.range,
    authorised: incoming.headers.authorization !== undefined,
  };
}

async function forward(
  incoming: IncomingMessage,
  to: { address: string; port: number; agent: Agent },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const onward = request(
      {
        host: to.address,
        port: to.port,
        agent: to.agent,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      resolve,
    );
    onward.once('error', reject);
    incoming.pipe(onward);
  });
}

/** The part of a chunk that may be sent; nothing when the connection was broken on purpose. */
async function spoilChunk(
  chunk: Buffer,
  sentBytes: number,
  fault: Fault | undefined,
  outgoing: ServerResponse,
): Promise<Buffer | undefined> {
  if (fault === undefined || 'answer' in fault) return chunk;
  if ('cutAfterBytes' in fault && sentBytes + chunk.length > fault.cutAfterBytes) {
    await new Promise<void>((resolve) => {
      outgoing.write(chunk.subarray(0, Math.max(0, fault.cutAfterBytes - sentBytes)), () => resolve());
    });
    outgoing.destroy();
    return undefined;
  }
  if (
    'stallAfterBytes' in fault &&
    sentBytes <= fault.stallAfterBytes &&
    sentBytes + chunk.length > fault.stallAfterBytes
  )
    await sleep(fault.ms, undefined, { ref: false });
  if ('flipByteAt' in fault && sentBytes <= fault.flipByteAt && sentBytes + chunk.length > fault.flipByteAt) {
    const copy = Buffer.from(chunk);
    copy[fault.flipByteAt - sentBytes] = (copy[fault.flipByteAt - sentBytes] ?? 0) ^ 0xff;
    return copy;
  }
  return chunk;
}

/** One shared budget for all responses: a slot in time is booked for every chunk. */
function pacer(bytesPerSecond: number): (bytes: number) => Promise<void> {
  let freeAt = 0;
  return async (bytes) => {
    const now = performance.now();
    freeAt = Math.max(now, freeAt) + (bytes / bytesPerSecond) * 1000;
    if (freeAt - now > 5) await sleep(freeAt - now);
  };
}
