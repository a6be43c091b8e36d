import type { Etcd3, IOptions } from 'etcd3';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Failure, Interrupted } from '../errors/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { isForeign, patiently, troubleOf, type Patience } from './trouble.ts';

/** How long a single call may take before it counts as lost. Snapshots and defragmentation have budgets of their own. */
const callBudgetMs = 30_000;

/** Channel settings. The proxy of the environment is for the internet; grpc-js would send even loopback connections through it. */
const channel = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
} as const;

/**
 * A policy that does nothing. etcd3's own would repeat calls by itself, and a transaction whose answer was lost must not be sent
 * twice unseen: its guards would then fail on its own work. A promise, as theirs: an error of a stream is thrown in it, for nobody.
 */
const noPolicy = {
  execute: (call: (context: object) => unknown) =>
    new Promise((resolve) => {
      resolve(call({ signal: new AbortController().signal }));
    }),
} as unknown as NonNullable<NonNullable<IOptions['faultHandling']>['global']>; // only `execute` is ever called

/**
 * A client that has had an answer. etcd3 and gRPC are loaded here, when an etcd is opened, and not before: programs and calls
 * that need no etcd start without them.
 * @throws Failure when nobody answers within the budget, or something that is no etcd does
 */
export async function connect(endpoint: Endpoint, patience: Patience): Promise<Etcd3> {
  const { Etcd3: Client } = await import('etcd3');
  const client = new Client({
    hosts: `http://${endpoint.address}`,
    grpcOptions: channel,
    faultHandling: { global: noPolicy, host: () => noPolicy },
    defaultCallOptions: ({ isStream, method }) =>
      isStream || method === 'defragment' || method === 'compact' ? {} : { deadline: Date.now() + callBudgetMs },
  });
  try {
    await patiently(
      () => client.maintenance.status({ deadline: Date.now() + Math.min(patience.budgetMs, 5000) }),
      patience,
    );
    return client;
  } catch (error) {
    client.close();
    if (error instanceof Interrupted) throw error;
    throw await unreachable(endpoint, patience.budgetMs, error);
  }
}

async function unreachable(endpoint: Endpoint, budgetMs: number, error: unknown): Promise<Failure> {
  const { address } = endpoint;
  const details = {
    next: `start etcd on the cluster's data so that it listens at "${address}", or correct the address`,
    cause: error,
  };
  const listener = await listenerAt(endpoint);
  if (listener === 'tls')
    return new Failure(`what listens at "${address}" speaks TLS, and the private etcd is reached without it`, details);
  if (listener === 'tcp' && isForeign(error))
    return new Failure(`what listens at "${address}" is not an etcd`, { ...details, why: troubleOf(error).text });
  const why =
    listener === 'none'
      ? 'nothing listens there'
      : listener === 'tcp'
        ? `something listens there, but: ${troubleOf(error).text}`
        : listener;
  return new Failure(
    `no etcd answers at "${address}" within ${(budgetMs / 1000).toFixed(budgetMs < 10_000 ? 1 : 0)} s`,
    { ...details, why },
  );
}

/** What stands behind a port: gRPC reports every kind of silence with the same words. Any other text is the reason of the system. */
async function listenerAt({ host, port }: Endpoint): Promise<string> {
  const tcp = await new Promise<string>((resolve) => {
    const socket = connectTcp({ host, port, timeout: 2000 });
    const end = (answer: string): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end('tcp')).once('timeout', () => end('the connection is not accepted'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED' ? 'none' : error.message));
  });
  if (tcp !== 'tcp') return tcp;
  return new Promise((resolve) => {
    // Only whether it answers in TLS is asked; no certificate is believed, and nothing is sent.
    const socket = connectTls({ host, port, rejectUnauthorized: false, timeout: 2000 });
    const end = (answer: string): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('secureConnect', () => end('tls')).once('timeout', () => end('tcp'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code?.includes('ALERT') === true ? 'tls' : 'tcp'));
  });
}
