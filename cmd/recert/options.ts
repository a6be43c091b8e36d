import { optionalText, type Flag, type FlagsFor, type Given } from '../../internal/cli/flags.ts';
import { recertFields, type RecertKey } from '../../internal/config/recert-config-fields.ts';

/** What was given for each key of the configuration, as commander gives it; the configuration room reads it. */
export type ConfigurationValues = Readonly<Record<RecertKey, Given>>;

/** One option a key, made from the table of keys, so that file and command line know the same. */
export const configurationFlags = Object.fromEntries(
  Object.entries(recertFields).map(([key, field]) => [key, flagOf(field)]),
) as FlagsFor<ConfigurationValues>; // Object.fromEntries forgets the keys

function flagOf({ flag, value, says, kind }: (typeof recertFields)[RecertKey]): Flag<Given> {
  const help = says.replaceAll(/\*\*|`/g, '');
  if (value === undefined) return { flags: `--${flag}`, says: help, read: (given) => given };
  const repeats = kind === 'texts' || kind === 'secrets' || kind === 'texts-or-text';
  return {
    flags: `--${flag} <${value}>`,
    says: repeats ? `${help}; may be repeated` : help,
    ...(repeats ? { repeats } : {}),
    read: (given) => given,
  };
}

const { flag, says } = recertFields.state_dir;

export const statusFlags = { stateFolder: optionalText(`--${flag} <folder>`, says) } as const;
