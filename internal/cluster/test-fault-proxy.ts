import { createServer, request, type RequestOptions } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What goes wrong with one request. `lost`: the server did it, and the answer never came. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly message?: string;
    }
  | { readonly kind: 'reset' | 'lost' }
  | { readonly kind: 'slow'; readonly ms: number }
  /** Something happens on the server between what was read and what is written. */
  | { readonly kind: 'before'; readonly act: () => Promise<void> };

/** Undefined lets a request pass. */
export type FaultPlan = (seen: Seen) => Fault | undefined;
export type Seen = { readonly method: string; readonly path: string; readonly count: number };

/** Stands between client and API server, ends TLS, and does to requests what the plan says. */
export type FaultProxy = AsyncDisposable & {
  readonly port: number;
  /** `METHOD path` of all that came, faults and all. */
  readonly seen: string[];
  /** The same of what the server decided on. */
  readonly passed: string[];
  /** Takes effect from now on; what was seen before is forgotten. */
  plan(plan: FaultPlan): void;
  /** Lets all pass, and remembers what was seen. */
  clear(): void;
};

type Upstream = Pick<RequestOptions, 'port' | 'cert' | 'key'>;

export async function faultProxy(
  upstream: Upstream,
  own: { readonly cert: string; readonly key: string },
): Promise<FaultProxy> {
  let plan: FaultPlan = () => undefined;
  const [seen, passed]: [string[], string[]] = [[], []];
  const counts = new Map<string, number>();
  const pass = (asked: IncomingMessage, body: Buffer): Promise<{ answer: IncomingMessage; body: Buffer }> =>
    new Promise((resolve, reject) => {
      request(
        {
          ...upstream,
          host: '127.0.0.1',
          rejectUnauthorized: false,
          agent: false,
          method: asked.method,
          path: asked.url,
          headers: { ...asked.headers, connection: 'close' },
        },
        (answer) => {
          whole(answer).then((text) => {
            resolve({ answer, body: text });
          }, reject);
        },
      )
        .on('error', reject)
        .end(body);
    });
  const serve = async (asked: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const body = await whole(asked);
    const [method, path] = [asked.method ?? '', asked.url ?? ''];
    const key = `${method} ${path.split('?')[0] ?? ''}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    seen.push(`${method} ${path}`);
    const fault = plan({ method, path: path.split('?')[0] ?? '', count });
    if (fault?.kind === 'answer') {
      const status = {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        message: fault.message ?? 'injected',
        code: fault.status,
      };
      reply
        .writeHead(fault.status, { 'Content-Type': 'application/json', ...fault.headers })
        .end(JSON.stringify(status));
      return;
    }
    if (fault?.kind === 'reset') {
      asked.socket.destroy();
      return;
    }
    // Nobody may be waiting any more, and the test must not either.
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms).unref());
    if (fault?.kind === 'before') await fault.act();
    const { answer, body: text } = await pass(asked, body);
    // The etcd of tests elects anew in a tenth of a second: on a busy machine the server has 5xx of its own, which say nothing of us.
    if ((answer.statusCode ?? 0) < 500) passed.push(`${method} ${path}`);
    if (fault?.kind === 'lost') {
      asked.socket.destroy();
      return;
    }
    reply.writeHead(answer.statusCode ?? 0, answer.headers).end(text);
  };
  const server = createServer(own, (asked, reply) => {
    serve(asked, reply).catch(() => {
      asked.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    seen,
    passed,
    plan: (next) => {
      plan = next;
      counts.clear();
      seen.length = 0;
      passed.length = 0;
    },
    clear: () => {
      plan = () => undefined;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer); // no encoding is set
  return Buffer.concat(parts);
}
