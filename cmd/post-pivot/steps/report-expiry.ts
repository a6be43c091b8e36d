import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { readExpiry } from '../expiry.ts';

export const reportExpiry: Step<PostPivot> = {
  name: 'report-expiry',
  says: 'Say how long the cluster may stay off',
  run: async (_pivot, io) => {
    const expiry = await readExpiry();
    if (expiry === undefined) io.say('the identity was made by another program; its dates are not known here');
    else
      io.say(
        `the first certificate to end is "${expiry.subject}", on ${expiry.end}; after a longer time without power the cluster needs a hand`,
      );
  },
};
