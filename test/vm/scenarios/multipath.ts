import assert from 'node:assert/strict';
import { liveIsoIgnition, type LiveIsoWishes } from '../../../ignition/live-iso.ts';
import { multipathConfiguration, startMultipath } from '../artefacts/multipath.ts';
import { beforeInstallation } from '../ignition.ts';
import type { Scenario } from '../scenario.ts';
import { sectionOf } from '../sections.ts';

/** What a person does before the installation begins, or `rd.multipath=default` does on RHCOS. */
const joinPaths = beforeInstallation(
  'lab-paths.service',
  'join the paths to one disk',
  `${startMultipath}; lsblk -rno NAME,TYPE | sed 's/^/LAB-PATH /'`,
);

async function ignition(wishes: LiveIsoWishes): Promise<unknown> {
  const document = await liveIsoIgnition(wishes);
  const source = `data:,${encodeURIComponent(multipathConfiguration)}`;
  return {
    ...document,
    storage: {
      ...document.storage,
      files: [...document.storage.files, { path: '/etc/multipath.conf', mode: 0o644, contents: { source } }],
    },
    systemd: { units: [...document.systemd.units, joinPaths] },
  };
}

/** The lab's initramfs has no multipath, so the boot entry is read and the disk is proven in a container. */
export const multipath: Scenario = {
  name: 'multipath',
  says: 'a disk on two paths, installed through /dev/mapper/mpatha',
  paths: 2,
  boot: { ignition, config: { installationDisk: '/dev/mapper/mpatha' } },
  assert(_stage, proof, [installation]) {
    assert.match(installation?.console ?? '', /LAB-PATH mpatha mpath/);
    assert.match(
      sectionOf(installation?.sections ?? new Map(), 'journal'),
      /mpatha: "QEMU HARDDISK".*, 2 paths: \/dev\/sd/,
    );
    const [options = ''] = sectionOf(proof?.sections ?? new Map(), 'entries')
      .split('\n')
      .filter((line) => line.startsWith('options '));
    for (const argument of ['rd.multipath=default', 'root=/dev/disk/by-label/dm-mpath-root', 'rw'])
      assert.equal(
        options.split(' ').filter((word) => word === argument).length,
        1,
        `"${argument}" once in: ${options}`,
      );
  },
};
