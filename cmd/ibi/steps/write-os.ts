import { writeImage } from '../../../internal/disk/disk.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { isWritten, signWritten } from '../written.ts';

export const writeOs: Step<Ibi> = {
  name: 'write-os',
  says: 'Write the operating system image',
  inputs: ({ seed, disk }) => [seed.installId, disk.serial, disk.sizeBytes],
  isDone: isWritten,
  run: async (ibi, io) => {
    await writeImage(ibi.host, ibi.disk, ibi.config.coreosInstallerArgs, {
      say: io.say,
      onProgress: (progress) =>
        io.progress({
          done: progress.doneBytes,
          unit: 'bytes',
          ...(progress.totalBytes === undefined ? {} : { total: progress.totalBytes }),
        }),
    });
    await signWritten(ibi);
  },
};
