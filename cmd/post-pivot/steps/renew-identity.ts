import { readFile } from 'node:fs/promises';
import { imageInPod } from '../../../internal/config/static-pod.ts';
import { runEtcd } from '../../../internal/etcd/in-container.ts';
import { updateTrust } from '../../../internal/host/trust.ts';
import type { Stage } from '../../../internal/recert/stages.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { keepExpiry } from '../expiry.ts';
import { prepareRecert } from '../identity.ts';
import { isMarked, mark } from '../marker.ts';
import { places } from '../places.ts';

/**
 * New keys, certificates and tokens, and the site's names and addresses, in etcd and on the disk, all or nothing: recert repairs what a run
 * that was cut off has left. The marker is written at once; trust is not part of it.
 */
export const renewIdentity: Step<PostPivot> = {
  name: 'renew-identity',
  says: "Give the cluster its site's identity",
  inputs: ({ siteDigest }) => [siteDigest],
  isDone: () => isMarked('recert'),
  run: async (pivot, io) => {
    const { host } = pivot;
    const { recert } = await import('../../../internal/recert/recert.ts');
    const { stages } = await import('../../../internal/recert/stages.ts');
    const config = await prepareRecert(pivot, io);
    const image = imageInPod(await readFile(places.etcdPod, 'utf8'), 'etcd', places.etcdPod);
    {
      await using _etcd = await runEtcd(
        host,
        { image, dataFolder: places.etcdData, authFile: places.pullSecret },
        io.waiting,
      );
      const tell = {
        stage: (stage: Stage) => {
          io.say(`${stage}: ${stages[stage]}`);
        },
        say: io.say,
        warn: io.warn,
      };
      const outcome = await recert(host, config, tell, { keys: await pivot.takeKeys() });
      await keepExpiry(host, outcome);
      await mark(host, 'recert');
    }
    await updateTrust(host);
  },
};
