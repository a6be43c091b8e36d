import { releaseDisk as release } from '../../../internal/disk/disk.ts';
import type { Step } from '../../../internal/steps/step.ts';
import { isWritten } from '../written.ts';
import type { Ibi } from '../context.ts';

export const releaseDisk: Step<Ibi> = {
  name: 'release-disk',
  says: 'Take the disk out of use and wipe its signatures',
  inputs: ({ seed, disk }) => [seed.installId, disk.serial, disk.sizeBytes],
  notWanted: ({ config }) => (config.skipDiskCleanup ? 'the configuration says skipDiskCleanup' : undefined),
  isDone: isWritten,
  run: async ({ host, disk, config }, io) => {
    await release(host, disk, { coreosInstallerArgs: config.coreosInstallerArgs, say: io.say });
  },
};
