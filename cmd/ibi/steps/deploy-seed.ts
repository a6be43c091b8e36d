import { requireBootSpace } from '../../../internal/ostree/boot-space.ts';
import { deploy, findDeployment, pullLocal, removeUnfinished } from '../../../internal/ostree/deploy.ts';
import { stagingAt } from '../../../internal/seed/staging.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { seedOnDisk } from '../seed-on-disk.ts';
import { stagingFolder } from '../written.ts';

export const deploySeed: Step<Ibi> = {
  name: 'deploy-seed',
  says: 'Deploy the seed as a new stateroot',
  inputs: ({ seed }) => [seed.installId],
  isDone: async (ibi) => {
    const { commit } = await seedOnDisk(ibi);
    return (await findDeployment(ibi.target.root, ibi.seed.stateroot, commit)) !== undefined;
  },
  recover: ({ host, target, seed }) => removeUnfinished(host, target.root, seed.stateroot),
  run: async (ibi, io) => {
    const { host, target, seed } = ibi;
    const staging = stagingAt(stagingFolder(target));
    const { commit, kernelArguments } = await seedOnDisk(ibi);
    const room = requireBootSpace(host, target.root, staging.repository, commit); // while the pull reads the same objects
    room.catch(() => undefined); // told below
    await pullLocal(host, target.root, staging.repository, commit);
    io.say(await room);
    const deployment = await deploy(host, { sysroot: target.root, stateroot: seed.stateroot, commit, kernelArguments });
    io.say(`deployment ${deployment.name} in stateroot "${seed.stateroot}"`);
    for (const argument of kernelArguments) io.say(`kernel argument ${argument}`);
  },
};
