import { flowActions } from '../../internal/cli/flow-actions.ts';
import { requiredText } from '../../internal/cli/flags.ts';
import { runProgram, sessionAction, type Program } from '../../internal/cli/program.ts';
import { flags, runFlags } from './options.ts';

/** The command line of `post-pivot`. A bare call runs it. */
export const postPivot: Program = {
  name: 'post-pivot',
  describes: "Turns the copied seed of this host into its site's cluster.",
  actions: {
    ...flowActions({
      runSays: 'wait for the site config and carry it out',
      flags,
      runFlags,
      load: async () => (await import('./reconfiguration.ts')).reconfiguration,
    }),
    'check-config': sessionAction({
      says: 'check a site config beforehand, on any machine',
      argument: ['[config]', 'folder or config ISO'],
      flags: { seedManifest: requiredText('--seed-manifest <file>', 'manifest.json of the seed') },
      run: async (session, call) => (await import('./check-config.ts')).checkConfig(session, call),
    }),
  },
};

export const main = (argv: readonly string[], version: string, calledAs?: string): Promise<number> =>
  runProgram(postPivot, argv, version, calledAs);
