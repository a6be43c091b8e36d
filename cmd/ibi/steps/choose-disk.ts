import { describeDisk, inspectDisk, nameWarning, refuseUnsafe, resolveDisk } from '../../../internal/disk/disk.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { leastDiskBytes } from '../needs.ts';

export const chooseDisk: Step<Ibi> = {
  name: 'choose-disk',
  says: 'Find the one disk and see that it may be erased',
  run: async (ibi, io) => {
    const { host, config } = ibi;
    const disk = await resolveDisk(host, config.installationDisk, { minimumBytes: leastDiskBytes, say: io.say });
    ibi.find('disk', disk);
    io.say(describeDisk(disk));
    for (const name of disk.byId) io.say(`also known as ${name}`);
    const doubt = nameWarning(disk);
    if (doubt !== undefined) io.warn(doubt);
    const inspection = await inspectDisk(host, disk, { coreosInstallerArgs: config.coreosInstallerArgs });
    for (const note of inspection.notes) io.say(note);
    refuseUnsafe(inspection);
  },
};
