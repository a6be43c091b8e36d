import { connect, type Socket } from 'node:net';
import { lineSplitter, until } from './command.ts';

/** QEMU's monitor (QMP), as far as the lab needs it: one command at a time. */
export type Monitor = Disposable & { execute(command: string, args: object): Promise<unknown> };

type Said = { return?: unknown; error?: { desc: string } };

export async function openMonitor(path: string): Promise<Monitor> {
  const waiting: ((said: Said) => void)[] = [];
  const socket = await connected(path);
  const splitter = lineSplitter((line) => {
    const said = JSON.parse(line) as Said; // QMP's format; greetings and events have neither member
    if ('return' in said || 'error' in said) waiting.shift()?.(said);
  });
  socket.on('data', (chunk: Buffer) => {
    splitter.push(chunk);
  });
  const execute = async (command: string, args?: object): Promise<unknown> => {
    const answer = new Promise<Said>((resolve) => waiting.push(resolve));
    socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const { return: result, error } = await answer;
    if (error !== undefined) throw new Error(`QEMU refuses "${command}": ${error.desc}`);
    return result;
  };
  await execute('qmp_capabilities');
  return {
    execute,
    [Symbol.dispose]() {
      socket.destroy();
    },
  };
}

/** QEMU makes the file while it starts. */
export async function connected(path: string): Promise<Socket> {
  let socket: Socket | undefined;
  const attempt = (): Promise<boolean> =>
    new Promise((resolve) => {
      const made = connect(path);
      made.once('connect', () => {
        socket = made;
        resolve(true);
      });
      made.once('error', () => {
        resolve(false);
      });
    });
  await until(`"${path}"`, attempt, 30_000, { everyMs: 50 });
  if (socket === undefined) throw new Error(`"${path}" cannot be opened`);
  socket.on('error', () => undefined); // the machine is off
  return socket;
}
