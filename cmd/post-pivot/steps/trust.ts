import { readTextIfPresent } from '../../../internal/host/files.ts';
import { updateTrust } from '../../../internal/host/trust.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { places } from '../places.ts';

/** Before the identity: an image that it needs may come from a registry that only the site's certificates vouch for. */
export const trust: Step<PostPivot> = {
  name: 'trust',
  says: "Trust the site's certificates",
  inputs: ({ siteDigest }) => [siteDigest],
  notWanted: ({ site }) =>
    site.additionalTrustBundle.userCaBundle === '' ? 'the site brings no certificates' : undefined,
  isDone: async ({ site }) => {
    const bundle = site.additionalTrustBundle.userCaBundle;
    if ((await readTextIfPresent(places.trustAnchor)) !== bundle) return false;
    const [first] = /(?<=-----BEGIN CERTIFICATE-----\s+)\S{40}/.exec(bundle) ?? [];
    return first !== undefined && ((await readTextIfPresent(places.trustBundle)) ?? '').includes(first);
  },
  run: async ({ host, site }) => {
    await host.writeFile(places.trustAnchor, site.additionalTrustBundle.userCaBundle);
    await updateTrust(host);
  },
};
