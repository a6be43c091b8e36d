import { join } from 'node:path';
import { Failure } from '../../../internal/errors/errors.ts';
import { findDeployment } from '../../../internal/ostree/deploy.ts';
import { reach, reached, readRecord } from '../../../internal/seal/record.ts';
import { openArchiveTar } from '../../../internal/seed/archive-tar.ts';
import { applyDeletions, placeVar, restoreEtc, restoreOrigin } from '../../../internal/seed/restore.ts';
import { stagingAt } from '../../../internal/seed/staging.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { places } from '../places.ts';
import { seedOnDisk } from '../seed-on-disk.ts';
import { stagingFolder } from '../written.ts';

export const restoreState: Step<Ibi> = {
  name: 'restore-state',
  says: 'Restore /var, /etc and the origin of the seed',
  inputs: ({ seed }) => [seed.installId],
  isDone: async ({ target, seed }) => reached(await readRecord(target.root), 'restored', seed.installId),
  run: async (ibi, io) => {
    const { host, target, seed } = ibi;
    const staging = stagingAt(stagingFolder(target));
    const { commit } = await seedOnDisk(ibi);
    const deployment = await findDeployment(target.root, seed.stateroot, commit);
    if (deployment === undefined)
      throw new Failure(`stateroot "${seed.stateroot}" has no deployment of commit "${commit}"`, {
        next: 'deploy it: ibi run --from deploy-seed',
      });
    await using tar = await openArchiveTar(host, io.say);
    await restoreOrigin(staging, deployment.path, seed.image.pinned);
    await placeVar(staging, join(target.root, 'ostree/deploy', seed.stateroot));
    await restoreEtc(tar, staging, deployment.path);
    const removed = await applyDeletions(await staging.member('etc.deletions'), deployment.path);
    io.say(`/var and /etc restored, ${removed} of the seed's deletions applied`);
    await host.writeFile(places.containersList, await staging.member('containers.list'));
    await host.writeFile(places.seedManifest, await staging.member('manifest.json'));
    await host.run('sync', ['-f', target.root], { budgetMs: 20 * 60_000 });
    await reach(host, target.root, 'restored', seed.installId);
  },
};
