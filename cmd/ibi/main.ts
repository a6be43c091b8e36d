import { flowActions } from '../../internal/cli/flow-actions.ts';
import { runProgram, sessionAction, type Program } from '../../internal/cli/program.ts';
import { flags, runFlags } from './options.ts';

/** The command line of `ibi`. A bare call runs the installation. */
export const ibi: Program = {
  name: 'ibi',
  describes: 'Installs single-node OpenShift from a seed image onto one disk.',
  actions: {
    ...flowActions({
      runSays: 'install',
      flags,
      runFlags,
      load: async () => (await import('./installation.ts')).installation,
    }),
    'check-config': sessionAction({
      says: 'check the configuration file',
      flags,
      run: async (session, call) => (await import('./look.ts')).checkConfig(session, call),
    }),
    disks: sessionAction({
      says: 'list the disks of this machine',
      flags,
      run: async (session, { json }) => (await import('./look.ts')).showDisks(session, json),
    }),
  },
};

export const main = (argv: readonly string[], version: string, calledAs?: string): Promise<number> =>
  runProgram(ibi, argv, version, calledAs);
