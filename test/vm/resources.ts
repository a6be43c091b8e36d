import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { read, run, until } from './command.ts';

/*
 * Things of the machine that must be given back: temporary directories, loop devices, mounts. Each is an AsyncDisposable,
 * so that `await using` releases them in the reverse order also when a build or a test fails.
 * Directory names carry our pid: `sweep()` finds what a killed process left behind and can tell it from a neighbour's.
 */

const prefix = 'sno-ibi-lab-';

/** What stands before the purpose in the name of a folder of this process, or of any (`*`). */
export const labPrefix = (pid: number | '*'): string => `${prefix}${String(pid)}-`;

export type TempDir = AsyncDisposable & { readonly path: string };

/** A directory on disk, not on tmpfs: disks of several GB live in it. */
export async function tempDir(purpose: string, parent = tmpdir()): Promise<TempDir> {
  const path = await mkdtemp(join(parent, `${labPrefix(process.pid)}${purpose}-`));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
    },
  };
}

export type LoopDevice = AsyncDisposable & {
  readonly device: string;
  readonly name: string;
  /** Path of partition `n`; it exists only after `rescan`. */
  part(n: number): string;
  /** The host's kernel may not parse GPT, so partition nodes are made by partx. */
  rescan(): Promise<void>;
};

/** Attaches a file as a block device. `--partscan` is wanted by coreos-installer: without it BLKRRPART answers EINVAL. */
export async function attachLoop(
  file: string,
  options: { sectorSize?: 512 | 4096; readOnly?: boolean } = {},
): Promise<LoopDevice> {
  const device = await read('losetup', [
    '--find',
    '--show',
    '--partscan',
    '--sector-size',
    String(options.sectorSize ?? 512),
    ...(options.readOnly === true ? ['--read-only'] : []),
    file,
  ]);
  const rescan = async (): Promise<void> => {
    await run('partx', ['--update', device], { accept: 'any' });
    await run('partx', ['--add', device], { accept: 'any' });
  };
  await rescan();
  return {
    device,
    name: basename(device),
    part: (n) => `${device}p${String(n)}`,
    rescan,
    async [Symbol.asyncDispose]() {
      await detachLoop(device, file);
    },
  };
}

/** Takes a loop device away for good; `losetup --detach` alone only marks a busy one and leaves partition nodes behind. */
export async function detachLoop(device: string, file: string): Promise<void> {
  await run('partx', ['--delete', device], { accept: 'any' });
  await run('losetup', ['--detach', device], { accept: 'any' });
  // a neighbour may have taken the freed device in the meantime: what counts is that it no longer holds our file
  const gone = async (): Promise<boolean> =>
    !(
      await run('losetup', ['--noheadings', '--output', 'BACK-FILE', '--list', device], { accept: 'any' })
    ).stdout.includes(file);
  await until(`loop device ${device} to be free`, gone, 10_000);
}

export async function mount(
  source: string,
  target: string,
  options: { type?: string; flags?: string } = {},
): Promise<AsyncDisposable> {
  await mkdir(target, { recursive: true });
  await run('mount', [
    ...(options.type === undefined ? [] : ['-t', options.type]),
    ...(options.flags === undefined ? [] : ['-o', options.flags]),
    source,
    target,
  ]);
  return {
    async [Symbol.asyncDispose]() {
      await run('umount', ['--recursive', target]);
    },
  };
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Releases loop devices, mounts and directories of lab processes that are no longer alive. Returns what it removed. */
export async function sweep(): Promise<string[]> {
  const removed: string[] = [];
  const ownerOf = (path: string): number | undefined => {
    const match = new RegExp(`${prefix}(\\d+)-`).exec(path);
    return match?.[1] === undefined ? undefined : Number(match[1]);
  };
  const isStale = (path: string): boolean => {
    const owner = ownerOf(path);
    return owner !== undefined && !isAlive(owner);
  };
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const target of mounts.filter(isStale).reverse()) {
    await run('umount', [target], { accept: 'any' });
    removed.push(target);
  }
  const loops = (await run('losetup', ['--list', '--noheadings', '--raw', '--output', 'NAME,BACK-FILE'])).stdout.split(
    '\n',
  );
  for (const line of loops.filter(isStale)) {
    const [device = '', file = ''] = line.split(' ');
    await detachLoop(device, file);
    removed.push(line);
  }
  for (const name of (await readdir(tmpdir())).filter(isStale)) {
    await rm(join(tmpdir(), name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}
