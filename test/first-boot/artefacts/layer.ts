import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../vm/command.ts';
import { ensure, type Artefact, type Say } from '../../vm/artefacts/cache.ts';

/** What the host has besides the lab's root file system, whose podman and nftables bring all libraries of these. */
const packages = ['containerd', 'runc', 'dnsmasq-base', 'libarchive-tools'];

/** Debian's container runtime, name server and reader of ISO images, unpacked to be laid over the lab's root. Directories: `root/`; `tools/` with ctr. */
export const layer = (rootfs: Artefact, say: Say): Promise<Artefact> =>
  ensure(
    {
      name: 'first-boot-layer',
      sources: [import.meta.url],
      from: [rootfs],
      async build(dir) {
        const root = join(dir, 'root');
        const debs = join(dir, 'debs');
        for (const path of [root, debs]) await mkdir(path);
        // apt's own sandbox user cannot write here
        await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...packages], { cwd: debs });
        for (const name of await readdir(debs)) await run('dpkg-deb', ['--extract', join(debs, name), root]);
        await run('rm', ['-rf', debs, join(root, 'usr/share/doc'), join(root, 'usr/share/man')]);
        // a host of the lab needs neither, and each MiB of a seed's OS is streamed and written in emulation
        for (const shim of ['containerd-shim', 'containerd-shim-runc-v1']) await rm(join(root, 'usr/bin', shim));
        // where artefacts/programs.ts is mounted
        await mkdir(join(root, 'usr/lib/lab'), { recursive: true });
        await mkdir(join(dir, 'tools'));
        await rename(join(root, 'usr/bin/ctr'), join(dir, 'tools/ctr'));
        // the packages' own units: the lab has others
        await run('rm', ['-rf', join(root, 'lib'), join(root, 'etc')]);
      },
    },
    say,
  );
