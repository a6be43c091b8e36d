import { readTextIfPresent } from '../../../internal/host/files.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { isMarked, mark } from '../marker.ts';
import { places } from '../places.ts';

export const volumes: Step<PostPivot> = {
  name: 'volumes',
  says: 'Activate logical volumes',
  isDone: () => isMarked('recover_lvm_devices'),
  run: async ({ host }) => {
    const devices = await readTextIfPresent(places.site.volumes);
    if (devices !== undefined) await host.writeFile(places.volumes, devices);
    await host.run('pvscan', ['--cache', '--activate', 'ay'], { budgetMs: 5 * 60_000 });
    await mark(host, 'recover_lvm_devices');
  },
};
