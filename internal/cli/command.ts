import { CommanderError, type Command } from 'commander';
import { Failure, messageOf } from '../errors/errors.ts';
import type { Process } from './process.ts';

/**
 * Prepares a command description for one call: help to standard output, errors as one line to standard error, exit codes
 * of ours (2 for a wrong command line).
 */
export async function runCommand(command: Command, argv: readonly string[], own: Process): Promise<number> {
  prepare(command, own);
  try {
    await command.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    own.stderr(`${command.name()}: ${messageOf(error)}\n`);
    if (error instanceof Failure && error.next !== undefined) own.stderr(`next: ${error.next}\n`);
    return error instanceof Failure ? error.exitCode : 1;
  }
}

function prepare(command: Command, own: Process): void {
  command
    .exitOverride()
    .allowExcessArguments(false)
    .configureHelp({ helpWidth: 80 })
    .configureOutput({
      writeOut: own.stdout,
      writeErr: own.stderr,
      outputError: (text, write) => {
        write(`${rootOf(command).name()}: ${text.replace(/^error: /, '')}next: ${rootOf(command).name()} --help\n`);
      },
    });
  for (const sub of command.commands) prepare(sub, own);
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
