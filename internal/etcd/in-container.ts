import { connect } from 'node:net';
import { CommandError, Failure, messageOf, Refusal } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { pause } from '../host/pause.ts';

export type EtcdInContainer = {
  readonly image: string;
  /** etcd's own folder on the host. */
  readonly dataFolder: string;
  /** Pull secret, if the image is not in the store. */
  readonly authFile: string;
};

/** The name is the reference's: whoever helps at night knows it. */
const container = 'recert_etcd';
/** etcd listens at "localhost", which to it is this; to Node it is ::1 on a host without IPv4. */
const [address, port] = ['127.0.0.1', 2379];

/** Without a sign of life for so long it is given up. etcd replays its log before it answers, which takes a slow disk some time. */
const silenceMs = 120_000;

/**
 * Runs the cluster's own etcd on its data for us alone, without TLS, at `127.0.0.1:2379`. It is stopped when its scope ends, so that the files
 * are closed before kubelet starts the real one.
 *
 * @throws Refusal when another etcd is there already; Failure with etcd's last words
 */
export async function runEtcd(
  host: Host,
  { image, dataFolder, authFile }: EtcdInContainer,
  waiting: (forWhat: string) => void,
): Promise<AsyncDisposable> {
  const podman = (args: readonly string[], budgetMs = 5 * 60_000) =>
    host.run('podman', args, { onStop: 'finish', budgetMs });
  await podman(['rm', '--force', '--ignore', '--time', '10', container]);
  if (await answers())
    throw new Refusal(`an etcd answers at ${address}:${port} already`, {
      why: 'the cluster seems to run, and its identity cannot be changed while it does',
      next: 'stop it: systemctl disable --now kubelet, crictl stop $(crictl ps -q)',
    });
  const begun = performance.now();
  // prettier-ignore
  await podman([
    'run', '--rm', '--network=host', '--privileged', '--replace', '--authfile', authFile, '--detach', '--name', container,
    '--entrypoint', 'etcd', '-v', `${dataFolder}:/store`, image, '--name', 'editor', '--data-dir', '/store',
    // Alone it has nobody to wait for; at its defaults it spends more than a second on its own election.
    '--heartbeat-interval', '10', '--election-timeout', '100',
  ], 20 * 60_000);
  const etcd: AsyncDisposable = {
    [Symbol.asyncDispose]: async () => {
      await podman(['stop', '--ignore', '--time', '60', container]);
    },
  };
  try {
    await untilHealthy(host, begun, waiting);
  } catch (error) {
    try {
      await etcd[Symbol.asyncDispose]();
    } catch {
      // the first error matters
    }
    throw error;
  }
  return etcd;
}

async function untilHealthy(host: Host, begun: number, waiting: (forWhat: string) => void): Promise<void> {
  let words = '';
  let lastMs = begun;
  for (let attempt = 1; ; attempt += 1) {
    if (await isHealthy()) return;
    if (attempt % 5 === 0) {
      const said = await logOf(host);
      if (said === undefined)
        throw new Failure('failed to run etcd: its container ended', {
          why: words.split('\n').at(-1) ?? 'it said nothing',
          next: `look at the disk of /var/lib/etcd; by hand: podman logs ${container}`,
        });
      if (said !== words) lastMs = performance.now();
      words = said;
      waiting("etcd on the seed's data");
    }
    if (performance.now() - lastMs > silenceMs)
      throw new Failure('failed to wait for unauthenticated etcd server: timeout waiting for etcd', {
        why: words.split('\n').at(-1) ?? 'it said nothing',
        next: 'look at the disk of /var/lib/etcd',
      });
    await pause(host, 200, 'etcd started');
  }
}

/** What the container has said so far; undefined when there is none any more. */
async function logOf(host: Host): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await host.run('podman', ['logs', '--tail', '3', container]);
    return `${stdout}${stderr}`.trim();
  } catch (error) {
    if (error instanceof CommandError && error.end.kind === 'exit') return undefined;
    throw new Failure(`podman logs ${container}: ${messageOf(error)}`, { cause: error });
  }
}

async function isHealthy(): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}:${port}/health`, { signal: AbortSignal.timeout(2000) });
    return answer.status === 200;
  } catch {
    return false;
  }
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 2000 });
    const end = (found: boolean) => (): void => {
      socket.destroy();
      resolve(found);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}
