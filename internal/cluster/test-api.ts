import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApiServer, type ApiServer } from '../../test/cluster/api-server.ts';
import { makeCluster } from '../../test/cluster/cluster.ts';
import { identitiesOf } from '../../test/cluster/judge.ts';
import { kubeconfig } from '../../test/cluster/kubeconfig.ts';
import { definitionOf, type OpenshiftKind } from '../../test/cluster/openshift-kinds.ts';
import type { Json, JsonMap } from '../config/manifest-stream.ts';
import { Secret } from '../log/secret.ts';
import { listAt, textAt } from './object.ts';
import { openCluster, type Cluster, type ClusterOptions } from './open.ts';
import type { Tell } from './tell.ts';
import { faultProxy, type FaultProxy } from './test-fault-proxy.ts';

/** A real API server on the etcd of a generated seed, a proxy before it, and a client that goes through the proxy. */
export type TestApi = AsyncDisposable & {
  readonly server: ApiServer;
  readonly proxy: FaultProxy;
  readonly hostname: string;
  readonly folder: string;
  /** Opens the cluster through the proxy, or past it. */
  open(options?: ClusterOptions & { readonly port?: number }): Promise<Cluster>;
  kubeconfigText(port: number): string;
  /** Asks the server itself as an administrator; `as` names whom he speaks for. */
  ask(method: string, path: string, body?: object | string, as?: As): Promise<{ status: number; body: JsonMap }>;
  /** Makes kinds known, and waits until they are served. */
  define(...kinds: readonly OpenshiftKind[]): Promise<void>;
};

export type As = { readonly user: string; readonly groups: readonly string[] };

const groupsOf: Readonly<Record<OpenshiftKind, string>> = {
  clusterversions: 'config.openshift.io/v1',
  clusteroperators: 'config.openshift.io/v1',
  imagedigestmirrorsets: 'config.openshift.io/v1',
  imagecontentsourcepolicies: 'operator.openshift.io/v1alpha1',
  machineconfigs: 'machineconfiguration.openshift.io/v1',
  catalogsources: 'operators.coreos.com/v1alpha1',
};

export async function startTestApi(): Promise<TestApi> {
  const say = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await makeCluster({ size: 'small' }, say));
  const server = stack.use(await startApiServer(cluster, say));
  const identities = await identitiesOf(cluster);
  const [admin] = identities.clients;
  if (admin === undefined) throw new Error('the generated cluster has no administrator');
  const { certificate: cert, key } = admin;
  const serving = join(
    cluster.root,
    'kubernetes/static-pod-resources/kube-apiserver-certs/secrets/localhost-serving-cert-certkey/tls',
  );
  const own = { cert: await readFile(`${serving}.crt`, 'utf8'), key: await readFile(`${serving}.key`, 'utf8') };
  const proxy = stack.use(await faultProxy({ port: server.port, cert, key }, own));
  const kubeconfigText = (port: number): string =>
    kubeconfig(`https://localhost:${port}`, identities.serverCa, 'admin', { certificate: cert, key });
  const ask: TestApi['ask'] = (method, path, body, as) =>
    new Promise((resolve, reject) => {
      request(
        {
          host: '127.0.0.1',
          port: server.port,
          path,
          method,
          cert,
          key,
          rejectUnauthorized: false,
          agent: false,
          headers: {
            'Content-Type':
              method === 'PATCH'
                ? 'application/merge-patch+json'
                : typeof body === 'string'
                  ? 'application/yaml'
                  : 'application/json',
            ...(as === undefined ? {} : { 'Impersonate-User': as.user, 'Impersonate-Group': [...as.groups] }),
          },
        },
        (answer) => {
          const parts: Buffer[] = [];
          answer
            .on('data', (part: Buffer) => {
              parts.push(part);
            })
            .on('end', () => {
              resolve({
                status: answer.statusCode ?? 0,
                body: objectOf(Buffer.concat(parts).toString()),
              });
            });
        },
      )
        .on('error', reject)
        .end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    });
  const define: TestApi['define'] = async (...kinds) => {
    for (const kind of kinds) {
      const { status, body } = await ask(
        'POST',
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
        await definitionOf(kind, say),
      );
      if (status !== 201 && status !== 409)
        throw new Error(`the definition of ${kind} was refused: ${textAt(body, 'message')}`);
    }
    for (const kind of kinds)
      while ((await ask('GET', `/apis/${groupsOf[kind]}/${kind}`)).status !== 200) await sleep(50);
  };
  const kept = stack.move();
  return {
    server,
    proxy,
    hostname: cluster.seed.hostname,
    folder: cluster.folder,
    kubeconfigText,
    open: ({ port = proxy.port, ...options } = {}) =>
      openCluster(
        { text: new Secret(kubeconfigText(port)), folder: cluster.folder },
        { patience: impatient, ...options },
      ),
    ask,
    define,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** For tests in which nothing is to be waited for in earnest. */
const impatient = { firstDelayMs: 20, longestDelayMs: 200, giveUpMs: 20_000, graceMs: 500 };

/** Keeps what is told. */
export type Heard = Tell & {
  readonly said: string[];
  readonly warned: string[];
  readonly waited: string[];
  stop(): void;
};

export function listener(): Heard {
  const controller = new AbortController();
  const [said, warned, waited]: [string[], string[], string[]] = [[], [], []];
  return {
    said,
    warned,
    waited,
    say: (fact) => void said.push(fact),
    warn: (fact) => void warned.push(fact),
    waiting: (forWhat) => void waited.push(forWhat),
    signal: controller.signal,
    stop: () => {
      controller.abort();
    },
  };
}

/** Names of the objects of a list. */
export const namesIn = (list: Json): string[] =>
  listAt(list, 'items')
    .map((item) => textAt(item, 'metadata', 'name'))
    .sort();

/** The API answers in objects, and where it serves nothing in plain text. */
function objectOf(text: string): JsonMap {
  try {
    return JSON.parse(text) as JsonMap; // see above
  } catch {
    return { message: text };
  }
}
