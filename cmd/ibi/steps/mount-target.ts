import { derivedUuid, growFileSystem, mountTarget as mount, relabelContainers } from '../../../internal/disk/disk.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { places } from '../places.ts';

/** Runs each time: later steps work on what it mounts. */
export const mountTarget: Step<Ibi> = {
  name: 'mount-target',
  says: 'Mount root, boot and container storage of this disk',
  run: async (ibi, io) => {
    const { host, disk, config, seed } = ibi;
    const containers = config.useContainersFolder
      ? 'folder'
      : { partUuid: derivedUuid(seed.installId, 'containers-partition') };
    const target = await mount(host, disk, { containers, root: places.root, containersAt: places.containers }, io.say);
    await growFileSystem(host, target.root, io.say);
    await relabelContainers(host, target, io.say);
    ibi.find('target', target);
  },
};
