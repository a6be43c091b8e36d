import { copyFile, cp, mkdir, readdir, rename, rm, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { read, run } from '../command.ts';
import { ensure, put, type Artefact, type Say } from './cache.ts';
import { kernelVersion } from './initramfs.ts';
import { installUnits, masked, unitSources } from './units.ts';

/** Loadable modules that stay, with what they need: buses, disks, file systems, LVM, RAID and multipath, the network card. The rest is half of the OS. */
const modules = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'virtio_net',
  'virtio_console',
  'qemu_fw_cfg',
  'sd_mod',
  'sr_mod',
  'ata_piix',
  'xfs',
  'squashfs',
  'overlay',
  'loop',
  'isofs',
  'vfat',
  'fuse',
  'autofs4',
  'nls_iso8859-1',
  'nls_utf8',
  'nls_ascii',
  'nls_cp437',
  'dm-mod',
  'dm-thin-pool',
  'dm-snapshot',
  'dm-raid',
  'dm-mirror',
  'dm-multipath',
  'dm-service-time',
  'dm-round-robin',
  'dm-queue-length',
  'raid0',
  'raid1',
  'raid10',
  'raid456',
  'crc32c_generic',
  'crc32c_intel',
  'dummy',
  'bonding',
  '8021q',
  'bridge',
  'veth',
  'efivarfs',
  'nf_tables',
  'xt_comment',
];

/** Packages bring these along, nothing in the lab runs them. Every MiB here is 20 ms of `coreos-installer install` under TCG. */
const dropped = [
  'usr/lib/cni',
  'usr/lib/apt',
  'usr/lib/python3',
  'usr/lib/python3.11',
  'usr/bin/python3',
  'usr/bin/python3.11',
  'usr/share/perl',
  'usr/share/perl5',
  'usr/lib/x86_64-linux-gnu/perl',
  'usr/lib/x86_64-linux-gnu/perl5',
  'usr/lib/x86_64-linux-gnu/perl-base',
  'usr/lib/x86_64-linux-gnu/gconv',
  'usr/lib/x86_64-linux-gnu/libcrun.a',
  'usr/lib/udev/hwdb.d',
  'usr/lib/udev/hwdb.bin',
  'usr/bin/ignition-validate',
  'usr/bin/gpgcompose',
  'usr/lib/dracut',
  'usr/share/zsh',
  'usr/src',
  'etc/apt',
  'etc/selinux',
  'etc/cni',
  'usr/bin/perl',
  'usr/share/doc',
  'usr/share/info',
  // it would lay an automount of the EFI partition over /boot; RHCOS does not have it either
  'usr/lib/systemd/system-generators/systemd-gpt-auto-generator',
];

/** OSTree's top level: what a person writes goes to /var, the rest is empty or a link. */
const links: readonly [link: string, target: string][] = [
  ['home', 'var/home'],
  ['root', 'var/roothome'],
  ['srv', 'var/srv'],
  ['opt', 'var/opt'],
  ['mnt', 'var/mnt'],
  ['media', 'run/media'],
  ['ostree', 'sysroot/ostree'],
];

/** The root file system laid out for OSTree: `/usr/etc`, kernel in `/usr/lib/modules`, empty `/var`. Directory: `root/`. */
export async function tree(rootfs: Artefact, initramfs: Artefact, say: Say): Promise<Artefact> {
  return ensure(
    {
      name: 'tree',
      sources: [import.meta.url, ...unitSources],
      from: [rootfs, initramfs],
      async build(dir) {
        const root = join(dir, 'root');
        await run('cp', ['-a', '--reflink=auto', rootfs.path('root'), root]);
        const version = await kernelVersion(root);
        const at = (path: string): string => join(root, path);
        await installUnits(root);
        await maskUnits(root);
        for (const path of dropped) await rm(at(path), { recursive: true, force: true });
        for (const name of ['initrd.img', 'initrd.img.old', 'vmlinuz', 'vmlinuz.old'])
          await rm(at(name), { force: true });
        await rename(at(`boot/vmlinuz-${version}`), at(`usr/lib/modules/${version}/vmlinuz`));
        await copyFile(initramfs.path('initramfs.img'), at(`usr/lib/modules/${version}/initramfs.img`));
        await keepModules(root, version);
        await tidyEtc(root);
        await cp(at('var/lib/dpkg/status'), at('usr/share/dpkg-status'));
        for (const name of ['var', 'run', 'tmp', 'dev', 'proc', 'sys', 'boot', ...links.map(([link]) => link)])
          await rm(at(name), { recursive: true, force: true });
        for (const name of ['var', 'run', 'tmp', 'dev', 'proc', 'sys', 'sysroot', 'boot']) await mkdir(at(name));
        await run('chmod', ['1777', at('tmp')]);
        for (const [link, target] of links) await symlink(target, at(link));
        await rm(at('usr/local'), { recursive: true, force: true });
        await symlink('../var/usrlocal', at('usr/local'));
        await rename(at('etc'), at('usr/etc'));
      },
    },
    say,
  );
}

async function maskUnits(root: string): Promise<void> {
  const etc = join(root, 'etc/systemd/system');
  for (const directory of (await readdir(etc)).filter((name) => name.endsWith('.wants'))) {
    for (const unit of masked) await rm(join(etc, directory, unit), { force: true });
  }
  for (const unit of masked) {
    await rm(join(etc, unit), { force: true });
    await symlink('/dev/null', join(etc, unit));
  }
  const units = join(root, 'usr/lib/systemd/system');
  await rm(join(units, 'default.target'), { force: true });
  await symlink('multi-user.target', join(units, 'default.target'));
  await copyFile(join(root, 'usr/share/systemd/tmp.mount'), join(units, 'tmp.mount'));
  await symlink('../tmp.mount', join(units, 'local-fs.target.wants/tmp.mount'));
}

async function keepModules(root: string, version: string): Promise<void> {
  const kept = new Set<string>();
  for (const name of modules) {
    const { stdout } = await run('chroot', [root, 'modprobe', '-S', version, '--show-depends', name], {
      accept: 'any',
    });
    for (const match of stdout.matchAll(/^insmod \/lib\/(\S+)/gm)) kept.add(join(root, 'usr/lib', match[1] ?? ''));
  }
  const all = (await read('find', [join(root, 'usr/lib/modules', version, 'kernel'), '-name', '*.ko'])).split('\n');
  for (const path of all.filter((path) => !kept.has(path))) await unlink(path);
  await run('find', [join(root, 'usr/lib/modules', version), '-depth', '-type', 'd', '-empty', '-delete']);
  await run('depmod', ['-b', root, version]);
}

/** An empty machine-id asks systemd for a first boot; the registry of the lab always lives at one guest address. */
async function tidyEtc(root: string): Promise<void> {
  const empty = ['machine-id', 'resolv.conf', 'fstab'];
  for (const name of empty) await put(join(root, 'etc', name), '');
  await put(join(root, 'etc/hostname'), 'lab\n');
  await put(join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n10.0.2.100 registry.lab\n');
  await put(
    join(root, 'etc/containers/registries.conf'),
    'unqualified-search-registries = ["registry.lab:5000"]\nshort-name-mode = ""\n',
  );
  // neither CNI plugins nor netavark are there; podman's guess would look for netavark and fail even at "images"
  await put(join(root, 'etc/containers/containers.conf'), '[network]\nnetwork_backend = "cni"\n');
  await mkdir(join(root, 'etc/pki/ca-trust/source/anchors'), { recursive: true });
  await put(join(root, 'etc/lab-deleted-by-the-seed'), 'this file must not survive the seed\n');
  const wide = join(root, 'etc/ssl/certs/ca-certificates.crt');
  await mkdir(dirname(join(root, 'etc/pki/tls/certs/x')), { recursive: true });
  await symlink('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/pki/tls/certs/ca-bundle.crt'));
  if ((await read('stat', ['-c', '%s', wide])) === '0')
    throw new Error('the root file system has no certificate bundle');
}
