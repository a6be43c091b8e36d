import assert from 'node:assert/strict';
import { join } from 'node:path';
import { liveIsoIgnition, type LiveIsoWishes } from '../../../ignition/live-iso.ts';
import { withoutThinCheck } from '../artefacts/leftovers.ts';
import { run } from '../command.ts';
import { contentDigest, copyDisk } from '../disks.ts';
import { install, type Installation } from '../live-boot.ts';
import type { VirtualDisk } from '../qemu-arguments.ts';
import { beforeInstallation } from '../ignition.ts';
import { attachLoop } from '../resources.ts';
import type { Scenario } from '../scenario.ts';
import { sectionOf } from '../sections.ts';
import type { Stage } from '../stage.ts';

/** Switches everything on before the installation begins, whatever rules the live system's udev has. */
const activate = beforeInstallation(
  'lab-activate.service',
  'switch on what is on the disks',
  `udevadm settle; modprobe -a dm-thin-pool raid1; vgchange ${withoutThinCheck.replaceAll('"', '\\"')} -ay old; mdadm --assemble --scan --run; swapon /dev/disk/by-partlabel/old-swap; udevadm settle; lsblk -rno NAME,TYPE | sed 's/^/LAB-ACTIVE /'`,
);

async function ignition(wishes: LiveIsoWishes): Promise<unknown> {
  const document = await liveIsoIgnition(wishes);
  return {
    ...document,
    systemd: {
      units: [...document.systemd.units, activate],
    },
  };
}

/** A second disk that looks like an installed one: same partition names, same labels, even the same file system UUIDs. */
async function lookAlike(stage: Stage): Promise<VirtualDisk> {
  const disk: VirtualDisk = { serial: 'other', file: join(stage.dir, 'other.img') };
  await run('zstd', ['-q', '-d', '--sparse', await stage.parts.metal(512, 'small'), '-o', disk.file]);
  await run('truncate', ['--size', '2G', disk.file]);
  await using loop = await attachLoop(disk.file);
  await run('sgdisk', ['-e', '-n5:0:0', '-c5:var-lib-containers', loop.device]);
  await loop.rescan();
  await run('mkfs.xfs', ['-q', '-f', loop.part(5)]);
  return disk;
}

async function story(stage: Stage): Promise<Installation[]> {
  await copyDisk(await stage.parts.leftovers(), stage.target.file);
  const other = await lookAlike(stage);
  const before = await contentDigest(other.file);
  const installation = await install(stage, { name: 'live', ignition, disks: [other] });
  assert.equal(await contentDigest(other.file), before, 'the other disk is unchanged');
  return [installation];
}

export const leftovers: Scenario = {
  name: 'leftovers',
  says: 'old LVM with a thin pool, an array and swap in use on the target; a look-alike disk beside it stays as it is',
  story,
  assert(_stage, _proof, [installation]) {
    for (const type of ['lvm', 'raid1'])
      assert.match(installation?.console ?? '', new RegExp(`LAB-ACTIVE \\S+ ${type}`), `${type} was switched on`);
    assert.doesNotMatch(sectionOf(installation?.sections ?? new Map(), 'disks'), /old-/);
  },
};
