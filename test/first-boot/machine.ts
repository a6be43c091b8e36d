import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { kubernetesPrograms } from '../cluster/apiserver/build.ts';
import { lineSplitter, type Result, type RunOptions } from '../vm/command.ts';
import { rootfs } from '../vm/artefacts/rootfs.ts';
import { connected, openMonitor } from '../vm/monitor.ts';
import type { VirtualDisk } from '../vm/qemu-arguments.ts';
import { bootMachine, type Line } from '../vm/qemu.ts';
import { tempDir } from '../vm/resources.ts';
import type { Stage } from '../vm/stage.ts';
import { accessOf, apiAt, type Api } from './api.ts';
import { podImages } from './artefacts/images.ts';
import { labDisk } from './artefacts/lab-disk.ts';
import { layer } from './artefacts/layer.ts';
import { programs } from './artefacts/programs.ts';
import { stores } from './artefacts/stores.ts';
import { asked, type Asked } from './asked.ts';
import type { Lease } from './lab.ts';
import { makeIso, type MediumFiles } from './medium.ts';

/*
 * An installed disk in a virtual machine: firmware, boot loader, kernel, real udev, and a config medium that is plugged in while it runs.
 * Whoever asks it does so over a serial port; its API is reached through a port of this machine.
 */

export type MachineHost = AsyncDisposable &
  Asked & {
    isOn(): boolean;
    readonly console: () => string;
    /** Plugs a config ISO in; it stays. */
    insertMedium(files: MediumFiles): Promise<void>;
    api(kubeconfig: string): Promise<Api>;
    file(path: string): Promise<string | undefined>;
    powerOff(): Promise<void>;
  };

export type MachineOptions = {
  /** Name of its folder of logs. */
  readonly name: string;
  readonly lease: Lease;
  /** Leave the disk as it was. */
  readonly snapshot?: boolean;
  readonly onLine?: (line: Line) => void;
};

const apiPort = 6443;
/** Against a container on the same machine: measured as 12 to 16 for what computes, and waits are mostly that. */
const slowness = 5;

/** Starts the target disk of a stage by its firmware; returns when the guest answers. */
export async function bootInMachine(
  stage: Stage,
  { name, lease, snapshot = false, onLine }: MachineOptions,
): Promise<MachineHost> {
  await using scope = new AsyncDisposableStack();
  const { path: dir } = scope.use(await tempDir('machine'));
  const [ip = ''] = (lease.addresses[0] ?? '').split('/');
  const [gateway = ''] = lease.gateways;
  const sockets = { monitor: join(dir, 'monitor'), asked: join(dir, 'asked') };
  const from = await freePort();
  const machine = scope.use(
    await bootMachine({
      dir: join(stage.logs, name),
      firmware: 'bios',
      memoryMiB: 4096,
      signal: stage.signal,
      disks: [{ ...stage.target, snapshot }, await theLabs(stage)],
      site: {
        network: ip.replace(/\d+$/, '0/24'),
        gateway,
        dhcp: JSON.stringify(lease),
        forward: { from, to: { ip, port: apiPort } },
      },
      sockets,
      script: await readFile(new URL('guest/answer', import.meta.url), 'utf8'),
      ...(onLine === undefined ? {} : { onLine }),
    }),
  );
  const monitor = scope.use(await openMonitor(sockets.monitor));
  const port = await connected(sockets.asked);
  scope.defer(() => {
    port.destroy();
  });
  const run = conversation(port, () => machine.isRunning());
  await machine.waitFor(/LAB-ANSWERS/, 400_000);
  const host = asked(run, { signal: stage.signal, slowness });
  let media = 0;
  const held = scope.move();
  return {
    ...host,
    isOn: () => machine.isRunning(),
    console: () => machine.lines.map((line) => line.text).join('\n'),
    async insertMedium(files) {
      media += 1;
      const id = `medium${String(media)}`;
      const iso = await makeIso(join(dir, `${id}.tree`), join(dir, `${id}.iso`), files);
      const driver = { driver: 'raw', 'node-name': id, 'read-only': true };
      await monitor.execute('blockdev-add', { ...driver, file: { driver: 'file', filename: iso, 'read-only': true } });
      await monitor.execute('device_add', { driver: 'virtio-blk-pci', drive: id, id: `${id}-disk`, serial: id });
    },
    api: (kubeconfig) => Promise.resolve(apiAt(from, accessOf(kubeconfig))),
    async file(path) {
      const { exitCode, stdout } = await run('cat', [path], { accept: 'any' });
      return exitCode === 0 ? stdout : undefined;
    },
    async powerOff() {
      // whoever answers is stopped, too, maybe before it has answered
      await run('systemctl', ['poweroff', '--no-block']).catch(() => undefined);
      await machine.waitForPowerOff(300_000);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function theLabs({ say }: Stage): Promise<VirtualDisk> {
  const kubernetes = await kubernetesPrograms(say);
  const store = await stores(await layer(await rootfs(say), say), await podImages(kubernetes, say), say);
  const disk = await labDisk(await programs(kubernetes, say), store, say);
  return { serial: 'lab', file: disk.path('lab.img'), snapshot: true };
}

/** Asks the guest's end of the port (guest/answer). Standard input goes along as a here-document of the shell. */
function conversation(port: Awaited<ReturnType<typeof connected>>, isOn: () => boolean): Asked['run'] {
  type Answer = Pick<Result, 'exitCode' | 'stdout' | 'stderr'>;
  const waiting = new Map<string, (answer: Answer) => void>();
  const text = (base64: string): string => Buffer.from(base64.replace(/\.$/, ''), 'base64').toString();
  const splitter = lineSplitter((line) => {
    const [number = '', status = '', out = '', err = ''] = line.split(' ');
    waiting.get(number)?.({ exitCode: Number(status), stdout: text(out), stderr: text(err) });
    waiting.delete(number);
  });
  port.on('data', (chunk: Buffer) => {
    splitter.push(chunk);
  });
  const ended = new Promise<never>((_, reject) => {
    port.once('close', () => {
      reject(new Error('the machine is off'));
    });
  });
  ended.catch(() => undefined);
  let count = 0;
  return async (program: string, args: readonly string[], { input, accept = [0] }: RunOptions = {}) => {
    if (!isOn()) throw new Error('the machine is off');
    const began = performance.now();
    const number = String((count += 1));
    const words = [program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const script = input === undefined ? words : `base64 -d <<< ${Buffer.from(input).toString('base64')} | ${words}`;
    const answered = new Promise<Answer>((resolve) => waiting.set(number, resolve));
    port.write(`${number} ${Buffer.from(script).toString('base64')}\n`);
    const answer = await Promise.race([answered, ended]);
    if (accept !== 'any' && !accept.includes(answer.exitCode))
      throw new Error(`${words.slice(0, 400)}: exit status ${String(answer.exitCode)}\n${answer.stderr}`);
    return { ...answer, durationMs: performance.now() - began };
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // of a TCP server
  await new Promise((resolve) => server.close(resolve));
  return port;
}
