import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';

export const readSite: Step<PostPivot> = {
  name: 'read-site',
  says: 'Read what the site asks for',
  run: async ({ site, siteWarnings }, io) => {
    for (const warning of siteWarnings) io.warn(warning);
    io.say(`site "${site.cluster_name}.${site.base_domain}"${site.hostname === '' ? '' : `, node "${site.hostname}"`}`);
    return Promise.resolve();
  },
};
