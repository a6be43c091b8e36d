import { Command, Option } from 'commander';
import { recertFields, type RecertKey } from '../../internal/config/recert-config-fields.ts';

export type RecertAction = 'run' | 'plan' | 'check-config' | 'status';

/** What a call of `recert` asks for. `flags` are values by configuration key, as far as given on the command line. */
export type RecertCall = {
  readonly action: RecertAction;
  readonly flags: Readonly<Record<string, string | readonly string[] | boolean | undefined>>;
  readonly json: boolean;
  readonly verbose: boolean;
};

const says: Readonly<Record<RecertAction, string>> = {
  run: 'renew (the default)',
  plan: 'say what a run would change; nothing is written',
  'check-config': 'check the configuration',
  status: 'say what the last run did, and whether it was cut off',
};

/**
 * The command line of `recert`. Options are made from the table of configuration keys, so that both routes know the same; a bare call
 * runs what `RECERT_CONFIG` names.
 */
export function recertCommand(onCall: (call: RecertCall) => Promise<void>): Command {
  const program = new Command('recert')
    .description(
      'Renews every key, certificate and token of a stopped single-node cluster.\nThe configuration is the file that RECERT_CONFIG names, or the flags of run.',
    )
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false);
  for (const action of ['run', 'plan', 'check-config', 'status'] as const) {
    const command = program.command(action, action === 'run' ? { isDefault: true } : {}).description(says[action]);
    if (action === 'status')
      command.addOption(new Option(`--${recertFields.state_dir.flag} <folder>`, recertFields.state_dir.says));
    else for (const option of configurationOptions()) command.addOption(option);
    command.option('--json', 'print JSON').option('-v, --verbose', 'print every command');
    command.action(async () => {
      const given = command.opts<Record<string, string | string[] | boolean | undefined>>();
      const flags: Record<string, string | string[] | boolean> = {};
      for (const [name, key] of Object.entries(keysByOption)) if (given[name] !== undefined) flags[key] = given[name];
      await onCall({ action, flags, json: given['json'] === true, verbose: given['verbose'] === true });
    });
  }
  return program;
}

/** Options of commander, by the name that it gives their value (`cryptoDir`), with their configuration key. */
const keysByOption: Readonly<Record<string, RecertKey>> = Object.fromEntries(
  Object.entries(recertFields).map(([key, { flag }]) => [new Option(`--${flag}`).attributeName(), key as RecertKey]),
); // Object.entries forgets the keys' type

function configurationOptions(): Option[] {
  return Object.values(recertFields).map((field) => {
    const { flag, value, says: text } = field;
    const help = text.replaceAll(/\*\*|`/g, '');
    if (value === undefined) return new Option(`--${flag}`, help);
    const option = new Option(
      `--${flag} <${value}>`,
      ['texts', 'secrets', 'texts-or-text'].includes(field.kind) ? `${help}; may be repeated` : help,
    );
    // Not variadic: a value may begin with a dash, and what follows it must not be swallowed.
    return ['texts', 'secrets', 'texts-or-text'].includes(field.kind)
      ? option.argParser((one: string, before: string[] | undefined) => [...(before ?? []), one])
      : option;
  });
}
