import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';

export const powerOff: Step<Ibi> = {
  name: 'power-off',
  says: 'Shut the machine down',
  notWanted: ({ config }) => (config.shutdown ? undefined : 'the configuration does not ask for it'),
  run: async ({ host }) => {
    await host.run('shutdown', ['now']);
  },
};
