import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Result, RunOptions } from '../vm/command.ts';
import type { Say } from '../vm/artefacts/cache.ts';
import { identityOf } from '../cluster/cluster.ts';
import type { Identity } from '../cluster/identity.ts';
import { asked, unit, type Asked } from './asked.ts';
import { accessOf, apiAt, type Api } from './api.ts';
import type { SeedOptions } from './artefacts/seed.ts';
import { bootDisk, openDisk, type Disk, type Program, type Running } from './host.ts';
import { attachMedium, hideMedium, showMedium, type Medium, type MediumFiles, type MediumOptions } from './medium.ts';
import { gatewayOf } from './network.ts';

/** What the DHCP server at the site offers, with the length of the prefix. */
export type Lease = { readonly addresses: readonly string[]; readonly gateways: readonly string[] };

export type LabOptions = {
  readonly seed: SeedOptions['size'] | SeedOptions;
  readonly program: Program;
  /** Default: the addresses of the seed, so that it can run as it is. */
  readonly lease?: Lease;
  /** The name that DHCP gives. Default: the seed's. */
  readonly hostname?: string;
  /** Whether a boot starts installation-configuration.service. Default: true. */
  readonly starts?: boolean;
  /** Ends every wait, so that whoever waits gives back what he holds. */
  readonly signal?: AbortSignal;
};

export type Host = AsyncDisposable &
  Asked & {
    readonly seed: Identity;
    /** Whether it was on at the last look. */
    isOn(): boolean;
    /** Switches it on; returns when systemd answers. Times are since then. */
    boot(): Promise<void>;
    insertMedium(files: MediumFiles, options?: MediumOptions): Promise<Medium>;
    /** Takes a medium away; the newest one when none is named. */
    removeMedium(medium?: Medium): Promise<void>;
    /** The power goes: everything ends at once, the disk stays. */
    kill(): Promise<void>;
    powerOff(): Promise<void>;
    /** A file of the disk, also while the host is off. */
    file(path: string): Promise<string | undefined>;
    /** Writes a file of the disk, or takes it away. */
    put(path: string, text: string | undefined, mode?: string): Promise<void>;
    /** Digests of all files below these folders, by path. Default: /etc and /var without stores, logs and etcd. */
    hashes(...folders: string[]): Promise<Map<string, string>>;
    /** A client of the host's API server at its address, from outside, with names and trust of the kubeconfig. */
    api(kubeconfig: string, ip?: string): Promise<Api>;
    setLease(lease: Lease): Promise<void>;
    setCarrier(up: boolean): Promise<void>;
    /** Makes nmstatectl fail with this text until it is undone. */
    failNmstate(text: string | undefined): Promise<void>;
  };

export const lbExtKubeconfig =
  '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/node-kubeconfigs/lb-ext.kubeconfig';

export { unit } from './asked.ts';

export const leaseFor = (ips: readonly string[]): Lease => ({
  addresses: ips.map((ip) => `${ip}/${ip.includes(':') ? 64 : 24}`),
  gateways: ips.map(gatewayOf),
});

/** A host on whose disk a seed has been deployed; it is off. */
export async function openFirstBootLab(options: LabOptions, say: Say = () => undefined): Promise<Host> {
  const seedOptions: SeedOptions = typeof options.seed === 'string' ? { size: options.seed } : options.seed;
  const open = (scope: AsyncDisposableStack): Promise<Disk> => openDisk(seedOptions, options.program, scope, say);
  return openHost(open, { ...options, seed: identityOf(seedOptions) });
}

export type HostOptions = Pick<LabOptions, 'lease' | 'hostname' | 'starts' | 'signal'> & { readonly seed: Identity };

/** A host that is off, with this disk. */
export async function openHost(
  openItsDisk: (scope: AsyncDisposableStack) => Promise<Disk>,
  options: HostOptions,
): Promise<Host> {
  await using scope = new AsyncDisposableStack();
  const { seed } = options;
  const disk = await openItsDisk(scope);
  const databases = join(disk.dir, 'udev');
  await mkdir(databases);
  let running: Running | undefined;
  let lease = options.lease ?? leaseFor(seed.ips);
  const media: Medium[] = [];
  scope.defer(async () => {
    await running?.kill();
    for (const medium of media.splice(0)) await medium[Symbol.asyncDispose]();
  });
  const on = (): Running => {
    if (running === undefined) throw new Error('the host is off');
    return running;
  };
  const labFile = (name: string): string => join(disk.dir, 'lab', name);
  const setLease = async (wanted: Lease): Promise<void> => {
    lease = wanted;
    await writeFile(labFile('dhcp.json'), JSON.stringify(wanted));
  };
  await setLease(lease);
  const inRoot = (program: string, args: readonly string[], more: RunOptions = {}): Promise<Result> =>
    disk.inside.run('chroot', [disk.root, program, ...args], more);
  const off = async (how: (was: Running) => Promise<void>): Promise<void> => {
    const was = on();
    running = undefined;
    await how(was);
  };
  const held = scope.move();
  return {
    ...asked((program, args, more) => on().run(program, args, more), options),
    seed,
    isOn: () => running !== undefined,
    async boot() {
      if (running !== undefined) throw new Error('the host is on already');
      const masks = options.starts === false ? [unit] : [];
      running = await bootDisk(disk, {
        hostname: options.hostname ?? seed.hostname,
        masks,
        nodes: media.flatMap(({ nodes }) => nodes.map(({ path }) => path)),
        databases,
      });
      for (const medium of media) await showMedium(medium, running.run);
    },
    async insertMedium(files, how) {
      const medium = await attachMedium(files, databases, how);
      media.push(medium);
      if (running !== undefined) await showMedium(medium, running.run);
      return medium;
    },
    async removeMedium(medium = media.at(-1)) {
      if (medium === undefined) throw new Error('there is no medium');
      media.splice(media.indexOf(medium), 1);
      if (running !== undefined) await hideMedium(medium, running.run);
      await medium[Symbol.asyncDispose]();
    },
    kill: () => off((was) => was.kill()),
    powerOff: () => off((was) => was.powerOff()),
    async file(path) {
      const { exitCode, stdout } = await inRoot('cat', [path], { accept: 'any' });
      return exitCode === 0 ? stdout : undefined;
    },
    async put(path, text, mode = '600') {
      if (text === undefined) await inRoot('rm', ['-rf', path]);
      else
        await inRoot('bash', ['-ec', 'mkdir -p "$(dirname "$1")"; cat > "$1"; chmod "$2" "$1"', 'bash', path, mode], {
          input: text,
        });
    },
    async hashes(...folders) {
      const where = folders.length > 0 ? folders : ['/etc', '/var'];
      const out = ['/var/lib/containers', '/var/lib/containerd', '/var/log', '/var/lib/etcd', '/var/cache', '/var/tmp'];
      const not = out.flatMap((path) => ['-path', path, '-prune', '-o']);
      const script = 'find "$@" -type f -print0 | sort -z | xargs -0 sha256sum';
      const { stdout } = await inRoot('bash', ['-c', script, 'bash', ...where, ...not]);
      const links = await inRoot('find', [...where, ...not, '-type', 'l', '-printf', '%p\t%l\n']);
      return new Map([
        ...stdout
          .split('\n')
          .flatMap((line): [string, string][] => (line === '' ? [] : [[line.slice(66), line.slice(0, 64)]])),
        ...links.stdout.split('\n').flatMap((line): [string, string][] => {
          const [path = '', target = ''] = line.split('\t');
          return path === '' ? [] : [[path, createHash('sha256').update(target).digest('hex')]];
        }),
      ]);
    },
    async api(kubeconfig, ip = lease.addresses[0]?.replace(/\/.*/, '') ?? '') {
      return apiAt(await disk.network.wayTo(ip, 6443), accessOf(kubeconfig));
    },
    setLease,
    setCarrier: (up) => disk.network.setCarrier(up),
    failNmstate: (text) => writeOrRemove(labFile('nmstatectl-fails'), text),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function writeOrRemove(path: string, text: string | undefined): Promise<void> {
  if (text !== undefined) await writeFile(path, text);
  else await rm(path, { force: true });
}
