import { UsageError } from '../../internal/errors/errors.ts';

/** How much is told while a run works. Failures are always told. */
export type LogLevel = 'error' | 'warning' | 'info' | 'debug';

const levels: Readonly<Record<string, LogLevel>> = {
  error: 'error',
  warn: 'warning',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
};

/** The level that RECERT_LOG_LEVEL names, in any case; `-v` asks for the most. */
export function logLevel(text: string | undefined, verbose: boolean): LogLevel {
  const found = text === undefined ? 'info' : levels[text.toLowerCase()];
  if (found === undefined)
    throw new UsageError(`RECERT_LOG_LEVEL "${text ?? ''}" is not a log level`, {
      next: `set it to one of ${Object.keys(levels).join(', ')}`,
    });
  return verbose ? 'debug' : found;
}

const order: readonly LogLevel[] = ['error', 'warning', 'info', 'debug'];

/** Whether a line of this severity is told. */
export const isTold = (severity: LogLevel, level: LogLevel): boolean => order.indexOf(severity) <= order.indexOf(level);
