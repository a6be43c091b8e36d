import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run, until, type Result, type RunOptions } from './command.ts';
import type { Lane, LaneDisk } from './loop.ts';
import { childrenOf, processorTicksOf, type Inside, type Started } from './namespace.ts';

/** A deployed root that systemd of the seed has booted, with the host's kernel and within the lane's namespace. */
export type Container = AsyncDisposable & {
  /** The one deployment directory below the stateroot, as seen from the lane. */
  readonly deployment: string;
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Units that have failed, after the boot has settled. */
  failedUnits(): Promise<string[]>;
  journal(): Promise<string>;
};

/**
 * Units that cannot work in a container: /boot and container storage are bound in from outside. The storage is mounted
 * without `prjquota`, since the host's kernel may lack XFS quota.
 */
const masked = [
  'boot.mount',
  'var-lib-containers.mount',
  'systemd-remount-fs.service',
  'ostree-remount.service',
  'lab-network.service',
  'coreos-update-ca-trust.service',
];

export async function bootDeployment(
  lane: Lane,
  options: { stateroot: string; disk?: LaneDisk; storagePartition?: number | undefined },
): Promise<Container> {
  const { stateroot, disk = lane.disk } = options;
  const scope = new AsyncDisposableStack();
  try {
    const root = join(lane.dir, `root-${stateroot}`);
    const storage = join(lane.dir, `storage-${stateroot}`);
    for (const path of [root, storage]) await mkdir(path, { recursive: true });
    await lane.settle();
    const mounts: [string, string][] = [
      [disk.part(4), root],
      [disk.part(3), join(root, 'boot')],
    ];
    if (options.storagePartition !== undefined) mounts.push([disk.part(options.storagePartition), storage]);
    for (const [source, target] of mounts) {
      await lane.run('mount', [source, target]);
      scope.defer(async () => {
        await lane.run('umount', [target]);
      });
    }
    const at = join(root, 'ostree/deploy', stateroot);
    const deployment = await deploymentOf(lane, at);
    const log = join(lane.dir, `nspawn-${stateroot}.log`);
    const spawned = await lane.start(
      'systemd-nspawn',
      [
        '--boot',
        `--directory=${deployment}`,
        `--bind=${at}/var:/var`,
        `--bind=${root}:/sysroot`,
        `--bind=${root}/boot:/boot`,
        `--bind=${storage}:/var/lib/containers`,
        `--bind-ro=${deployment}/usr:/usr`,
        '--register=no',
        '--keep-unit',
        '--link-journal=no',
        '--console=pipe',
        ...masked.map((unit) => `systemd.mask=${unit}`),
      ],
      { logFile: log, env: { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' } },
    );
    // SIGTERM makes nspawn shut the container down; SIGKILL would leave its init running
    scope.defer(() => spawned.stop(60_000));
    const init = await initOf(spawned, log);
    const inside = (program: string, args: readonly string[], more: RunOptions = {}): Promise<Result> =>
      run('nsenter', ['--target', String(init), '--all', program, ...args], more);
    await until(
      'systemd in the container',
      async () => (await inside('test', ['-S', '/run/systemd/private'], { accept: 'any' })).exitCode === 0,
      60_000,
      { progress: () => processorTicksOf(init) },
    );
    await inside('touch', ['/run/ostree-booted']);
    await inside('systemctl', ['is-system-running', '--wait'], { accept: 'any' });
    const held = scope.move();
    return {
      deployment,
      run: inside,
      async failedUnits() {
        return (await inside('systemctl', ['--failed', '--no-legend', '--plain'])).stdout
          .split('\n')
          .filter((line) => line !== '');
      },
      async journal() {
        return (await inside('journalctl', ['--no-pager', '-o', 'short-monotonic'])).stdout;
      },
      async [Symbol.asyncDispose]() {
        await held.disposeAsync();
      },
    };
  } finally {
    await scope.disposeAsync();
  }
}

/** The one deployment of a stateroot whose folder is given. */
export async function deploymentOf(inside: Inside, stateroot: string): Promise<string> {
  const { stdout } = await inside.run('find', [
    join(stateroot, 'deploy'),
    ...'-mindepth 1 -maxdepth 1 -type d'.split(' '),
  ]);
  const [only = '', ...more] = stdout.trim().split('\n');
  if (only === '' || more.length > 0) throw new Error(`expected one deployment below ${stateroot}, found: ${stdout}`);
  return only;
}

/** systemd-nspawn → its child is process 1 of the container. nsenter is between us and nspawn. */
async function initOf(spawned: Started, log: string): Promise<number> {
  let init = 0;
  await until(
    'the container to start',
    async () => {
      if (!spawned.isRunning()) throw new Error(`systemd-nspawn ended at once, see ${log}`);
      const nspawn = (await childrenOf(spawned.pid))[0];
      init = nspawn === undefined ? 0 : ((await childrenOf(nspawn))[0] ?? 0);
      return init !== 0 && (await readdir(`/proc/${String(init)}/ns`).catch(() => [])).length > 0;
    },
    30_000,
  );
  return init;
}
