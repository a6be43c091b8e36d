import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { read, run, type Result, type RunOptions } from './vm/command.ts';
import { enterNamespace, type Started, type StartInside } from './vm/namespace.ts';

/**
 * A host that may be spoilt: this machine's files under an overlay in memory, with namespaces, /run and /dev of its own. What a program writes in
 * it is gone afterwards; what it reads is real. Block devices stand in its /dev only when they were attached.
 *
 * It boots no systemd: programs that talk to it need a stand-in on PATH (`program`).
 */
export type OverlayRoot = AsyncDisposable & {
  /** Its files, as seen in its namespace only: use `write`, `read` and `run`. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Result>;
  start(program: string, args: readonly string[], options?: StartInside): Promise<Started>;
  write(path: string, content: string, mode?: string): Promise<void>;
  /** The text of a file, undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** A stand-in before the machine's own programs: a shell script. */
  program(name: string, script: string): Promise<void>;
  /** Attaches an image file as a block device and gives the device's path. `partition` gives the path of one of its partitions. */
  attach(image: string, options?: { readonly partition?: number }): Promise<Attached>;
};

export type Attached = AsyncDisposable & { readonly device: string };

const base = '/run/overlay-root'; // in the namespace's own /run
const root = `${base}/root`;

const top = dirname(import.meta.dirname);
const node = dirname(process.execPath);
/** Folders of this machine that are seen in every host: the sources, and the Node that runs them. */
const seen = node.startsWith(`${top}/`) ? [top] : [top, node];

export async function openOverlayRoot(environment: NodeJS.ProcessEnv = {}): Promise<OverlayRoot> {
  const scope = new AsyncDisposableStack();
  try {
    const path = `/opt/stand-ins:${process.env['PATH'] ?? ''}`;
    const inside = scope.use(await enterNamespace({ ...environment, PATH: process.env['PATH'] ?? '' }));
    const script = [
      'set -eu',
      'mount -t tmpfs tmpfs /run',
      `mkdir -p ${base}/upper ${base}/work ${root}`,
      `mount -t overlay overlay -o lowerdir=/,upperdir=${base}/upper,workdir=${base}/work ${root}`,
      `mount -t proc proc ${root}/proc`,
      `mount --rbind /sys ${root}/sys`,
      `mount -t tmpfs tmpfs ${root}/run`,
      `mount -t tmpfs tmpfs ${root}/tmp`,
      `mount -t tmpfs tmpfs ${root}/dev`,
      `for name in null zero full random urandom; do cp -a /dev/$name ${root}/dev/; done`,
      `ln -s /proc/self/fd ${root}/dev/fd`,
      // This checkout may lie on what was just covered, or on another file system than the root.
      ...seen.map((folder) => `mkdir -p ${root}${folder} && mount -o bind,ro ${folder} ${root}${folder}`),
      `mkdir -p ${root}/opt/stand-ins`,
      `grep -q ^core: ${root}/etc/passwd || echo core:x:4242:4242::/home/core:/bin/sh >> ${root}/etc/passwd`,
    ].join('\n');
    await inside.run('bash', ['-c', script]);
    const opened: Omit<OverlayRoot, keyof AsyncDisposable> = {
      run: (program, args, options) =>
        inside.run('chroot', [root, program, ...args], { ...options, env: { PATH: path, ...options?.env } }),
      start: (program, args, options) =>
        inside.start('chroot', [root, program, ...args], { ...options, env: { PATH: path, ...options?.env } }),
      write: async (file, content, mode = '0644') => {
        await inside.run('mkdir', ['-p', `${root}${dirname(file)}`]);
        await inside.run('sh', ['-c', `cat > "$1" && chmod ${mode} "$1"`, 'sh', `${root}${file}`], { input: content });
      },
      read: async (file) => {
        const { exitCode, stdout } = await inside.run('cat', [`${root}${file}`], { accept: 'any' });
        return exitCode === 0 ? stdout : undefined;
      },
      program: (name, text) => opened.write(`/opt/stand-ins/${name}`, `#!/bin/sh\n${text}\n`, '0755'),
      attach: async (image, { partition } = {}) => {
        const attached = new AsyncDisposableStack();
        const loop = (await read('losetup', ['--find', '--show', '--partscan', image])).trim();
        attached.defer(async () => {
          await run('losetup', ['--detach', loop], { accept: 'any' });
        });
        const device = partition === undefined ? loop : `${loop}p${partition}`;
        const node = await read('lsblk', ['--nodeps', '--noheadings', '--raw', '--output', 'MAJ:MIN', device]);
        const [major = '', minor = ''] = node.trim().split(':');
        await inside.run('mknod', [`${root}${device}`, 'b', major, minor]);
        attached.defer(async () => {
          await inside.run('rm', ['-f', `${root}${device}`], { accept: 'any' });
        });
        return { device, [Symbol.asyncDispose]: () => attached.disposeAsync() };
      },
    };
    const held = scope.move();
    return { ...opened, [Symbol.asyncDispose]: () => held.disposeAsync() };
  } catch (error) {
    await scope.disposeAsync();
    throw error;
  }
}

/**
 * A config medium with these files by their paths in it. It is ext4, which every kernel mounts; the first-boot lab has real ISO images.
 */
export async function configMedium(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'config-medium-'));
  const tree = join(folder, 'tree');
  await mkdir(tree);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), content);
  }
  const path = join(folder, 'medium.img');
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', 'cluster-config', '-d', tree, path, '4M']);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
