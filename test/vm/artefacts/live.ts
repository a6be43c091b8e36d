import { chmod, copyFile, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { tempDir } from '../resources.ts';
import { ensure, put, type Artefact, type Say } from './cache.ts';

const wrapper = new URL('../guest/coreos-installer', import.meta.url);

/** Container storage of the live system: overlayfs cannot be the upper layer of overlayfs, so it is a file system in RAM, as on RHCOS. */
const containerStorage =
  '[Unit]\nDescription=Container storage in RAM\n[Mount]\nWhat=tmpfs\nWhere=/var/lib/containers\nType=tmpfs\n';

/**
 * A disk with programs that the host attaches by serial; the fastest way to try a new build of ours without a new ISO.
 * The mount is tried again: right after the coldplug somebody may hold the device, and the kernel says "Can't open blockdev".
 */
const payload = `[Unit]
Description=Programs from the payload disk
DefaultDependencies=no
ConditionKernelCommandLine=lab.payload
After=systemd-udevd.service systemd-udev-trigger.service local-fs.target
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'udevadm settle; mkdir -p /run/payload /var/usrlocal/bin; for try in $(seq 60); do mount -o ro /dev/disk/by-id/virtio-payload /run/payload && break; sleep 0.2; done; mountpoint -q /run/payload && ln -sf /run/payload/bin/* /var/usrlocal/bin/'
`;

/** The live system: the same OS with /etc in place, the real coreos-installer and the real Ignition. File: `root.squashfs`. */
export async function live(
  parts: { tree: Artefact; rootfs: Artefact; installer: Artefact },
  say: Say,
): Promise<Artefact> {
  return ensure(
    {
      name: 'live',
      sources: [import.meta.url, wrapper],
      from: [parts.tree, parts.rootfs, parts.installer],
      async build(dir) {
        await using work = await tempDir('live');
        const root = join(work.path, 'root');
        const at = (path: string): string => join(root, path);
        await run('cp', ['-a', '--reflink=auto', parts.tree.path('root'), root]);
        await rename(at('usr/etc'), at('etc'));
        await rm(at('ostree'));
        await rm(at('usr/lib/systemd/system/local-fs.target.wants/boot.mount'));
        for (const version of await readdir(at('usr/lib/modules')))
          await rm(at(`usr/lib/modules/${version}/initramfs.img`));
        for (const name of [
          'home',
          'roothome',
          'srv',
          'opt',
          'mnt',
          'tmp',
          'lib/containers',
          'log',
          'cache',
          'spool',
          'usrlocal/bin',
        ])
          await mkdir(at(join('var', name)), { recursive: true });
        await run('chmod', ['1777', at('var/tmp')]);
        await put(at('etc/hostname'), 'live\n');
        const units = 'usr/lib/systemd/system';
        await put(at(`${units}/var-lib-containers.mount`), containerStorage);
        await symlink('../var-lib-containers.mount', at(`${units}/local-fs.target.wants/var-lib-containers.mount`));
        await put(at(`${units}/lab-payload.service`), payload);
        await mkdir(at(`${units}/sysinit.target.wants`), { recursive: true });
        await symlink('../lab-payload.service', at(`${units}/sysinit.target.wants/lab-payload.service`));
        await addIgnition(root, parts.rootfs.path('root'));
        await copyFile(parts.installer.path('bin/coreos-installer'), at('usr/bin/coreos-installer'));
        await copyFile(wrapper, at('var/usrlocal/bin/coreos-installer'));
        for (const program of ['usr/bin/coreos-installer', 'var/usrlocal/bin/coreos-installer'])
          await chmod(at(program), 0o755);
        await run('mksquashfs', [
          root,
          join(dir, 'root.squashfs'),
          '-comp',
          'lz4',
          '-no-xattrs',
          '-noappend',
          '-quiet',
          '-no-progress',
        ]);
      },
    },
    say,
  );
}

/** Debian's Ignition always relabels, so it fails at its very end without an SELinux configuration and a `setfiles` that reads its input. */
async function addIgnition(root: string, rootfs: string): Promise<void> {
  const engine = 'usr/lib/dracut/modules.d/30ignition';
  await mkdir(join(root, engine), { recursive: true });
  await copyFile(join(rootfs, engine, 'ignition'), join(root, engine, 'ignition'));
  await put(join(root, 'etc/selinux/config'), 'SELINUX=disabled\nSELINUXTYPE=lab\n');
  await put(join(root, 'etc/selinux/lab/contexts/files/file_contexts'), '');
  await put(join(root, 'usr/sbin/setfiles'), '#!/bin/sh\ncat >/dev/null 2>&1\nexit 0\n', 0o755);
}
