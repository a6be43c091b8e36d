import { addPartition, derivedUuid, formatPartition, growRoot, parseStart } from '../../../internal/disk/disk.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';

/** Runs each time: every part of it finds its own finished result, by UUIDs that are derived from the installation. */
export const layOutStorage: Step<Ibi> = {
  name: 'lay-out-storage',
  says: 'Make the container storage partition and grow the root partition',
  run: async ({ host, disk, config, seed }, io) => {
    if (!config.useContainersFolder) {
      const uuids = {
        partUuid: derivedUuid(seed.installId, 'containers-partition'),
        fsUuid: derivedUuid(seed.installId, 'containers-file-system'),
      };
      const partition = await addPartition(
        host,
        disk,
        {
          start: parseStart(config.extraPartitionStart),
          label: config.extraPartitionLabel,
          number: config.extraPartitionNumber,
          partUuid: uuids.partUuid,
        },
        io.say,
      );
      await formatPartition(host, disk, partition, uuids, io.say);
    }
    await growRoot(host, disk, io.say);
  },
};
