import { seconds, text, truth, type ValuesOf } from '../../internal/cli/flags.ts';
import { places } from './places.ts';

/** Options of every action; the reference's (`-f`, `-v`, `-c`) stay valid everywhere. */
export const flags = {
  configurationFile: text(
    '-f, --configuration-file <file>',
    'the configuration, YAML or JSON',
    '',
    'IBI_CONFIGURATION_FILE',
  ),
  noColor: truth('-c, --no-color', 'accepted; there is no colour'),
} as const;

export const runFlags = {
  ...flags,
  authFile: text('--authfile <file>', 'pull secret', places.pullSecret, 'PULL_SECRET_FILE'),
  giveUpAfter: seconds('--give-up-after <seconds>', 'how long to wait for a registry that is away', 600),
  reinstall: truth('--reinstall-finished-disk', 'erase a disk that this configuration finished'),
} as const;

export type LookValues = ValuesOf<typeof flags>;
export type RunValues = ValuesOf<typeof runFlags>;
