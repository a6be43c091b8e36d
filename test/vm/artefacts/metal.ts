import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { read, run } from '../command.ts';
import { attachLoop, mount, tempDir, type LoopDevice } from '../resources.ts';
import { installGrubFiles, makeBootCode, writeBiosBootCode } from './boot-code.ts';
import { ensure, type Artefact, type Say } from './cache.ts';

export type SectorSize = 512 | 4096;

/** Sizes in MiB. coreos-installer writes every zero of the image, so each MiB is 20 ms of an install under TCG. */
const sizes = { bios: 1, esp: 34, boot: 96, root: 430 };
const imageMiB = 1 + sizes.bios + sizes.esp + sizes.boot + sizes.root + 1;

const types = {
  bios: '21686148-6449-6E6F-744E-656564454649',
  reserved: '8DA63339-0007-60C0-C436-083AC8230908',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
};

/**
 * A disk image with RHCOS' partitions, file system labels and stock stateroot `rhcos`, compressed as RHCOS ships it.
 * With 4096-byte sectors there is no BIOS boot code and partition 1 is only reserved, as on RHCOS' metal4k.
 * File: `metal.img.zst`.
 */
export async function metal(base: Artefact, sectorSize: SectorSize, say: Say): Promise<Artefact> {
  return ensure(
    {
      name: sectorSize === 512 ? 'metal' : 'metal4k',
      sources: [import.meta.url, new URL('boot-code.ts', import.meta.url)],
      inputs: { sectorSize },
      from: [base],
      async build(dir) {
        const image = join(dir, 'metal.img');
        await writeFile(image, '');
        await truncate(image, imageMiB * 1024 * 1024);
        await fill(image, base, sectorSize);
        await run('zstd', ['-q', '-3', '-T0', '--rm', image]);
      },
    },
    say,
  );
}

async function fill(image: string, base: Artefact, sectorSize: SectorSize): Promise<void> {
  await using work = await tempDir('metal');
  await using disk = await attachLoop(image, { sectorSize });
  await partition(disk, sectorSize);
  const code = await makeBootCode(work.path);
  if (sectorSize === 512) await writeBiosBootCode(image, code.core, 2048);
  await run('mkfs.vfat', ['-n', 'EFI-SYSTEM', '-S', String(sectorSize), disk.part(2)]);
  for (const directory of ['::/EFI', '::/EFI/BOOT']) await run('mmd', ['-i', disk.part(2), directory]);
  await run('mcopy', ['-i', disk.part(2), code.efi, '::/EFI/BOOT/BOOTX64.EFI']);
  await run('mkfs.ext4', ['-q', '-L', 'boot', '-b', '4096', disk.part(3)]);
  await run('mkfs.xfs', ['-q', '-f', '-L', 'root', '-m', 'reflink=1', disk.part(4)]);
  const root = join(work.path, 'root');
  await using mounts = new AsyncDisposableStack();
  mounts.use(await mount(disk.part(4), root));
  mounts.use(await mount(disk.part(3), join(root, 'boot')));
  await deployStock(root, disk, base);
  await installGrubFiles(join(root, 'boot'));
}

async function partition(disk: LoopDevice, sectorSize: SectorSize): Promise<void> {
  const first =
    sectorSize === 512
      ? ['-n1:2048:+1M', '-c1:BIOS-BOOT', `-t1:${types.bios}`]
      : ['-n1:0:+1M', '-c1:reserved', `-t1:${types.reserved}`];
  await run('sgdisk', [
    '-o',
    ...first,
    `-n2:0:+${String(sizes.esp)}M`,
    '-c2:EFI-SYSTEM',
    `-t2:${types.esp}`,
    `-n3:0:+${String(sizes.boot)}M`,
    '-c3:boot',
    `-t3:${types.linux}`,
    '-n4:0:0',
    '-c4:root',
    `-t4:${types.linux}`,
    disk.device,
  ]);
  await disk.rescan();
}

/** `bootloader=none` as on RHCOS: with the default, ostree runs grub-mkconfig, which is not there. */
async function deployStock(root: string, disk: LoopDevice, base: Artefact): Promise<void> {
  const repo = join(root, 'ostree/repo');
  const uuid = (device: string): Promise<string> => read('blkid', ['-p', '-o', 'value', '-s', 'UUID', device]);
  const commit = (await readFile(base.path('commit'), 'utf8')).trim();
  await run('ostree', ['admin', 'init-fs', '--modern', root]);
  await run('ostree', ['config', `--repo=${repo}`, 'set', 'sysroot.bootloader', 'none']);
  await run('ostree', ['config', `--repo=${repo}`, 'set', 'sysroot.readonly', 'true']);
  await run('ostree', ['admin', 'os-init', `--sysroot=${root}`, 'rhcos']);
  await run('ostree', ['pull-local', `--repo=${repo}`, base.path('repo'), commit]);
  const args = [
    'ignition.platform.id=metal',
    `root=UUID=${await uuid(disk.part(4))}`,
    'rw',
    'rootflags=prjquota',
    `boot=UUID=${await uuid(disk.part(3))}`,
    'console=ttyS0,115200n8',
  ];
  await run('ostree', [
    'admin',
    'deploy',
    `--sysroot=${root}`,
    '--os=rhcos',
    ...args.map((arg) => `--karg-append=${arg}`),
    commit,
  ]);
}
