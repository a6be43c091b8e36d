import { action, runProgram, type AnyAction, type Call, type Program } from '../../internal/cli/program.ts';
import { configurationFlags, statusFlags, type ConfigurationValues } from './options.ts';

/** An action that works by the configuration, whichever way it is given. */
function configured(
  says: string,
  work: (call: Call<ConfigurationValues>) => Promise<number>,
  more: { readonly isDefault?: true } = {},
): AnyAction {
  return action({ says, ...more, flags: configurationFlags, run: work });
}

/** The command line of `recert`. A bare call runs what `RECERT_CONFIG` names. */
export const recert: Program = {
  name: 'recert',
  describes:
    'Renews every key, certificate and token of a stopped single-node cluster.\nThe configuration is the file that RECERT_CONFIG names, or the flags of run.',
  actions: {
    run: configured('renew (the default)', async (call) => (await import('./run.ts')).run(call), { isDefault: true }),
    plan: configured('say what a run would change; nothing is written', async (call) =>
      (await import('./plan.ts')).plan(call),
    ),
    'check-config': configured('check the configuration', async (call) =>
      (await import('./check-config.ts')).checkConfig(call),
    ),
    status: action({
      says: 'say what the last run did, and whether it was cut off',
      flags: statusFlags,
      run: async (call) => (await import('./status.ts')).status(call),
    }),
  },
};

export const main = (argv: readonly string[], version: string, calledAs?: string): Promise<number> =>
  runProgram(recert, argv, version, calledAs);
