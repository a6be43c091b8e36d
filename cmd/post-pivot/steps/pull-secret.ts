import { UsageError } from '../../../internal/errors/errors.ts';
import { readTextIfPresent } from '../../../internal/host/files.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { isMarked, mark } from '../marker.ts';
import { places } from '../places.ts';
import { refuseTaken } from './take-site.ts';

export const pullSecret: Step<PostPivot> = {
  name: 'pull-secret',
  says: "Set the site's pull secret",
  inputs: ({ siteDigest }) => [siteDigest],
  isDone: async ({ site }) =>
    (await isMarked('pull-secret')) && (await readTextIfPresent(places.pullSecret)) === site.pull_secret.reveal(),
  run: async (pivot) => {
    const { host, site } = pivot;
    if (site.pull_secret.reveal() === '') {
      const error = new UsageError('pull secret was not provided', { next: 'give pull_secret in the site manifest' });
      await refuseTaken(pivot, error);
      throw error;
    }
    await host.writeFile(places.pullSecret, site.pull_secret.reveal());
    await mark(host, 'pull-secret');
  },
};
