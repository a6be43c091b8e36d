import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { until } from '../vm/command.ts';

/*
 * A control group of our own in each hierarchy, for the host to take for the root. Without it hosts would meet in the machine's root
 * groups: nspawn calls its own everywhere the same, static pods have the same names everywhere, and a kubelet ends what it finds in the group of
 * a pod that it has not started.
 */

const prefix = 'sno-ibi-first-boot-';
const mountPoint = '/sys/fs/cgroup';

export type Groups = AsyncDisposable & {
  /** A program that moves itself into the groups and then becomes the command that follows. */
  readonly enter: readonly string[];
};

export async function makeGroups(name: string): Promise<Groups> {
  await sweepGroups();
  const own = await ownGroups();
  const folders = own.map(({ folder }) => join(folder, `${prefix}${process.pid}-${name}`));
  for (const folder of folders) {
    await mkdir(folder, { recursive: true });
    for (const what of ['cpuset.cpus', 'cpuset.mems']) {
      const above = await readFile(join(folder, '..', what), 'utf8').catch(() => undefined);
      if (above !== undefined) await writeFile(join(folder, what), above);
    }
  }
  const moves = folders.map((folder) => `echo $$ > ${folder}/cgroup.procs`);
  // seen from a namespace of control groups, each hierarchy begins at our group: it has to lie where the whole one lay
  const mounts = own.map(({ mounted }, index) => `mount --bind ${folders[index] ?? ''} ${mounted}`);
  const within = `${mounts.join(' && ')} && exec "$@"`;
  const unshare = `exec unshare --cgroup --mount --propagation private bash -c '${within}' bash "$@"`;
  return {
    enter: ['bash', '-c', `${moves.join(' && ')} && ${unshare}`, 'bash'],
    async [Symbol.asyncDispose]() {
      for (const folder of folders) await removeGroup(folder);
    },
  };
}

type Group = { readonly folder: string; readonly mounted: string };

/** Where this process is, in each hierarchy that is mounted. */
async function ownGroups(): Promise<Group[]> {
  const there = await readdir(mountPoint);
  return (await readFile('/proc/self/cgroup', 'utf8')).split('\n').flatMap((line) => {
    const [, controllers, path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) return [];
    const name = controllers === '' ? 'unified' : controllers.replace('name=', '');
    const mounted = join(mountPoint, name);
    return there.includes(name) ? [{ folder: join(mounted, path), mounted }] : [];
  });
}

/** Ends what is in a group; it may have ended by itself, and processes of namespaces that we do not see are 0. */
function end(pid: number): void {
  if (pid <= 1) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone
  }
}

/** Groups go from the leaves up, and each only when the kernel has buried all that was in it. */
async function removeGroup(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => []))
    if (entry.isDirectory()) await removeGroup(join(folder, entry.name));
  for (const pid of (await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '')).split('\n'))
    end(Number(pid));
  const isGone = (): Promise<boolean> =>
    rmdir(folder).then(
      () => true,
      (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT',
    );
  await until(`the control group "${folder}" to be empty`, isGone, 10_000);
}

/** Removes what killed labs have left behind. */
async function sweepGroups(): Promise<void> {
  for (const { folder } of await ownGroups())
    for (const name of (await readdir(folder)).filter((one) => one.startsWith(prefix))) {
      const owner = basename(name).slice(prefix.length).split('-')[0] ?? '';
      const isAlive = await readFile(`/proc/${owner}/stat`).then(
        () => true,
        () => false,
      );
      if (!isAlive) await removeGroup(join(folder, name)).catch(() => undefined); // another lab sweeps, too
    }
}
