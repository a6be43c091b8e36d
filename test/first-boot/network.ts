import { chmod } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Background } from '../vm/command.ts';
import { until } from '../vm/command.ts';
import type { Namespace } from '../vm/namespace.ts';

/*
 * The host's wire: `ens3` in a network namespace of the host, whose other end is the outside, another namespace with the gateways. Both are
 * known by name only within the lab's mount namespace. The test reaches the host through a process outside that listens on a socket file.
 */

const outsideAddresses = [
  '192.0.2.1/24',
  '198.51.100.1/24',
  '203.0.113.1/24',
  '2001:db8::ffff/64',
  '2001:db8:7::ffff/64',
];

/** Gateways of the networks, for those who write leases and site manifests. */
export const gatewayOf = (ip: string): string =>
  outsideAddresses
    .map((address) => address.replace(/\/.*/, ''))
    .find((address) => address.replace(/[^.:]*$/, '') === ip.replace(/[^.:]*$/, '')) ?? '';

export type Network = {
  /** A fresh namespace for a machine that starts; what the former one had is gone. */
  plugIn(): Promise<void>;
  /** Whether there is a carrier. */
  setCarrier(up: boolean): Promise<void>;
  /** A socket file that leads to a port of the host, as seen from outside. */
  wayTo(ip: string, port: number): Promise<string>;
};

export async function openNetwork(inside: Namespace, dir: string): Promise<Network> {
  const script = [
    'set -e',
    'mkdir -p /run/netns',
    'mount -t tmpfs -o mode=755 netns /run/netns',
    'ip netns add outside',
    'ip -n outside link set lo up',
  ];
  await inside.run('bash', ['-c', script.join('\n')]);
  const ways = new Map<string, Promise<string>>();
  return {
    async plugIn() {
      const steps = [
        'ip netns del host 2>/dev/null || true',
        'ip -n outside link del wire 2>/dev/null || true',
        'set -e',
        'ip netns add host',
        'ip -n host link set lo up',
        'ip link add ens3 netns host type veth peer name wire netns outside',
        'ip -n outside link set wire up',
        ...outsideAddresses.map(
          (address) => `ip -n outside address add ${address} dev wire${address.includes(':') ? ' nodad' : ''}`,
        ),
      ];
      await inside.run('bash', ['-c', steps.join('\n')]);
    },
    async setCarrier(up) {
      await inside.run('ip', ['-n', 'outside', 'link', 'set', 'wire', up ? 'up' : 'down']);
    },
    wayTo(ip, port) {
      const name = `${ip}-${port}`.replaceAll(':', '_');
      const way = ways.get(name) ?? openWay(inside, join(dir, `${name}.sock`), ip, port);
      ways.set(name, way);
      return way;
    },
  };
}

async function openWay(inside: Namespace, socket: string, ip: string, port: number): Promise<string> {
  const started: Background = await inside.start(
    'ip',
    ['netns', 'exec', 'outside', process.execPath, import.meta.filename, socket, ip, String(port)],
    { logFile: `${socket}.log` },
  );
  await until(`"${socket}"`, async () => (await canOpen(socket)) || !started.isRunning(), 20_000);
  return socket;
}

const canOpen = (path: string): Promise<boolean> =>
  chmod(path, 0o600).then(
    () => true,
    () => false,
  );

/** The process outside: whatever comes to the socket file goes to the host. */
function forward(socket: string, ip: string, port: number): Server {
  return createServer((near) => {
    const far = connect(port, ip);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  }).listen(socket);
}

const [, main, socket, ip, port] = process.argv;
if (main === import.meta.filename && socket !== undefined && ip !== undefined) forward(socket, ip, Number(port));
