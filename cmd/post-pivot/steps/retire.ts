import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { endWell, writeFinished } from '../finished.ts';

/** The record first: from then on the host is finished, whatever comes between, and a run that finds the record ends what is left. */
export const retire: Step<PostPivot> = {
  name: 'retire',
  says: 'Remove the site config with its secrets, and disable this program',
  run: async (pivot) => {
    const { host } = pivot;
    for (const { end } of pivot.beside) end();
    await writeFinished(host, pivot.site);
    await endWell(host);
  },
};
