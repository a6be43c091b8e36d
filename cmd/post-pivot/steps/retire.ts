import { removeTree } from '../../../internal/host/remove.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { writeFinished } from '../finished.ts';
import { places } from '../places.ts';

/**
 * The record first: from then on the host is finished, whatever comes between. Then the unit, then the config with its secrets and the seed's
 * data.
 */
export const retire: Step<PostPivot> = {
  name: 'retire',
  says: 'Remove the site config with its secrets, and disable this program',
  run: async (pivot) => {
    const { host } = pivot;
    for (const { end } of pivot.beside) end();
    await writeFinished(host, pivot.site);
    await host.run('systemctl', ['disable', places.unit]);
    await removeTree(host, places.site.work);
    await removeTree(host, places.seedData); // last: what is left of them says that the rest is to be ended
  },
};
