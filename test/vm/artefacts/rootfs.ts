import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanEnvironment, read, run } from '../command.ts';
import { tempDir } from '../resources.ts';
import { ensure, type Artefact, type Say } from './cache.ts';

/**
 * What an OSTree host must hold to be installed, to boot and to install: the kernel, systemd, ostree, podman and the disk
 * tools that RHCOS has. `libstdc++6` is for Node, `lvm2` and `mdadm` for disks with leftovers,
 * `multipath-tools` for disks with several paths, `policycoreutils` for restorecon.
 */
const packages = [
  'systemd',
  'systemd-sysv',
  'udev',
  'dbus',
  'linux-image-cloud-amd64',
  'ostree',
  'ostree-boot',
  'ignition',
  'passwd',
  'podman',
  'crun',
  'skopeo',
  'nftables',
  'iproute2',
  'util-linux',
  'fdisk',
  'gdisk',
  'jq',
  'cloud-guest-utils',
  'kmod',
  'busybox-static',
  'xfsprogs',
  'e2fsprogs',
  'dosfstools',
  'lvm2',
  'mdadm',
  'dmsetup',
  'multipath-tools',
  'kpartx',
  'policycoreutils',
  'acl',
  'attr',
  'ca-certificates',
  'zstd',
  'tar',
  'gzip',
  'curl',
  'procps',
  'cpio',
  'libzstd1',
  'liblzma5',
  'libssl3',
  'libstdc++6',
];

const leftOut = [
  '/usr/share/man/*',
  '/usr/share/doc/*',
  '/usr/share/locale/*',
  '/usr/share/info/*',
  '/usr/share/bash-completion/*',
];

/** A minimal Debian root file system from the machine's own package sources. File: `root/`. */
export async function rootfs(say: Say): Promise<Artefact> {
  return ensure(
    {
      name: 'rootfs',
      sources: [import.meta.url],
      async build(dir) {
        await using work = await tempDir('apt');
        const { codename, files } = await debianSources(work.path);
        const settings = join(work.path, 'apt.conf');
        await writeFile(settings, await downloadSettings());
        await run(
          'mmdebstrap',
          [
            '--mode=root',
            '--variant=apt',
            '--components=main',
            '--aptopt=APT::Install-Recommends "false"',
            `--aptopt=${settings}`,
            ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
            '--dpkgopt=path-include=/usr/share/locale/locale.alias',
            `--include=${packages.join(',')}`,
            codename,
            join(dir, 'root'),
            ...files,
          ],
          { budgetMs: 1_800_000, env: cleanEnvironment({ TMPDIR: work.path }) },
        );
      },
    },
    say,
  );
}

/** mmdebstrap does not read the machine's apt.conf.d; a proxy or a switched-off clock check must reach it all the same. */
async function downloadSettings(): Promise<string> {
  const wanted = /^Acquire::(Check-Valid-Until|Check-Date|(http|https)::)/;
  return (
    (await read('apt-config', ['dump']))
      .split('\n')
      .filter((line) => wanted.test(line))
      .join('\n') + '\n'
  );
}

/**
 * Copies of the machine's source files with nothing but this Debian release in them: mmdebstrap refuses to go on when one
 * of the given sources cannot be reached, and third-party ones often cannot.
 */
async function debianSources(workDir: string): Promise<{ codename: string; files: string[] }> {
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1];
  if (codename === undefined) throw new Error('the machine has no VERSION_CODENAME in /etc/os-release');
  const suite = new RegExp(`^(${codename}(-updates|-security|-backports)?)$`);
  const isDebian = (words: readonly string[]): boolean => words.length > 0 && words.every((word) => suite.test(word));
  const ofStanza = (stanza: string): string[] => /^Suites:(.*)$/m.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
  const ofLine = (line: string): string[] => {
    const word = /^deb\s+(?:\[[^\]]*\]\s+)?\S+\s+(\S+)/.exec(line)?.[1];
    return word === undefined ? [] : [word];
  };
  const names = (await readdir('/etc/apt/sources.list.d').catch(() => [])).map((name) =>
    join('/etc/apt/sources.list.d', name),
  );
  const files: string[] = [];
  for (const name of ['/etc/apt/sources.list', ...names]) {
    const text = await readFile(name, 'utf8').catch(() => '');
    const kept = name.endsWith('.sources')
      ? text
          .split(/\n\s*\n/)
          .filter((part) => isDebian(ofStanza(part)))
          .join('\n\n')
      : name.endsWith('.list')
        ? text
            .split('\n')
            .filter((part) => isDebian(ofLine(part)))
            .join('\n')
        : '';
    if (kept === '') continue;
    const copy = join(workDir, `${String(files.length)}${name.endsWith('.sources') ? '.sources' : '.list'}`);
    await writeFile(copy, `${kept}\n`);
    files.push(copy);
  }
  if (files.length === 0) throw new Error(`no package source of Debian "${codename}" on this machine`);
  return { codename, files };
}
