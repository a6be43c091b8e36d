import { chmod, copyFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from './command.ts';
import { enterNamespace, type Namespace } from './namespace.ts';
import { registryName, type Registry } from './registry.ts';
import { attachLoop, tempDir, type LoopDevice } from './resources.ts';

/*
 * The loop lane: the unmodified install commands, the real coreos-installer among them, on loop devices and without a
 * virtual machine. A command in a lane sees the machine as the live system would show it: udev's database and links of the
 * lane's disks only, and a private /run, /mnt, /etc, /var and /usr/local that start as copies of the host's.
 * Not covered: boot, real udev, device mapper and MD (the host's kernel may have neither).
 */

export type DiskOptions = { serial: string; sizeBytes?: number; sectorSize?: 512 | 4096; file?: string };
export type LaneDisk = LoopDevice & { readonly serial: string; readonly file: string; readonly byId: string };

export type LaneOptions = {
  disks: readonly [DiskOptions, ...DiskOptions[]];
  /** The real coreos-installer and the compressed metal images by sector size. */
  installer: string;
  metal: Readonly<Partial<Record<512 | 4096, string>>>;
  registry?: Registry;
  /** Where the registry's CA is trusted. Default: containers' certs.d. */
  trust?: 'certs.d' | 'system' | 'none';
  /** Sizes of the private RAM file systems; a small one provokes ENOSPC. */
  ramMiB?: Readonly<Partial<Record<'/run' | '/mnt' | '/var/tmp' | '/var/lib/containers', number>>>;
};

export type Lane = AsyncDisposable &
  Namespace & {
    readonly disks: readonly LaneDisk[];
    readonly disk: LaneDisk;
    /** A directory on the host's disk that the lane sees at the same path. */
    readonly dir: string;
    /** A program of this name, in front of all others, for this lane from now on. */
    fake(name: string, script: string): Promise<void>;
    /** What would have been switched off: lines such as `shutdown now`. */
    powerLog(): Promise<string[]>;
    settle(): Promise<Result>;
  };

const shims: Readonly<Record<string, readonly string[]>> = {
  udevadm: ['udevadm'],
  mount: ['mount'],
  'then-settle': [
    'sfdisk',
    'sgdisk',
    'growpart',
    'blockdev',
    'wipefs',
    'partprobe',
    'mkfs.xfs',
    'mkfs.ext4',
    'blkdiscard',
  ],
  'record-power': ['shutdown', 'poweroff', 'reboot', 'halt', 'systemctl'],
};

export async function openLane(options: LaneOptions): Promise<Lane> {
  const scope = new AsyncDisposableStack();
  try {
    const work = scope.use(await tempDir('lane'));
    const disks: LaneDisk[] = [];
    for (const disk of options.disks) disks.push(scope.use(await makeDisk(work.path, disk)));
    const [first] = disks;
    if (first === undefined) throw new Error('a lane needs a disk');
    const fakes = join(work.path, 'fakes');
    const bin = join(work.path, 'shims');
    const powerLog = join(work.path, 'power.log');
    for (const path of [fakes, bin]) await mkdir(path);
    await writeFile(powerLog, '');
    await layShims(bin);
    const realPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const namespace = scope.use(
      await enterNamespace({
        PATH: `${fakes}:${bin}:${realPath}`,
        LAB_REAL_PATH: realPath,
        LAB_POWER_LOG: powerLog,
        COREOS_INSTALLER: options.installer,
        LAB_DISKS: disks.map((disk) => `${disk.device}=${disk.serial}`).join(' '),
      }),
    );
    await dressUp(namespace, work.path, options);
    const settle = (): Promise<Result> => namespace.run('udevadm', ['settle']);
    await settle();
    const held = scope.move();
    return {
      ...namespace,
      disks,
      disk: first,
      dir: work.path,
      settle,
      async fake(name, script) {
        await writeFile(join(fakes, name), script);
        await chmod(join(fakes, name), 0o755);
      },
      async powerLog() {
        return (await readFile(powerLog, 'utf8')).split('\n').filter((line) => line !== '');
      },
      async [Symbol.asyncDispose]() {
        await held.disposeAsync();
      },
    };
  } finally {
    await scope.disposeAsync();
  }
}

async function makeDisk(
  dir: string,
  { serial, sizeBytes = 8 * 1024 ** 3, sectorSize = 512, file }: DiskOptions,
): Promise<LaneDisk> {
  const path = file ?? join(dir, `${serial}.img`);
  if (file === undefined) {
    await writeFile(path, '');
    await truncate(path, sizeBytes);
  }
  return { ...(await attachLoop(path, { sectorSize })), serial, file: path, byId: `/dev/disk/by-id/virtio-${serial}` };
}

async function layShims(bin: string): Promise<void> {
  for (const [source, names] of Object.entries(shims)) {
    for (const name of names)
      await copyFile(fileURLToPath(new URL(`loop/${source}`, import.meta.url)), join(bin, name));
  }
  await copyFile(fileURLToPath(new URL('guest/coreos-installer', import.meta.url)), join(bin, 'coreos-installer'));
}

/** Makes the private file systems, the registry's name and its trust, and the live medium with its images. */
async function dressUp(inside: Namespace, dir: string, options: LaneOptions): Promise<void> {
  const upper = join(dir, 'ram');
  const script: string[] = ['set -e', `mkdir -p ${upper}`, `mount -t tmpfs -o mode=755 lane ${upper}`];
  for (const path of ['/etc', '/var', '/usr/local']) {
    const own = `${upper}${path.replaceAll('/', '-')}`;
    script.push(
      `mkdir -p ${own}.upper ${own}.work`,
      `mount -t overlay -o lowerdir=${path},upperdir=${own}.upper,workdir=${own}.work overlay ${path}`,
    );
  }
  script.push(...ownDevices(join(upper, 'dev')), 'mkdir -p /var/lib/containers');
  for (const [path, mode] of [
    ['/run', '755'],
    ['/mnt', '755'],
    ['/var/tmp', '1777'],
    ['/var/lib/containers', '755'],
  ] as const) {
    const limit = options.ramMiB?.[path];
    script.push(`mount -t tmpfs -o mode=${mode}${limit === undefined ? '' : `,size=${String(limit)}m`} lane ${path}`);
  }
  script.push(
    'mkdir -p /run/lock /run/udev/data /run/live/iso/images',
    ': > /run/udev/control',
    'mkdir -p /etc/containers /etc/pki/ca-trust/source/anchors /var/usrlocal/bin',
    'rm -rf /etc/containers/certs.d /etc/cni',
    'printf "[network]\\nnetwork_backend = \\"cni\\"\\n" > /etc/containers/containers.conf',
  );
  for (const [sectors, file] of Object.entries(options.metal))
    script.push(`ln -s ${file} /run/live/iso/images/${sectors === '4096' ? 'metal4k' : 'metal'}.img.zst`);
  if (options.registry !== undefined) script.push(...trustOf(options.registry, options.trust ?? 'certs.d'));
  await inside.run('bash', ['-c', script.join('\n')]);
}

/**
 * A /dev with the lane's disks and no other (udevadm's stand-in adds them). coreos-installer makes the kernel reread the
 * partition table of every disk it can open, which would take a neighbour's partitions away in the middle of its test.
 */
function ownDevices(staging: string): string[] {
  const nodes = ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'fuse', 'kmsg'];
  return [
    `mkdir -p ${staging}`,
    `mount -t tmpfs -o mode=755 lane ${staging}`,
    ...nodes
      .map((name) => `[ -e /dev/${name} ] && cp -a /dev/${name} ${staging}/${name}`)
      .map((line) => `${line} || true`),
    `mkdir -p ${staging}/pts ${staging}/shm ${staging}/disk`,
    `ln -s /proc/self/fd ${staging}/fd`,
    `ln -s pts/ptmx ${staging}/ptmx`,
    `ln -s /proc/self/fd/0 ${staging}/stdin`,
    `ln -s /proc/self/fd/1 ${staging}/stdout`,
    `ln -s /proc/self/fd/2 ${staging}/stderr`,
    `mount --bind /dev/pts ${staging}/pts`,
    `mount -t tmpfs -o mode=1777 lane ${staging}/shm`,
    `mount --rbind ${staging} /dev`,
  ];
}

function trustOf({ address, certificates }: Registry, trust: 'certs.d' | 'system' | 'none'): string[] {
  const lines = [
    `echo '${address} registry.lab' >> /etc/hosts`,
    'printf \'unqualified-search-registries = ["registry.lab:5000"]\\nshort-name-mode = ""\\n\' > /etc/containers/registries.conf',
  ];
  if (trust === 'certs.d')
    lines.push(
      `mkdir -p /etc/containers/certs.d/${registryName}`,
      `cp ${certificates.caFile} /etc/containers/certs.d/${registryName}/ca.crt`,
    );
  if (trust === 'system') lines.push(`cat ${certificates.caFile} >> /etc/ssl/certs/ca-certificates.crt`);
  return lines;
}
