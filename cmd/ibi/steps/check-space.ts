import { readTable, startSector, parseStart } from '../../../internal/disk/disk.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { requireRoom } from '../needs.ts';

export const checkSpace: Step<Ibi> = {
  name: 'check-space',
  says: 'See that the seed will fit between the partitions',
  run: async (ibi, io) => {
    const { config, disk, host, seed } = ibi;
    const seedBytes = seed.image.layers.reduce((sum, layer) => sum + layer.size, 0);
    const begins = config.useContainersFolder
      ? disk.sizeBytes
      : startSector(parseStart(config.extraPartitionStart), disk, await readTable(host, disk)) * disk.sectorBytes;
    for (const fact of requireRoom({ seedBytes, rootEndsAtBytes: begins, diskBytes: disk.sizeBytes })) io.say(fact);
  },
};
