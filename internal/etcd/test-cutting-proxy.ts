import { connect, createServer, type Socket } from 'node:net';

/** A TCP relay before an etcd that can lose an answer or damage it: what a network or a dying server does, at a chosen moment. */
export type CuttingProxy = AsyncDisposable & {
  readonly endpoint: string;
  /** Cuts the connection instead of passing on the next answer after this many bytes have been sent to the server. */
  loseAnswerAfter(bytes: number): void;
  /** Flips a bit in the middle of the first run of these bytes that comes from the server. */
  damage(run: Buffer): void;
  readonly lost: () => number;
};

export async function cuttingProxy(target: string): Promise<CuttingProxy> {
  const [host = '', port = ''] = target.split(':');
  const state = { sent: 0, loseAfter: Number.POSITIVE_INFINITY, lost: 0, run: undefined as Buffer | undefined };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    client.on('data', (data: Buffer) => {
      state.sent += data.length;
      upstream.write(data);
    });
    upstream.on('data', (data: Buffer) => {
      if (state.sent >= state.loseAfter) {
        state.loseAfter = Number.POSITIVE_INFINITY;
        state.lost += 1;
        client.destroy();
        upstream.destroy();
        return;
      }
      const at = state.run === undefined ? -1 : data.indexOf(state.run);
      if (state.run !== undefined && at >= 0) {
        const middle = at + Math.floor(state.run.length / 2);
        data[middle] = (data[middle] ?? 0) ^ 1;
        state.run = undefined;
      }
      client.write(data);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    endpoint: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    loseAnswerAfter(bytes) {
      state.sent = 0;
      state.loseAfter = bytes;
    },
    damage(run) {
      state.run = run;
    },
    lost: () => state.lost,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
