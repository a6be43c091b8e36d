import { againstMultipath } from '../../../internal/disk/disk.ts';
import { eachOf } from '../../../internal/host/each-of.ts';
import { requireBootSpace } from '../../../internal/ostree/boot-space.ts';
import { deploy, findDeployment, removeUnfinished } from '../../../internal/ostree/deploy.ts';
import { refName } from '../../../internal/ostree/refs.ts';
import { initStateroot } from '../../../internal/ostree/stateroot.ts';
import { takeOver } from '../../../internal/ostree/take-over.ts';
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
    const { host, target, seed, disk } = ibi;
    const staging = stagingAt(stagingFolder(target));
    const { commit, kernelArguments, bootBytes } = await seedOnDisk(ibi);
    io.say(await requireBootSpace(target.root, bootBytes));
    const takeRepository = async (): Promise<void> => {
      const { refs, commits, missing } = await takeOver(host, target.root, staging.repository, commit);
      io.say(`${refs.length} refs and ${commits} commits of the seed's repository taken over`);
      for (const ref of missing)
        io.warn(`ref "${refName(ref)}" of the seed is left out: its repository does not hold commit "${ref.commit}"`);
    };
    // The stateroot is made on the other processor meanwhile; the deployment finds it there.
    await eachOf([() => initStateroot(host, target.root, seed.stateroot), takeRepository], 2, (work) => work());
    const deployment = await deploy(host, { sysroot: target.root, stateroot: seed.stateroot, commit, kernelArguments });
    io.say(`deployment ${deployment.name} in stateroot "${seed.stateroot}"`);
    if (disk.paths !== undefined)
      for (const argument of againstMultipath(kernelArguments))
        io.warn(
          `kernel argument "${argument}" of the seed leads to one path instead of multipath device "${disk.name}"; continuing because the seed asks for it`,
        );
    for (const argument of kernelArguments) io.say(`kernel argument ${argument}`);
  },
};
