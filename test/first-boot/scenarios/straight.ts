import type { Scenario } from '../scenario.ts';

export const straight: Scenario = {
  name: 'straight',
  says: 'the medium is there when the power comes',
};
