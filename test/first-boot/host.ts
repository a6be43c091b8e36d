import { copyFile, link, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run, until, type Result, type RunOptions } from '../vm/command.ts';
import { childrenOf, enterNamespace, processorTicksOf, type Namespace, type Started } from '../vm/namespace.ts';
import { tempDir } from '../vm/resources.ts';
import { rootfs } from '../vm/artefacts/rootfs.ts';
import type { Say } from '../vm/artefacts/cache.ts';
import { kubernetesPrograms } from '../cluster/apiserver/build.ts';
import { openshiftKinds } from './artefacts/crds.ts';
import { podImages } from './artefacts/images.ts';
import { layer } from './artefacts/layer.ts';
import { programs } from './artefacts/programs.ts';
import { seedHost, type SeedOptions } from './artefacts/seed.ts';
import { stores } from './artefacts/stores.ts';
import { makeGroups } from './groups.ts';
import { openNetwork, type Network } from './network.ts';

/*
 * INVARIANTS
 * - Everything that is mounted and started is within one mount and pid namespace, whose first process ends with us (test/vm/namespace.ts).
 * - The disk of the host is two folders: `upper`, laid over artefacts that nobody writes to, and `var`. They outlast a boot, and end with the lab.
 * - /run of a boot is new, and so are its network, its /dev and its control groups.
 */

/** The program under test: a built executable, or a checkout whose sources run as they are. */
export type Program = { readonly executable: string } | { readonly checkout: string };

export type Disk = {
  readonly dir: string;
  readonly inside: Namespace;
  /** The root, mounted; also when the host is off. */
  readonly root: string;
  readonly network: Network;
  /** Folders of this machine that the host sees, too. */
  readonly shared: readonly string[];
  /** Units that this disk has and that a container has no use for. */
  readonly masked: readonly string[];
};

export async function openDisk(
  seed: SeedOptions,
  program: Program,
  scope: AsyncDisposableStack,
  say: Say,
): Promise<Disk> {
  const kubernetes = await kubernetesPrograms(say);
  const base = await rootfs(say);
  const software = await layer(base, say);
  const lab = await programs(kubernetes, say);
  const store = await stores(software, await podImages(kubernetes, say), say);
  const host = await seedHost(seed, { kinds: await openshiftKinds(say), rootfs: base }, say);
  const { path: dir } = scope.use(await tempDir('first-boot'));
  const at = (name: string): string => join(dir, name);
  for (const name of ['upper', 'work', 'root', 'var', 'lab', 'ways']) await mkdir(at(name));
  await run('cp', ['-a', '--sparse=always', '--reflink=auto', `${host.path('var')}/.`, at('var')]);
  for (const name of ['containerd', 'containers']) await copyStore(store.path(name), at('var/lib'));
  await layPrograms(at('var'), program);
  for (const name of ['lab', 'sbin'])
    await mkdir(at(`upper/usr/${name === 'lab' ? 'lib/lab' : name}`), { recursive: true });
  await copyFile(lab.path('helpers/sbin/mount.iso9660'), at('upper/usr/sbin/mount.iso9660'));
  const inside = scope.use(await enterNamespace({ PATH: process.env['PATH'] }));
  await inside.run('bash', ['-c', ownNotes]);
  const shared = [top, ...('checkout' in program && program.checkout !== top ? [program.checkout] : [])];
  const below = [host.dir, software.path('root'), base.path('root')];
  await inside.run('mount', [
    ...['-t', 'overlay', 'overlay', at('root'), '-o'],
    `lowerdir=${below.join(':')},upperdir=${at('upper')},workdir=${at('work')}`,
  ]);
  await inside.run('mount', ['--bind', at('var'), at('root/var')]);
  await inside.run('mount', ['--bind', lab.path('root'), at('root/usr/lib/lab')]);
  // packages have left the name of the machine that they were unpacked on; a seed has none
  await inside.run('rm', ['--force', at('root/etc/hostname')]);
  return { dir, inside, root: at('root'), network: await openNetwork(inside, at('ways')), shared, masked: [] };
}

/** nspawn keeps notes of its machines there, and other labs theirs. */
export const ownNotes = 'mkdir -p /run/systemd && mount -t tmpfs -o mode=755 nspawn /run/systemd';

/** A store of images below a folder. Layers are never written to: they are shared. Each host has databases of its own. */
export async function copyStore(store: string, folder: string): Promise<void> {
  await run('cp', ['-al', store, folder]);
  await run('bash', ['-c', ownDatabases, 'bash', store, join(folder, basename(store))]);
}

/** Files outside the images' layers are replaced by copies: a hard link would be shared with the artefact. */
const ownDatabases =
  'cd "$1" && find . -type f -not -path "*/snapshots/*" -not -path "*/blobs/*" -not -path "*/overlay/*/diff/*" -print0 | xargs -0 cp -a --parents --remove-destination -t "$2"';

const top = join(import.meta.dirname, '../..');

async function layPrograms(ofVar: string, program: Program): Promise<void> {
  const bin = join(ofVar, 'usrlocal/bin');
  const wrap = async (name: string, words: string): Promise<void> =>
    writeFile(join(bin, name), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  if ('executable' in program) {
    await linkOrCopy(program.executable, join(bin, 'lca-cli'));
    await link(join(bin, 'lca-cli'), join(bin, 'post-pivot'));
  } else {
    const main = `/usr/lib/lab/node ${program.checkout}/cmd/main.ts`;
    await wrap('lca-cli', `${main} lca-cli`);
    await wrap('post-pivot', `${main} post-pivot`);
  }
}

const linkOrCopy = (from: string, to: string): Promise<void> => link(from, to).catch(() => copyFile(from, to));

/** Units that a container has no use for, or that would lay hands on the machine below. */
const useless = [
  'usr-lib-lab.mount',
  'var-lib-containerd.mount',
  'systemd-udevd.service',
  'systemd-udev-trigger.service',
  'systemd-udevd-kernel.socket',
  'systemd-udevd-control.socket',
  'systemd-networkd.service',
  'systemd-resolved.service',
  'systemd-timesyncd.service',
  'lvm2-monitor.service',
  'lvm2-lvmpolld.socket',
  'blk-availability.service',
  'nftables.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'e2scrub_all.timer',
  'fstrim.timer',
  'podman-auto-update.timer',
  'systemd-remount-fs.service',
  'dev-hugepages.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'ostree-remount.service',
];

export type Running = {
  /** The container's process 1, as the lab's namespace and the machine see it. */
  readonly init: number;
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Result>;
  powerOff(): Promise<void>;
  kill(): Promise<void>;
};

export type Boot = {
  readonly hostname: string;
  /** Units that are not to start. */
  readonly masks: readonly string[];
  /** Device nodes of the machine that the host has from the first moment. */
  readonly nodes: readonly string[];
  /** The folder of udev's database. */
  readonly databases: string;
};

export async function bootDisk(disk: Disk, { hostname, masks, nodes, databases }: Boot): Promise<Running> {
  const { inside, root, dir, network, shared, masked } = disk;
  // new ones for each boot: in old groups kubelet looks long for what has died in them
  await using scope = new AsyncDisposableStack();
  const groups = scope.use(await makeGroups(basename(dir)));
  const [program = '', ...before] = groups.enter;
  await network.plugIn();
  const log = join(dir, 'console.log');
  const spawned = await inside.start(
    program,
    [
      ...before,
      'systemd-nspawn',
      '--boot',
      '--quiet',
      `--machine=${basename(dir)}`,
      `--directory=${root}`,
      '--network-namespace-path=/run/netns/host',
      '--capability=all',
      '--register=no',
      '--keep-unit',
      '--link-journal=no',
      '--console=pipe',
      '--resolv-conf=off',
      '--timezone=off',
      `--hostname=${hostname}`,
      ...shared.map((path) => `--bind-ro=${path}`),
      `--bind=${join(dir, 'lab')}:/run/lab`,
      `--bind=${databases}:/run/udev/data`,
      ...nodes.map((path) => `--bind=${path}`),
      ...[...useless, ...masked, ...masks].map((unit) => `systemd.mask=${unit}`),
    ],
    {
      logFile: log,
      env: { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '0', SYSTEMD_NSPAWN_API_VFS_WRITABLE: '1', SYSTEMD_SECCOMP: '0' },
    },
  );
  const init = await initOf(spawned, log);
  const enter = (program: string, args: readonly string[], options: RunOptions = {}): Promise<Result> =>
    run('nsenter', ['--target', String(init), '--all', '--wdns=/', program, ...args], options);
  await until(
    'systemd in the host',
    async () => {
      if (!spawned.isRunning()) throw new Error(`the host ended while it booted:\n${await readFile(log, 'utf8')}`);
      return (await enter('test', ['-S', '/run/systemd/private'], { accept: 'any' })).exitCode === 0;
    },
    60_000,
    { progress: () => processorTicksOf(init) },
  );
  const held = scope.move();
  return {
    init,
    run: enter,
    async powerOff() {
      // nspawn tells the container's systemd
      await spawned.stop(120_000);
      await held.disposeAsync();
    },
    async kill() {
      // a signal of the terminal may have reached it before
      if (spawned.isRunning()) process.kill(init, 'SIGKILL');
      await spawned.ended;
      await held.disposeAsync();
    },
  };
}

/** systemd-nspawn → its child is process 1 of the container. nsenter is between us and nspawn. */
async function initOf(spawned: Started, log: string): Promise<number> {
  let init = 0;
  await until(
    'the container to start',
    async () => {
      if (!spawned.isRunning()) throw new Error(`systemd-nspawn ended at once:\n${await readFile(log, 'utf8')}`);
      const nspawn = (await childrenOf(spawned.pid))[0];
      if (nspawn === undefined) return false;
      // before it there is a child that only prepares the container
      for (const child of await childrenOf(nspawn)) if (await isFirstInItsNamespace(child)) init = child;
      return init !== 0;
    },
    30_000,
  );
  return init;
}

async function isFirstInItsNamespace(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const own = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
  return own.length > 2 && own.at(-1) === '1';
}
