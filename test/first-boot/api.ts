import { request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parse } from 'yaml';

/** What a kubeconfig says, with everything inline. */
export type Access = {
  /** The name that is asked for in the handshake and checked in the certificate. */
  readonly name: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
};

export type Answer = { readonly status?: number; readonly body: unknown; readonly trouble?: string };

/** A client of a Kubernetes API, over whatever way leads there. Nothing is thrown: a handshake that fails is an answer. */
export type Api = {
  /** The name that the server has to prove. */
  readonly name: string;
  ask(method: string, path: string, body?: unknown, type?: string): Promise<Answer>;
  /** The body of a GET, or an error with what the server said. */
  get<T = Record<string, unknown>>(path: string): Promise<T>;
};

export function accessOf(kubeconfig: string): Access {
  const { clusters, users } = parse(kubeconfig) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
  }; // as kubectl reads it
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (cluster === undefined || user === undefined) throw new Error('a kubeconfig without a cluster or a user');
  const text = (base64: string): string => Buffer.from(base64, 'base64').toString();
  return {
    name: new URL(cluster.server).hostname,
    ca: text(cluster['certificate-authority-data']),
    certificate: text(user['client-certificate-data']),
    key: text(user['client-key-data']),
  };
}

/** `way`: the path of a socket, or a port of this machine. */
export function apiAt(way: string | number, { name, ca, certificate, key }: Access): Api {
  const open = (): Socket => (typeof way === 'string' ? connect(way) : connect(way, '127.0.0.1'));
  const ask: Api['ask'] = (method, path, body, type = 'application/json') =>
    new Promise((resolve) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const call = request(
        {
          method,
          path,
          timeout: 20_000,
          // without an agent: only then is this asked
          createConnection: () => connectTls({ socket: open(), servername: name, ca, cert: certificate, key }),
          headers: {
            Host: name,
            ...(text === undefined ? {} : { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) }),
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response
            .on('data', (part: Buffer) => {
              parts.push(part);
            })
            .on('end', () => {
              const { statusCode } = response;
              const said = parsed(Buffer.concat(parts).toString());
              resolve({ ...(statusCode === undefined ? {} : { status: statusCode }), body: said });
            })
            .on('error', (error) => {
              resolve({ body: undefined, trouble: error.message });
            });
        },
      );
      call.on('error', (error: NodeJS.ErrnoException) => {
        resolve({ body: undefined, trouble: error.code ?? error.message });
      });
      call.on('timeout', () => {
        call.destroy(new Error('no answer within 20 s'));
      });
      call.end(text);
    });
  return {
    name,
    ask,
    async get<T>(path: string) {
      const { status, body, trouble } = await ask('GET', path);
      if (status !== 200) throw new Error(`GET ${path}: ${trouble ?? `${status ?? ''} ${JSON.stringify(body)}`}`);
      return body as T; // the caller names what the path answers
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
