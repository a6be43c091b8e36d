import { spawn } from 'node:child_process';
import { glob, open, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { kubernetesPrograms } from './apiserver/build.ts';
import { freePort } from './etcd-server.ts';
import type { Say } from '../vm/artefacts/cache.ts';

/** A real kube-apiserver on a cluster's etcd, with the cluster's files as its certificates and keys. */
export type ApiServer = AsyncDisposable & {
  readonly port: number;
  /** From the start until `/readyz` said ok: Secrets and all other kinds with caches decode. */
  readonly readyMs: number;
  readonly logPath: string;
  ask(question: Question): Promise<Answer>;
};

export type Question = {
  readonly path: string;
  readonly body?: object;
  /** The name that is asked for in the handshake and checked in the certificate. */
  readonly name?: string;
  /** Certificates that are trusted. Left out: no check. */
  readonly ca?: string;
  readonly client?: { readonly certificate: string; readonly key: string };
  readonly token?: string;
};

/** `served`: the certificate of the handshake; `trouble`: why the handshake was not believed, and then there is no status. */
export type Answer = {
  readonly status?: number;
  readonly body?: unknown;
  readonly served?: PeerCertificate;
  readonly trouble?: string;
};

const readyBudgetMs = 120_000;

/** Starts the server and waits until it is ready. It writes to etcd (roles, its own services): a cluster that was judged is used up. */
export async function startApiServer(
  { root, endpoint, folder }: { readonly root: string; readonly endpoint: string; readonly folder: string },
  say: Say = () => undefined,
): Promise<ApiServer> {
  const program = (await kubernetesPrograms(say)).path('kube-apiserver');
  const certs = join(root, 'kubernetes/static-pod-resources/kube-apiserver-certs');
  const secret = (name: string, suffix = 'tls'): readonly [string, string] => [
    `${certs}/secrets/${name}/${suffix}.crt`,
    `${certs}/secrets/${name}/${suffix}.key`,
  ];
  const [cert, key] = secret('localhost-serving-cert-certkey');
  const sni = ['service-network-serving-certkey', 'internal-loadbalancer-serving-certkey'].map(
    (name) => `--tls-sni-cert-key=${secret(name).join(',')}`,
  );
  const pod = await newestPod(root);
  const port = await freePort();
  const logPath = join(folder, 'kube-apiserver.log');
  await using log = await open(logPath, 'a');
  const started = performance.now();
  const encryption = await Array.fromAsync(glob('secrets/encryption-config/encryption-config', { cwd: pod }));
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      '--',
      program,
      `--etcd-servers=http://${endpoint}`,
      '--etcd-prefix=kubernetes.io',
      '--storage-media-type=application/vnd.kubernetes.protobuf',
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=192.0.2.10',
      '--endpoint-reconciler-type=none',
      `--tls-cert-file=${cert}`,
      `--tls-private-key-file=${key}`,
      ...sni,
      `--client-ca-file=${certs}/configmaps/client-ca/ca-bundle.crt`,
      `--requestheader-client-ca-file=${certs}/configmaps/aggregator-client-ca/ca-bundle.crt`,
      '--requestheader-allowed-names=system:openshift-aggregator',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${secret('aggregator-client')[0]}`,
      `--proxy-client-key-file=${secret('aggregator-client')[1]}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${certs}/secrets/bound-service-account-signing-key/service-account.key`,
      ...(await publicKeysOf(pod)).map((file) => `--service-account-key-file=${file}`),
      '--service-cluster-ip-range=172.30.0.0/16',
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      ...encryption.map((file) => `--encryption-provider-config=${join(pod, file)}`),
      // An alpha switch: without it the server does not read the CBOR that it can be told to store.
      '--feature-gates=CBORServingAndStorage=true',
      '--emulated-version=1.34',
      '--v=1',
    ],
    { stdio: ['ignore', log.fd, log.fd], env: { PATH: process.env['PATH'] } },
  );
  const gone = new Promise<void>((resolve) => {
    child
      .once('close', () => {
        resolve();
      })
      .once('error', () => {
        resolve();
      });
  });
  // Its state is etcd's: it may be killed at any time, and an orderly end waits for open watches.
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  const asked = (question: Question): Promise<Answer> => ask(port, question);
  while (performance.now() - started < readyBudgetMs && child.exitCode === null) {
    const ready = await asked({ path: '/readyz' });
    if (ready.status === 200)
      return { port, readyMs: performance.now() - started, logPath, ask: asked, [Symbol.asyncDispose]: stop };
    await sleep(50);
  }
  const verbose = await asked({ path: '/readyz?verbose' });
  await stop();
  const words = (await readFile(logPath, 'utf8'))
    .split('\n')
    .filter((line) => /^[EF]\d{4}|error|Error/.test(line))
    .slice(-5)
    .join('\n');
  throw new Error(
    `kube-apiserver ${child.exitCode === null ? `was not ready within ${readyBudgetMs / 1000} s` : `ended with ${child.exitCode}`}\n${
      typeof verbose.body === 'string'
        ? verbose.body
            .split('\n')
            .filter((line) => line.startsWith('[-]'))
            .join('\n')
        : ''
    }\n${words}`,
  );
}

/** The folder of the newest revision of the static pod. */
async function newestPod(root: string): Promise<string> {
  const resources = join(root, 'kubernetes/static-pod-resources');
  const found = await Array.fromAsync(glob('kube-apiserver-pod-*', { cwd: resources }));
  const [newest] = found.sort((one, other) => Number(other.split('-').at(-1)) - Number(one.split('-').at(-1)));
  if (newest === undefined) throw new Error(`"${resources}" has no revision of the kube-apiserver`);
  return join(resources, newest);
}

async function publicKeysOf(pod: string): Promise<string[]> {
  const found = await Array.fromAsync(
    glob('configmaps/{sa-token-signing-certs,bound-sa-token-signing-certs}/*.pub', { cwd: pod }),
  );
  if (found.length === 0) throw new Error(`"${pod}" has no public keys of service-account tokens`);
  return found.sort().map((name) => join(pod, name));
}

function ask(port: number, { path, body, name = 'localhost', ca, client, token }: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: text === undefined ? 'GET' : 'POST',
        servername: name,
        agent: false,
        timeout: 20_000,
        ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
        ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
        headers: {
          ...(text === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        },
      },
      (response) => {
        const { socket } = response;
        const served = socket instanceof TLSSocket ? socket.getPeerCertificate(true) : undefined;
        const parts: Buffer[] = [];
        response
          .on('data', (part: Buffer) => {
            parts.push(part);
          })
          .on('end', () => {
            const answer = Buffer.concat(parts).toString();
            resolve({
              ...(response.statusCode === undefined ? {} : { status: response.statusCode }),
              body: parsed(answer),
              ...(served === undefined ? {} : { served }),
            });
          })
          .on('error', (error) => {
            resolve({ trouble: error.message });
          });
      },
    );
    call.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ trouble: error.code ?? error.message });
    });
    call.on('timeout', () => {
      call.destroy(new Error('no answer'));
    });
    call.end(text);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
