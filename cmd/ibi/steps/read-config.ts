import { readIbiConfig } from '../../../internal/config/ibi-config.ts';
import { UsageError } from '../../../internal/errors/errors.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';

export const readConfig: Step<Ibi> = {
  name: 'read-config',
  says: 'Read and check the configuration',
  run: async (ibi, io) => {
    const { configurationFile: file, unknownKeys } = ibi.options;
    const { config, warnings } = await readIbiConfig({ file, unknownKeys }).catch((error: unknown) => {
      // The words that operators of the reference search for.
      throw error instanceof UsageError
        ? new UsageError(`Error reading configuration file: ${error.message}`, {
            ...(error.next === undefined ? {} : { next: error.next }),
            cause: error.cause,
          })
        : error;
    });
    for (const warning of warnings) io.warn(warning);
    ibi.find('config', config);
    io.say(`seed "${config.seedImage}", version ${config.seedVersion}, disk "${config.installationDisk}"`);
  },
};
