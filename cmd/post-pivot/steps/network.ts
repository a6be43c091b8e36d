import { layConnections } from '../../../internal/network/connections.ts';
import { applyNmstate } from '../../../internal/network/nmstate.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { isMarked, mark } from '../marker.ts';
import { places } from '../places.ts';

/** nmstate is applied once: applying it again on a host whose services have built on it fails (MGMT-18910). */
export const network: Step<PostPivot> = {
  name: 'network',
  says: "Set up the site's network",
  inputs: ({ siteDigest }) => [siteDigest],
  run: async ({ host, site }, io) => {
    const laid = await layConnections(host, places.site.connections);
    if (laid > 0) io.say(`${laid} connection ${laid === 1 ? 'profile' : 'profiles'} of the site laid down`);
    const isFirst = !(await isMarked('apply-static-network'));
    if (isFirst && site.raw_nm_state_config.reveal().trim() !== '') {
      await applyNmstate(host, places.site.nmstate, site.raw_nm_state_config);
      io.say('the network configuration of the site is applied');
    }
    if (isFirst || laid > 0)
      await host.run('systemctl', ['restart', 'NetworkManager.service'], { budgetMs: 2 * 60_000 });
    await mark(host, 'apply-static-network');
  },
};
