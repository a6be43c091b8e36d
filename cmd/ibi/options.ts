import { Command } from 'commander';
import { UsageError } from '../../internal/errors/errors.ts';
import { places } from './context.ts';

/** What a call of `ibi` asks for. */
export type IbiCall = {
  readonly action: 'run' | 'plan' | 'status' | 'disks' | 'timeline' | 'check-config' | 'gather';
  readonly file: string;
  readonly authFile: string;
  readonly reinstall: boolean;
  readonly from?: string;
  readonly only?: string;
  readonly again?: string;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly progressFd?: string;
  /** Seconds without an answer after which a registry is given up. */
  readonly giveUpAfter: number;
  readonly svg?: string;
  /** Positional argument: what to draw, where to write. */
  readonly path?: string;
};

type Parsed = {
  configurationFile?: string;
  authfile?: string;
  reinstallFinishedDisk?: boolean;
  from?: string;
  only?: string;
  again?: string;
  json?: boolean;
  verbose?: boolean;
  progressFd?: string;
  giveUpAfter?: string;
  svg?: string;
};

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new UsageError(`--give-up-after "${text}" is not a number of seconds`, {
      next: 'give a number, for example 600',
    });
  return value;
}

/**
 * The command line of `ibi`: one description for parsing and help. A bare call runs the installation; the reference's flags
 * (`-f`, `-v`, `-c`) stay valid everywhere.
 */
export function ibiCommand(
  env: Readonly<Record<string, string | undefined>>,
  onCall: (call: IbiCall) => Promise<void>,
): Command {
  const program = new Command('ibi')
    .description('Installs single-node OpenShift from a seed image onto one disk.')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false);
  const add = (
    action: IbiCall['action'],
    says: string,
    kind: 'install' | 'look',
    argument?: [string, string],
  ): void => {
    const command = program.command(action, action === 'run' ? { isDefault: true } : {}).description(says);
    command.option(
      '-f, --configuration-file <file>',
      'the configuration, YAML or JSON',
      env['IBI_CONFIGURATION_FILE'] ?? '',
    );
    if (kind === 'install') {
      command
        .option('--authfile <file>', 'pull secret', env['PULL_SECRET_FILE'] ?? places.pullSecret)
        .option('--from <step>', 'start at this step')
        .option('--only <step>', 'run this step alone')
        .option('--again <step>', 'run this step although it is done')
        .option('--give-up-after <seconds>', 'how long to wait for a registry that is away', '600')
        .option('--progress-fd <n>', 'write progress as JSON lines to this descriptor')
        .option('--reinstall-finished-disk', 'erase a disk that this configuration finished');
    }
    if (action === 'timeline') command.option('--svg <file>', 'write the drawing to this file');
    if (argument !== undefined) command.argument(...argument);
    command
      .option('--json', 'print JSON')
      .option('-v, --verbose', 'print every command')
      .option('-c, --no-color', 'accepted; there is no colour');
    command.action(async (...parts: unknown[]) => {
      const given = command.opts<Parsed>();
      const path = argument !== undefined && typeof parts[0] === 'string' ? parts[0] : undefined;
      await onCall({
        action,
        file: given.configurationFile ?? '',
        authFile: given.authfile ?? places.pullSecret,
        reinstall: given.reinstallFinishedDisk === true,
        giveUpAfter: seconds(given.giveUpAfter ?? '600'),
        json: given.json === true,
        verbose: given.verbose === true,
        ...(given.from === undefined ? {} : { from: given.from }),
        ...(given.only === undefined ? {} : { only: given.only }),
        ...(given.again === undefined ? {} : { again: given.again }),
        ...(given.progressFd === undefined ? {} : { progressFd: given.progressFd }),
        ...(given.svg === undefined ? {} : { svg: given.svg }),
        ...(path === undefined ? {} : { path }),
      });
    });
  };
  add('run', 'install (the default)', 'install');
  add('plan', 'say what a run would do; nothing is changed', 'install');
  add('status', 'say what the current or last run does or did', 'look');
  add('check-config', 'check the configuration file', 'look');
  add('disks', 'list the disks of this machine', 'look');
  add('timeline', 'draw the times of a run', 'look', ['[source]', 'timeline.json, journal.json or a finished disk']);
  add('gather', 'collect evidence in one redacted archive', 'look', ['[archive]', 'file to write']);
  return program;
}
