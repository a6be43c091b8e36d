import { optionalText, truth, type ValuesOf } from '../../internal/cli/flags.ts';

/** Options of every action. */
export const flags = {} as const;

export const runFlags = {
  inContainer: truth('--in-container', 'run programs of the host through nsenter'),
  configDir: optionalText('--config-dir <dir>', 'take the site config from this folder, not from a medium'),
} as const;

export type LookValues = object;
export type RunValues = ValuesOf<typeof runFlags>;
