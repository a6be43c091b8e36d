import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cleanEnvironment, read, run } from '../command.ts';
import { tempDir } from '../resources.ts';
import { ensure, type Artefact, type Say } from './cache.ts';

const init = new URL('../guest/init', import.meta.url);

/** What must be loadable before the root file system is there: its bus, its disk, its file system. */
const modules = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'sd_mod',
  'sr_mod',
  'xfs',
  'squashfs',
  'overlay',
  'loop',
  'isofs',
  'crc32c_generic',
  'crc32c_intel',
  'nls_iso8859-1',
  'nls_utf8',
];

/** The version directory below `usr/lib/modules`; a lab root has exactly one kernel. */
export async function kernelVersion(root: string): Promise<string> {
  const versions = await readdir(join(root, 'usr/lib/modules'));
  if (versions.length !== 1 || versions[0] === undefined)
    throw new Error(`expected one kernel in ${root}, found: ${versions.join(' ')}`);
  return versions[0];
}

/** One hand-made initramfs for installed and live boots. File: `initramfs.img`. */
export async function initramfs(rootfs: Artefact, say: Say): Promise<Artefact> {
  return ensure(
    {
      name: 'initramfs',
      sources: [import.meta.url, init],
      from: [rootfs],
      async build(dir) {
        const root = rootfs.path('root');
        const version = await kernelVersion(root);
        await using work = await tempDir('initramfs');
        const into = (path: string): string => join(work.path, path);
        for (const path of ['bin', 'dev', 'proc', 'sys', 'run', 'sysroot', 'tmp', 'usr/lib/ostree', 'lib64'])
          await mkdir(into(path), { recursive: true });
        const copies = [
          '/bin/busybox',
          '/usr/lib/ostree/ostree-prepare-root',
          ...(await librariesOf(root, '/usr/lib/ostree/ostree-prepare-root')),
          ...(await moduleFiles(root, version)),
          ...['order', 'builtin', 'builtin.modinfo'].map((end) => `/lib/modules/${version}/modules.${end}`),
        ];
        for (const path of copies) {
          await mkdir(dirname(into(path)), { recursive: true });
          await copyFile(join(root, path), into(path));
        }
        await run('depmod', ['-b', work.path, version]);
        await copyFile(init, into('init'));
        await chmod(into('init'), 0o755);
        const names = (await read('find', ['.', '-print0'], { cwd: work.path })).replace(/\0$/, '');
        await run(
          'cpio',
          ['--null', '--create', '--format=newc', '--quiet', '--owner=0:0', '--file', join(dir, 'initramfs.cpio')],
          { cwd: work.path, input: names },
        );
        await run('zstd', ['-q', '-6', '--rm', join(dir, 'initramfs.cpio'), '-o', join(dir, 'initramfs.img')]);
      },
    },
    say,
  );
}

async function librariesOf(root: string, program: string): Promise<string[]> {
  const listing = await read('chroot', [root, 'ldd', program], { env: cleanEnvironment() });
  return [...listing.matchAll(/(\/lib\S*)/g)].map((match) => match[1] ?? '');
}

async function moduleFiles(root: string, version: string): Promise<string[]> {
  const found = new Set<string>();
  for (const name of modules) {
    const { stdout } = await run('chroot', [root, 'modprobe', '-S', version, '--show-depends', name], {
      accept: 'any',
    });
    for (const match of stdout.matchAll(/^insmod (\S+)/gm)) found.add(match[1] ?? '');
  }
  return [...found];
}
