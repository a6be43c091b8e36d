import { messageOf } from '../../../internal/errors/errors.ts';
import { readTextIfPresent } from '../../../internal/host/files.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { places } from '../places.ts';

/** Before the identity: certificates made under a wrong clock stay wrong. A time server that is away stops nothing. */
export const timeServers: Step<PostPivot> = {
  name: 'time-servers',
  says: "Ask the site's time servers",
  inputs: ({ siteDigest }) => [siteDigest],
  notWanted: ({ site }) => (site.chrony_config === '' ? 'the site names none' : undefined),
  isDone: async ({ site }) => (await readTextIfPresent(places.chrony)) === site.chrony_config,
  run: async ({ host, site }, io) => {
    await host.writeFile(places.chrony, site.chrony_config, { mode: 0o644 });
    try {
      await host.run('systemctl', ['restart', 'chronyd'], { budgetMs: 2 * 60_000 });
    } catch (error) {
      io.warn(`chronyd does not restart: ${messageOf(error)}; continuing because the cluster does not wait for it`);
    }
  },
};
