import { settleHostName } from '../../../internal/network/host-name.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';

export const hostName: Step<PostPivot> = {
  name: 'host-name',
  says: 'Name the host',
  inputs: ({ siteDigest }) => [siteDigest],
  run: async ({ host, site }, io) => {
    io.say(`this host is "${await settleHostName(host, site.hostname)}"`);
  },
};
