import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { X509Certificate, createHash, sign } from 'node:crypto';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { makeServerCertificate, type ServerCertificate, type ServerRecipe } from './certificates/server.ts';

/*
 * A real docker-registry for tests: free port on 127.0.0.1, data in a given folder, TLS and htpasswd on request. Images are pushed
 * through its own API by small code here, so that tests decide every byte of manifest and layers.
 */

export type Account = { readonly username: string; readonly password: string };
export type Peer = AsyncDisposable & {
  /** `127.0.0.1:<port>`. */
  readonly address: string;
  readonly port: number;
  readonly url: string;
  readonly account: Account | undefined;
  readonly certificates: ServerCertificate | undefined;
  readonly tokens: PeerOptions['tokens'];
  stop(): Promise<void>;
};
export type PeerOptions = {
  readonly folder: string;
  readonly account?: Account;
  readonly certificates?: ServerCertificate;
  readonly port?: number;
  /** One line per request in `registry.log`, with the bytes of its body. */ readonly accessLog?: boolean;
  /** Bearer tokens from this server; see `startTokenServer`. */ readonly tokens?: {
    readonly realm: string;
    readonly certificates: ServerCertificate;
  };
};

/** Starts a registry and waits until it answers; the process ends with the scope. */
export async function startPeer({
  folder,
  account,
  certificates,
  port: wantedPort,
  accessLog = false,
  tokens,
}: PeerOptions): Promise<Peer> {
  mkdirSync(join(folder, 'data'), { recursive: true });
  const port = wantedPort ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  const http = {
    addr: address,
    ...(certificates === undefined ? {} : { tls: { certificate: certificates.certFile, key: certificates.keyFile } }),
  };
  if (account !== undefined)
    writeFileSync(join(folder, 'htpasswd'), `${account.username}:${bcrypt(account.password)}\n`);
  const auth =
    tokens !== undefined
      ? {
          auth: {
            token: {
              realm: tokens.realm,
              service: 'test registry',
              issuer: 'test issuer',
              rootcertbundle: tokens.certificates.caFile,
            },
          },
        }
      : account === undefined
        ? {}
        : { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } };
  // JSON is YAML.
  writeFileSync(
    join(folder, 'config.yml'),
    JSON.stringify({
      version: '0.1',
      log: { level: 'warn', accesslog: { disabled: !accessLog } },
      storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
      http,
      ...auth,
    }),
  );
  const log = openSync(join(folder, 'registry.log'), 'a');
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], OTEL_TRACES_EXPORTER: 'none' },
  });
  const stop = (): Promise<void> => ended(child);
  const url = `${certificates === undefined ? 'http' : 'https'}://${address}`;
  const peer: Peer = { address, port, url, account, certificates, tokens, stop, [Symbol.asyncDispose]: stop };
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null)
      throw new Error(`docker-registry ended at once: ${readFileSync(join(folder, 'registry.log'), 'utf8')}`);
    try {
      await call(peer, 'GET', '/v2/'); // any answer, 401 included
      return peer;
    } catch {
      await sleep(50);
    }
  }
  await stop();
  throw new Error('docker-registry did not answer within 5 s');
}

/** Hands out tokens for a registry started with `tokens`; pulls need the account, pushes (tests only) do not. */
export async function startTokenServer(
  certificates: ServerCertificate,
  account: Account,
): Promise<AsyncDisposable & { readonly realm: string; readonly asked: string[]; lifeSeconds: number }> {
  const asked: string[] = [];
  const server = createHttpServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', 'http://x');
    asked.push(url.search);
    const expected = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;
    if (incoming.headers.authorization !== expected) {
      outgoing
        .writeHead(401, { 'content-type': 'application/json' })
        .end('{"details":"incorrect username or password"}');
      return;
    }
    const [, name = '', actions = ''] = /^repository:(.+):([^:]+)$/.exec(url.searchParams.get('scope') ?? '') ?? [];
    outgoing.end(
      JSON.stringify({
        token: signToken(certificates, name, actions.split(','), answer.lifeSeconds),
        expires_in: answer.lifeSeconds,
      }),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const answer = {
    realm: `http://127.0.0.1:${port}/token`,
    asked,
    lifeSeconds: 300,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    },
  };
  return answer;
}

/** A token as docker-registry verifies it: ES256, with the signing certificate inside. */
export function signToken(
  { cert, key }: ServerCertificate,
  repository: string,
  actions: readonly string[],
  lifeSeconds: number,
): string {
  const encode = (data: unknown): string => Buffer.from(JSON.stringify(data)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'ES256', x5c: [new X509Certificate(cert).raw.toString('base64')] };
  const claims = {
    iss: 'test issuer',
    sub: 'test',
    aud: 'test registry',
    iat: now,
    nbf: now - 10,
    exp: now + lifeSeconds,
    jti: String(now),
    access: [{ type: 'repository', name: repository, actions }],
  };
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

export type PushedLayer = {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly diffId: string;
};
export type PushedImage = {
  readonly digest: string;
  readonly config: string;
  readonly layers: readonly PushedLayer[];
  readonly manifest: Buffer;
};
export type Layer = { readonly blob: Buffer; readonly diffId: string };

/** Makes a gzip layer of files; `level` 0 keeps incompressible content cheap to make. */
export async function makeLayer(files: Readonly<Record<string, string | Buffer>>, level = 1): Promise<Layer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mtime: new Date(0) }, content as Buffer);
  archive.finalize();
  const parts: Buffer[] = [];
  for await (const part of archive as AsyncIterable<Buffer>) parts.push(part);
  const tar = Buffer.concat(parts);
  return { blob: gzipSync(tar, { level }), diffId: digestOf(tar) };
}

/** Pushes an image and tags it. */
export async function pushImage(
  peer: Peer,
  repository: string,
  tag: string,
  layers: readonly Layer[],
  config: Readonly<Record<string, unknown>> = {},
): Promise<PushedImage> {
  const pushed: PushedLayer[] = [];
  for (const { blob, diffId } of layers) {
    pushed.push({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: await pushBlob(peer, repository, blob),
      size: blob.length,
      diffId,
    });
  }
  const configBytes = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2026-01-02T03:04:05Z',
      config: {},
      rootfs: { type: 'layers', diff_ids: pushed.map(({ diffId }) => diffId) },
      ...config,
    }),
  );
  const configDigest = await pushBlob(peer, repository, configBytes);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: configDigest, size: configBytes.length },
      layers: pushed.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    }),
  );
  await pushManifest(peer, repository, tag, manifest, 'application/vnd.oci.image.manifest.v1+json');
  return { digest: digestOf(manifest), config: configDigest, layers: pushed, manifest };
}

/** Pushes manifest bytes as they are. */
export async function pushManifest(
  peer: Peer,
  repository: string,
  tag: string,
  manifest: Buffer,
  mediaType: string,
): Promise<string> {
  const reply = await call(peer, 'PUT', `/v2/${repository}/manifests/${tag}`, manifest, { 'content-type': mediaType });
  if (reply.status !== 201)
    throw new Error(`push of ${repository}:${tag} answered ${reply.status}: ${reply.body.toString('utf8')}`);
  return digestOf(manifest);
}

export async function pushBlob(peer: Peer, repository: string, blob: Buffer): Promise<string> {
  const digest = digestOf(blob);
  if ((await call(peer, 'HEAD', `/v2/${repository}/blobs/${digest}`)).status === 200) return digest;
  const begun = await call(peer, 'POST', `/v2/${repository}/blobs/uploads/`);
  const location = new URL(begun.headers['location'] ?? '', peer.url);
  location.searchParams.set('digest', digest);
  const done = await call(peer, 'PUT', `${location.pathname}${location.search}`, blob, {
    'content-type': 'application/octet-stream',
  });
  if (done.status !== 201)
    throw new Error(`push of a blob to ${repository} answered ${done.status}: ${done.body.toString('utf8')}`);
  return digest;
}

/** Where the registry keeps a blob, for tests that damage it. */
export function blobPath(folder: string, digest: string): string {
  const hex = digest.replace('sha256:', '');
  return join(folder, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
}

/** For 127.0.0.1, localhost and registry.test; dates may be shifted to make it invalid. */
export function makeCertificates(
  folder: string,
  dates: Pick<ServerRecipe, 'notBefore' | 'notAfter'> = {},
): Promise<ServerCertificate> {
  return makeServerCertificate(folder, {
    authority: 'test authority',
    server: 'test registry',
    names: ['127.0.0.1', 'localhost', 'registry.test'],
    ...dates,
  });
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
};

function call(
  peer: Peer,
  method: string,
  path: string,
  body?: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const repository = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(path)?.[1] ?? '';
  const secret =
    peer.tokens !== undefined
      ? { authorization: `Bearer ${signToken(peer.tokens.certificates, repository, ['pull', 'push'], 60)}` }
      : peer.account === undefined
        ? {}
        : {
            authorization: `Basic ${Buffer.from(`${peer.account.username}:${peer.account.password}`).toString('base64')}`,
          };
  const options = {
    method,
    host: '127.0.0.1',
    port: peer.port,
    path,
    agent: false as const,
    headers: { ...secret, ...headers, 'content-length': String(body?.length ?? 0) },
  };
  return new Promise((resolve, reject) => {
    const request =
      peer.certificates === undefined
        ? httpRequest(options)
        : httpsRequest({ ...options, ca: peer.certificates.ca, rejectUnauthorized: false });
    request
      .on('error', reject)
      .on('response', (reply) => {
        const parts: Buffer[] = [];
        reply
          .on('data', (part: Buffer) => parts.push(part))
          .on('error', reject)
          .on('end', () => {
            resolve({
              status: reply.statusCode ?? 0,
              headers: reply.headers as Answer['headers'],
              body: Buffer.concat(parts),
            });
          });
      })
      .end(body);
  });
}

/** The C library knows bcrypt; perl is on every Debian. */
function bcrypt(password: string): string {
  return execFileSync('perl', ['-e', 'print crypt($ARGV[0], q($2b$05$abcdefghijklmnopqrstuu))', password], {
    encoding: 'utf8',
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
