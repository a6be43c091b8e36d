/**
 * The few kinds of failure that callers tell apart. Everything else is an ordinary `Error`.
 *
 * | class        | exit | meaning                                                        |
 * |--------------|------|----------------------------------------------------------------|
 * | Failure      | 1    | something did not work; `why` and `next` say more               |
 * | UsageError   | 2    | the command line or the configuration is wrong                  |
 * | Refusal      | 3    | it would work, and that is the danger                           |
 * | Interrupted  | 75   | told to stop; starting again continues                          |
 * | CommandError | 1    | a program of the host failed (carries the command and its talk) |
 */

/** What a failure may tell beside its message. All are sentences without final period, free of secrets. */
export type FailureDetails = {
  /** The cause as far as it is known. */
  readonly why?: string;
  /** What the person should do now; names our own commands. */
  readonly next?: string;
  /** True when the same attempt may succeed later (network, registry); decides retries and exit codes. */
  readonly transient?: boolean;
  readonly cause?: unknown;
};

/** A failure that a person reads: state first, wish second, values in quotes. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  readonly exitCode: number = 1;
  readonly why: string | undefined;
  readonly next: string | undefined;
  readonly transient: boolean;

  constructor(what: string, details: FailureDetails = {}) {
    super(what, 'cause' in details ? { cause: details.cause } : undefined);
    this.why = details.why;
    this.next = details.next;
    this.transient = details.transient ?? false;
  }
}

/** Wrong command line or configuration (exit 2). Nothing was changed. */
export class UsageError extends Failure {
  override readonly name = 'UsageError';
  override readonly exitCode = 2;
}

/** Refused for safety (exit 3). Nothing was changed. */
export class Refusal extends Failure {
  override readonly name = 'Refusal';
  override readonly exitCode = 3;
}

/** Stopped on request (exit 75): a later run continues. */
export class Interrupted extends Failure {
  override readonly name = 'Interrupted';
  override readonly exitCode = 75;
}

/** How a program ended. */
export type CommandEnd =
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'budget'; readonly budgetMs: number }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'not-started'; readonly reason: string };

/** A program of the host failed. `message` is one line; `stderrTail` holds its last words, redacted. */
export class CommandError extends Failure {
  override readonly name = 'CommandError';
  readonly command: string;
  readonly end: CommandEnd;
  readonly stderrTail: string;
  readonly stdoutTail: string;

  constructor(command: string, end: CommandEnd, stderrTail: string, stdoutTail: string, details: FailureDetails = {}) {
    super(`${command.split(' ', 1)[0] ?? command}: ${describeEnd(end)}${lastWords(stderrTail)}`, details);
    this.command = command;
    this.end = end;
    this.stderrTail = stderrTail;
    this.stdoutTail = stdoutTail;
  }
}

/** "exit status 4", "killed by SIGKILL", "gave no sign of life for 300 s". */
export function describeEnd(end: CommandEnd): string {
  switch (end.kind) {
    case 'exit':
      return `exit status ${end.status}`;
    case 'signal':
      return `killed by ${end.signal}`;
    case 'budget':
      return `did not finish within ${(end.budgetMs / 1000).toFixed(end.budgetMs < 10_000 ? 1 : 0)} s`;
    case 'stopped':
      return 'stopped on request';
    case 'not-found':
      return 'program not found on this machine';
    case 'not-started':
      return `could not be started: ${end.reason}`;
  }
}

function lastWords(stderr: string): string {
  const line = stderr
    .split('\n')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .at(-1);
  return line === undefined ? '' : `: ${line}`;
}

/** True for "no such file or directory", whichever layer reports it. */
export function isNotFound(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

/** The errno name of a system error, if it is one. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** True when trying again later can help. */
export function isTransient(error: unknown): boolean {
  return error instanceof Failure && error.transient;
}

/** The message of anything thrown, never empty. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  const text = String(error);
  return text === '' ? 'unknown error' : text;
}
