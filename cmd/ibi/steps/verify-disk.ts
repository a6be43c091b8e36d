import { readBack } from '../../../internal/ostree/read-back.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { seedOnDisk } from '../seed-on-disk.ts';

/** Runs each time: nothing is sealed that was not read back in the same run. */
export const verifyDisk: Step<Ibi> = {
  name: 'verify-disk',
  says: 'Read back what the disk will boot',
  run: async (ibi, io) => {
    const { commit, kernelArguments } = await seedOnDisk(ibi);
    const read = await readBack(ibi.target.root, { stateroot: ibi.seed.stateroot, commit, kernelArguments });
    io.say(`boots deployment ${read.deployment.name} of stateroot "${read.deployment.stateroot}"`);
    io.say(`kernel sha256 ${read.kernel.sha256}, initramfs sha256 ${read.initramfs.sha256}`);
  },
};
