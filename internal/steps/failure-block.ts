import { CommandError, Failure, UsageError, describeEnd, messageOf } from '../errors/errors.ts';

/** Where and in what a run failed. */
export type FailureReport = {
  readonly program: string;
  /** "step 7/16 network", or "start" before the first step. */
  readonly at: string;
  readonly error: unknown;
  /** The command that does the same again. */
  readonly again: string;
  /** Whether and how the machine was changed, in one sentence. */
  readonly leaves?: string;
  /** The command that collects evidence, if the program has one. */
  readonly details?: string;
};

/**
 * The last thing a failed run prints: what, why, command, next, details. One shape for all programs, so that a person
 * at night knows where to look. Lines never hold an empty value.
 */
export function failureBlock(report: FailureReport): string[] {
  const { error } = report;
  const causes = causesOf(error);
  const command = [error, ...causes].find((link) => link instanceof CommandError);
  const failure = error instanceof Failure ? error : undefined;
  // The last of many attempts says the same again; only what lies behind it is news.
  const news = causes.filter((cause) => messageOf(cause) !== messageOf(error));
  const why = [
    failure?.why,
    ...news.map((cause) =>
      cause instanceof Failure && cause.why !== undefined ? `${messageOf(cause)}; ${cause.why}` : messageOf(cause),
    ),
  ].filter((text) => text !== undefined);
  const next =
    failure?.next ??
    causes.map((cause) => (cause instanceof Failure ? cause.next : undefined)).find((text) => text !== undefined);
  return [
    `${report.program}: failed at ${report.at}`,
    `what:    ${messageOf(error)}`,
    ...unique(why)
      .filter((text) => text !== messageOf(error))
      .map((text) => `why:     ${text}`),
    ...(command === undefined ? [] : commandLines(command)),
    ...(report.leaves === undefined ? [] : [`leaves:  ${report.leaves}`]),
    `next:    ${next === undefined ? `${error instanceof UsageError ? 'correct it, then run' : 'run again'}: ${report.again}` : `${next}, then run: ${report.again}`}`,
    ...(report.details === undefined ? [] : [`details: ${report.details}`]),
  ];
}

function commandLines(command: CommandError): string[] {
  const talk = (command.stderrTail === '' ? command.stdoutTail : command.stderrTail)
    .split('\n')
    .filter((line) => line !== '')
    .slice(-6);
  return [
    `command: ${shorten(command.command)} (${describeEnd(command.end)}), ${talk.length === 0 ? 'it said nothing' : 'last lines below'}`,
    ...talk.map((line) => `         | ${line}`),
  ];
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 197)}…`;
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (
    let cause = error instanceof Error ? error.cause : undefined;
    cause !== undefined && causes.length < 5;
    cause = cause instanceof Error ? cause.cause : undefined
  )
    causes.push(cause);
  return causes;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
