import { checkMachine as look } from '../../../internal/host/machine.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { neededPrograms } from '../needs.ts';

export const checkMachine: Step<Ibi> = {
  name: 'check-machine',
  says: 'Check programs, memory and rights of this machine',
  run: async (ibi, io) => {
    const facts = await look(ibi.host, {
      programs: neededPrograms(ibi.config),
      leastMemoryBytes: 700e6,
      comfortableMemoryBytes: 1500e6,
    });
    for (const warning of facts.warnings) io.warn(warning);
    io.say(facts.text);
  },
};
