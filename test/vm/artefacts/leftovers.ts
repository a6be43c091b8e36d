import { join } from 'node:path';
import { bootMachine } from '../qemu.ts';
import { makeBlankDisk } from '../disks.ts';
import { run } from '../command.ts';
import { tempDir } from '../resources.ts';
import { ensure, type Artefact, type Say } from './cache.ts';
import { liveArguments } from './iso.ts';

export const withoutThinCheck = '--config \'global{thin_check_executable=""}\'';

/** What years of use leave on a disk: a volume group with a thin pool, a member of an array, swap. */
const script = `set -e
disk=/dev/disk/by-id/virtio-target
sfdisk --quiet $disk <<TABLE
label: gpt
size=1GiB, name=old-lvm
size=512MiB, name=old-raid
size=128MiB, name=old-swap
size=256MiB, name=boot
size=256MiB, name=root
TABLE
udevadm settle
modprobe -a dm-thin-pool raid1
pvcreate -q $disk-part1
vgcreate -q old $disk-part1
lvcreate -q ${withoutThinCheck} --type thin-pool -L 256M -n pool old
lvcreate -q ${withoutThinCheck} -V 128M --thin -n thin old/pool
lvcreate -q -L 64M -n plain old
mkfs.ext4 -q /dev/old/thin
mkfs.ext4 -q /dev/old/plain
mdadm --create /dev/md/old --quiet --level=1 --metadata=1.2 --raid-devices=2 --run $disk-part2 missing
mkfs.ext4 -q /dev/md/old
mkswap -q $disk-part3
mkfs.ext4 -q -L boot $disk-part4
vgchange -q -an old
mdadm --stop /dev/md/old
sync
echo LAB-LEFTOVERS-MADE
systemctl poweroff --force --force
`;

/** A used disk of 8 GiB. The host's kernel has neither device mapper nor MD, so a machine makes it. File: `disk.img`, sparse. */
export async function leftovers(
  parts: { iso: Artefact; kernel: { file: string; initrd: string } },
  say: Say,
): Promise<Artefact> {
  return ensure(
    {
      name: 'leftovers',
      sources: [import.meta.url],
      from: [parts.iso],
      async build(dir) {
        await using work = await tempDir('leftovers');
        const disk = await makeBlankDisk(work.path, 'target');
        await using machine = await bootMachine({
          dir: join(work.path, 'boot'),
          firmware: 'bios',
          iso: parts.iso.path('live.iso'),
          disks: [disk],
          script,
          kernel: { ...parts.kernel, arguments: liveArguments },
          failure: /LAB-INITRD-FAIL|Kernel panic|Failed to start lab-run/,
        });
        await machine.waitFor(/LAB-LEFTOVERS-MADE/, 400_000);
        await machine.waitForPowerOff(60_000);
        await run('cp', ['--sparse=always', disk.file, join(dir, 'disk.img')]);
      },
    },
    say,
  );
}
