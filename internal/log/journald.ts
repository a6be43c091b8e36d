import type { ProgressEvent } from './progress.ts';

/**
 * Message ids of the events that a program may wait for in the journal (`journalctl MESSAGE_ID=…`). Random, fixed for ever.
 */
const messageIds = {
  step: 'c9f1a0b27d0b4b5f9f0a6c1e62d7a4f1',
  end: '5b0f4f4c8a5e4c7f8d1be0a7b3c99e20',
} as const;

/**
 * An event as an entry for `logger --journald`: `NAME=value` lines, or undefined for events that are too many for the
 * journal. Priority 7 (debug), because the sentence for people is logged beside it.
 */
export function journalEntry(program: string, event: ProgressEvent): string | undefined {
  const upper = program.replace(/[^A-Za-z0-9]/g, '_').toUpperCase();
  const line = (name: string, value: string | number | undefined): string =>
    value === undefined ? '' : `${name}=${String(value).replaceAll('\n', ' ')}\n`;
  switch (event.type) {
    case 'step':
      return [
        line('MESSAGE_ID', messageIds.step),
        line('MESSAGE', `step ${event.index}/${event.steps} ${event.step} ${event.state}`),
        line('PRIORITY', 7),
        line('SYSLOG_IDENTIFIER', program),
        line(`${upper}_STEP`, event.step),
        line(`${upper}_STATE`, event.state),
        line(`${upper}_DURATION_MS`, event.durationMs === undefined ? undefined : Math.round(event.durationMs)),
        line(`${upper}_REASON`, event.reason),
      ].join('');
    case 'end':
      return [
        line('MESSAGE_ID', messageIds.end),
        line('MESSAGE', `run ${event.state}`),
        line('PRIORITY', 7),
        line('SYSLOG_IDENTIFIER', program),
        line(`${upper}_STATE`, event.state),
        line(`${upper}_EXIT_CODE`, event.exitCode),
      ].join('');
    case 'start':
    case 'progress':
    case 'waiting':
      return undefined;
  }
}
