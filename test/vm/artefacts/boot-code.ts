import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { put } from './cache.ts';

/*
 * GRUB without grub-install, which wants a device and a mounted root. The core image searches the file system labelled
 * `boot`, as RHCOS does, and reads grub2/grub.cfg there.
 */

const early = `
search --no-floppy --label boot --set=root
set prefix=($root)/grub2
configfile ($root)/grub2/grub.cfg
`;

/**
 * Debian's GRUB cannot read boot loader entries (blscfg is a Red Hat patch). A BLS file is sourced as a script whose keys
 * are functions. This works only while the commands "linux" and "initrd" are not loaded, because commands win over
 * functions, so $prefix holds no command.lst and the menu entry loads the module itself. Trap: it eats quotes in arguments.
 */
const config = `
set timeout=0
set default=0
# CONSOLE-SETTINGS-START
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
# CONSOLE-SETTINGS-END
function title { set bls_title="$*"; }
function version { true; }
function options { set bls_options="$*"; }
function linux { set bls_linux="$1"; }
function initrd { set bls_initrd="$1"; }
for n in 9 8 7 6 5 4 3 2 1 0; do
  for f in ($root)/loader/entries/ostree-$n-*.conf; do
    if [ -f "$f" ]; then
      source "$f"
      menuentry "$bls_title" "$bls_linux" "$bls_initrd" "$bls_options" {
        insmod linux
        linux $2 $4
        initrd $3
      }
    fi
  done
done
`;

const built = [
  'part_gpt',
  'ext2',
  'fat',
  'search',
  'search_label',
  'search_fs_uuid',
  'normal',
  'configfile',
  'regexp',
  'test',
  'echo',
  'serial',
  'terminal',
  'true',
  'ls',
  'cat',
  'halt',
  'reboot',
  'sleep',
];

/** The directory of Debian's GRUB modules is the same on every Debian; both platforms are packages the lab asks for. */
const grubModules = (platform: string): string => join('/usr/lib/grub', platform);

export type BootCode = { core: string; efi: string };

export async function makeBootCode(workDir: string): Promise<BootCode> {
  const code = { core: join(workDir, 'core.img'), efi: join(workDir, 'BOOTX64.EFI') };
  await put(join(workDir, 'early.cfg'), early.trimStart());
  const common = ['-p', '/grub2', '-c', join(workDir, 'early.cfg')];
  await run('grub-mkimage', ['-O', 'i386-pc', '-o', code.core, ...common, 'biosdisk', ...built]);
  await run('grub-mkimage', ['-O', 'x86_64-efi', '-o', code.efi, ...common, ...built]);
  return code;
}

/** grub.cfg and modules on the mounted boot file system. */
export async function installGrubFiles(boot: string): Promise<void> {
  await put(join(boot, 'grub2/grub.cfg'), config.trimStart());
  for (const platform of ['i386-pc', 'x86_64-efi']) {
    await run('mkdir', ['-p', join(boot, 'grub2', platform)]);
    await run('bash', [
      '-c',
      'cp "$1"/*.mod "$1"/moddep.lst "$2"',
      '-',
      grubModules(platform),
      join(boot, 'grub2', platform),
    ]);
  }
}

/**
 * Makes a disk image start from BIOS: 440 bytes of boot.img in the first sector, the core image in the BIOS-BOOT partition.
 * Three fields are what grub-install would set: where the core starts (0x5c), "the disk number is right" (two NOPs at
 * 0x66), and the block list at the end of the core's first sector.
 */
export async function writeBiosBootCode(image: string, core: string, partitionStart: number): Promise<void> {
  const code = await readFile(core);
  const sectors = Math.ceil((code.length - 512) / 512);
  code.writeBigUInt64LE(BigInt(partitionStart + 1), 500);
  code.writeUInt16LE(sectors, 508);
  code.writeUInt16LE(0x820, 510);
  const first = (await readFile(join(grubModules('i386-pc'), 'boot.img'))).subarray(0, 440);
  first.writeBigUInt64LE(BigInt(partitionStart), 0x5c);
  first.fill(0x90, 0x66, 0x68);
  const file = await open(image, 'r+');
  try {
    await file.write(first, 0, 440, 0);
    await file.write(code, 0, code.length, partitionStart * 512);
  } finally {
    await file.close();
  }
}
