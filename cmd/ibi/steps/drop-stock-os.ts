import { dropOtherDeployments, standsAlone } from '../../../internal/ostree/undeploy.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { seedOnDisk } from '../seed-on-disk.ts';

export const dropStockOs: Step<Ibi> = {
  name: 'drop-stock-os',
  says: 'Remove the operating system that came with the image',
  inputs: ({ seed }) => [seed.installId],
  isDone: async (ibi) =>
    standsAlone(ibi.target.root, { stateroot: ibi.seed.stateroot, commit: (await seedOnDisk(ibi)).commit }),
  run: async (ibi, io) => {
    const { commit } = await seedOnDisk(ibi);
    for (const fact of await dropOtherDeployments(ibi.host, ibi.target.root, { stateroot: ibi.seed.stateroot, commit }))
      io.say(fact);
  },
};
