import { randomFillSync } from 'node:crypto';
import { copyFile, cp, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { read, run } from '../command.ts';
import { tempDir } from '../resources.ts';
import { ensure, put, type Artefact, type Say } from './cache.ts';
import { kernelVersion } from './initramfs.ts';

/**
 * `full` is the OS that boots on a machine; `slim` boots, too, but has no podman and half of the size; `host` is what a first boot needs
 * besides; `small` has a kernel and forty files, for the many tests that only install.
 */
export type SeedOs = { tree: OsTree; padMiB: number };
export type OsTree = 'full' | 'slim' | 'host' | 'small';

/** The stock OS of the metal image. Files: `repo/` (bare), `commit` (checksum). */
export async function baseCommit(tree: Artefact, os: OsTree, say: Say): Promise<Artefact> {
  return ensure(
    {
      name: 'commit-base',
      sources: [import.meta.url],
      from: [tree],
      inputs: { os },
      async build(dir) {
        await using work = await tempDir('commit');
        await commit(dir, [await osTree(tree.path('root'), os, join(work.path, 'os'))], {
          branch: 'rhcos/base',
          version: 'base-1',
        });
      },
    },
    say,
  );
}

/**
 * The OS of the seed: the base with a marker. `padMiB` adds files that do not compress, for measurements of growth.
 * `software` lays `root/` of an artefact over it. Its repository holds exactly what a node's `/ostree/repo` holds after its booted deployment: bare objects and one ref.
 */
export async function seedCommit(tree: Artefact, os: SeedOs, say: Say, software?: Artefact): Promise<Artefact> {
  return ensure(
    {
      name: 'commit-seed',
      sources: [import.meta.url],
      from: [tree, ...(software === undefined ? [] : [software])],
      inputs: os,
      async build(dir) {
        await using work = await tempDir('commit');
        const overlay = join(work.path, 'overlay');
        await put(join(overlay, 'usr/share/lab-marker'), 'seed-os\n');
        for (let index = 0; index < os.padMiB * 8; index += 1) {
          await put(
            join(overlay, `usr/share/lab-pad/${String(index % 16)}/${String(index)}`),
            randomFillSync(Buffer.alloc(128 * 1024)),
          );
        }
        const base = await osTree(tree.path('root'), os.tree, join(work.path, 'os'));
        await commit(dir, [base, ...(software === undefined ? [] : [software.path('root')]), overlay], {
          branch: 'ostree/0/1/0',
          version: 'seed-1',
        });
      },
    },
    say,
  );
}

/** Fixed time stamp and no extended attributes: the same tree gives the same checksum everywhere. */
async function commit(
  dir: string,
  trees: readonly string[],
  facts: { branch: string; version: string },
): Promise<void> {
  const repo = join(dir, 'repo');
  await run('ostree', ['init', `--repo=${repo}`, '--mode=bare']);
  await run('ostree', ['config', `--repo=${repo}`, 'set', 'sysroot.bootloader', 'none']);
  await run('ostree', ['config', `--repo=${repo}`, 'set', 'sysroot.readonly', 'true']);
  const checksum = await read('ostree', [
    'commit',
    `--repo=${repo}`,
    `--branch=${facts.branch}`,
    ...trees.map((tree) => `--tree=dir=${tree}`),
    `--add-metadata-string=version=${facts.version}`,
    '--timestamp=2024-05-14T00:00:00Z',
    '--no-xattrs',
  ]);
  await writeFile(join(dir, 'commit'), `${checksum}\n`);
}

async function osTree(full: string, os: OsTree, root: string): Promise<string> {
  if (os === 'full') return full;
  await (os === 'small' ? smallTree(full, root) : slimTree(full, root, os));
  return root;
}

/** What a host that only has to boot and to answer questions does not need. */
const notSlim = [
  'usr/bin/podman',
  'usr/bin/skopeo',
  'usr/lib/podman',
  'usr/bin/perl5.36.0',
  'usr/lib/x86_64-linux-gnu/libperl.so.5.36.0',
  'usr/bin/openssl',
  'usr/lib/x86_64-linux-gnu/liblvm2cmd.so.2.03',
  'usr/bin/gpg',
  'usr/bin/dirmngr',
  'usr/bin/gpgsm',
  'usr/lib/x86_64-linux-gnu/libapt-pkg.so.6.0.0',
  'usr/bin/crun',
];
/** What the programs of a first boot do need of it: containers, the keys' checks, volumes. */
const ofHosts = ['usr/bin/podman', 'usr/lib/podman', 'usr/bin/openssl', 'usr/lib/x86_64-linux-gnu/liblvm2cmd.so.2.03'];
/** Loadable modules that it does need: the channel for the answers, what systemd asks for, and what those two depend on. */
const slimModules =
  /\/(virtio.*|qemu_fw_cfg|failover|net_failover|autofs4|efivarfs|overlay|loop|xfs|libcrc32c|crc32c.*|dm-mod|dax)\.ko$/;

/** Besides: config media and the network of containers. */
const hostModules = /\/(isofs|nls_.*|bridge|stp|llc|veth|dm-.*)\.ko$/;

async function slimTree(full: string, root: string, os: 'slim' | 'host'): Promise<void> {
  // links, not copies: nothing is changed in place
  await run('cp', ['-al', full, root]);
  const isLeftOut = (path: string): boolean => os === 'slim' || !ofHosts.includes(path);
  for (const path of notSlim.filter(isLeftOut)) await rm(join(root, path), { recursive: true, force: true });
  const version = await kernelVersion(full);
  const modules = (await read('find', [join(root, 'usr/lib/modules', version, 'kernel'), '-name', '*.ko'])).split('\n');
  for (const path of modules.filter((path) => !slimModules.test(path) && (os === 'slim' || !hostModules.test(path))))
    await rm(path);
  await run('depmod', ['-b', root, version]);
  // 31 MB of tables for text in all languages, which libxml2 drags in and nobody reads here: as zeros they compress to nothing
  const tables = join(root, 'usr/lib/x86_64-linux-gnu/libicudata.so.72.1');
  const { size } = await stat(tables);
  await copyFile(tables, `${tables}.copy`);
  await rename(`${tables}.copy`, tables);
  await run('dd', [
    'if=/dev/zero',
    `of=${tables}`,
    'conv=notrunc',
    'bs=65536',
    'seek=1',
    `count=${String(Math.floor(size / 65536) - 3)}`,
    'status=none',
  ]);
}

/** Just enough for `ostree admin deploy`: kernel, initramfs, os-release, `/usr/etc`, the links of the top level. */
async function smallTree(full: string, root: string): Promise<void> {
  const version = await kernelVersion(full);
  const files = [
    `usr/lib/modules/${version}/vmlinuz`,
    `usr/lib/modules/${version}/initramfs.img`,
    'usr/lib/os-release',
    'usr/etc/hostname',
    'usr/etc/machine-id',
    'usr/etc/passwd',
    'usr/etc/group',
    'usr/etc/lab-deleted-by-the-seed',
    'usr/bin/busybox',
  ];
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await cp(join(full, file), join(root, file));
  }
  for (const name of ['var', 'run', 'tmp', 'dev', 'proc', 'sys', 'sysroot', 'boot']) await mkdir(join(root, name));
  await symlink('sysroot/ostree', join(root, 'ostree'));
  await symlink('usr/bin', join(root, 'bin'));
  for (const name of (await readdir(join(full, 'usr/lib/systemd/system'))).slice(0, 30)) {
    await cp(join(full, 'usr/lib/systemd/system', name), join(root, 'usr/lib/systemd/system', name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}
