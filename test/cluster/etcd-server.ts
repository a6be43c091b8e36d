import { spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * Debian's etcd as a private one-member server on a data directory.
 *
 * INVARIANTS
 * - The member's name and the peer URL it announces are constants: they are inside a data directory, and copies of one directory
 *   run side by side. A single member never dials its peer URL, so only the ports it listens on differ.
 * - The server dies with the test process, also on SIGKILL, and is ended by its own pid.
 */

export type EtcdServer = AsyncDisposable & {
  /** `127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly port: number;
  readonly dataDir: string;
  readonly pid: number;
  /** Ends it (default: in order) and waits until it is gone. The data directory stays and may be copied or started again. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
};

export type EtcdServerOptions = {
  /** For a server that comes back where it was. Default: a free one. */
  readonly port?: number;
  /** Further flags: limits, TLS. */
  readonly flags?: readonly string[];
  /** Default: true. A server with client TLS cannot be asked in clear. */
  readonly awaitHealth?: boolean;
};

const name = 'seed';
const announced = 'http://127.0.0.1:2380';

/** Starts etcd on `dataDir` (made if missing) and waits until it is healthy. Its log is the file `<dataDir>.log`. */
export async function startEtcd(dataDir: string, options: EtcdServerOptions = {}): Promise<EtcdServer> {
  await mkdir(dirname(dataDir), { recursive: true });
  const logPath = `${dataDir}.log`;
  // A port that was free a moment ago may be taken now.
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const server = await startOn(dataDir, port, await freePort(), logPath, options);
    if (server !== undefined) return server;
    const log = await readFile(logPath, 'utf8');
    if (attempt >= 5 || !log.includes('address already in use'))
      throw new Error(`etcd ended at once: ${log.split('\n').slice(-6).join('\n')}`);
  }
}

async function startOn(
  dataDir: string,
  port: number,
  peerPort: number,
  logPath: string,
  { flags = [], awaitHealth = true }: EtcdServerOptions,
): Promise<EtcdServer | undefined> {
  const endpoint = `127.0.0.1:${port}`;
  const scheme = flags.some((flag) => flag.startsWith('--cert-file')) ? 'https' : 'http';
  await using log = await open(logPath, 'a');
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      '--',
      'etcd',
      '--name',
      name,
      '--data-dir',
      dataDir,
      '--listen-client-urls',
      `${scheme}://${endpoint}`,
      '--advertise-client-urls',
      `${scheme}://${endpoint}`,
      '--listen-peer-urls',
      `http://127.0.0.1:${peerPort}`,
      '--initial-advertise-peer-urls',
      announced,
      '--initial-cluster',
      `${name}=${announced}`,
      // One member elects itself; it need not wait long for others.
      '--heartbeat-interval',
      '10',
      '--election-timeout',
      '100',
      '--log-level',
      'warn',
      '--logger',
      'zap',
      ...flags,
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
  const stop: EtcdServer['stop'] = async (signal = 'SIGTERM') => {
    child.kill(signal);
    await gone;
  };
  for (const started = performance.now(); performance.now() - started < 20_000; await sleep(15)) {
    if (child.exitCode !== null || child.pid === undefined) return undefined;
    const healthy = !awaitHealth || (await isOk(`http://${endpoint}/health`));
    if (healthy) return { endpoint, port, dataDir, pid: child.pid, stop, [Symbol.asyncDispose]: () => stop() };
  }
  await stop('SIGKILL');
  throw new Error(`etcd on "${dataDir}" was not healthy within 20 s, see "${join(logPath)}"`);
}

/** By node:http: for `fetch`, Node loads a client of 60 ms, a twentieth of what making a small cluster takes. */
function isOk(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
      .once('error', reject)
      .listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => {
          resolve(typeof address === 'object' && address !== null ? address.port : 0);
        });
      });
  });
}
