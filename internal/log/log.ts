import { pino, destination as pinoDestination } from 'pino';
import { createRedactor, type Redactor } from './redact.ts';

/** Severities as syslog numbers, which systemd reads from a `<n>` prefix. */
const priorityOf = { error: 3, warning: 4, info: 6, debug: 7 } as const;

export type Severity = keyof typeof priorityOf;

/** Fields of an event: short machine-readable facts beside the sentence. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where events go: one line each for people, one JSON object each for machines. Nothing passes unredacted. */
export type Log = {
  readonly program: string;
  event(severity: Severity, text: string, fields?: Fields): void;
  info(text: string, fields?: Fields): void;
  warn(text: string, fields?: Fields): void;
  error(text: string, fields?: Fields): void;
  debug(text: string, fields?: Fields): void;
  /** Lines that belong together (the failure block): the program's name stands in front of the first only. */
  block(severity: Severity, lines: readonly string[]): void;
  /** Teaches the log a secret value, so that it can never appear. */
  conceal(value: string): void;
  clean(text: string): string;
};

export type LogOptions = {
  readonly program: string;
  /** Print debug lines as well. */
  readonly verbose?: boolean;
  /** True when systemd reads our output (`JOURNAL_STREAM`): lines carry a priority prefix. */
  readonly journal?: boolean;
  /** Gets each finished line, newline included. */
  readonly write: (line: string) => void;
  /** JSON lines go to this file, if given; the folder must exist. */
  readonly jsonFile?: string;
  readonly now?: () => Date;
};

/** Opens the log of a program. */
export function openLog(options: LogOptions): Log {
  const redactor: Redactor = createRedactor();
  const records = options.jsonFile === undefined ? undefined : openRecords(options.program, options.jsonFile);
  const prefix = (severity: Severity): string => (options.journal === true ? `<${priorityOf[severity]}>` : '');

  const emit = (severity: Severity, lines: readonly string[], fields: Fields): void => {
    const cleaned = lines.map((line) => escapeControls(redactor.clean(line)));
    records?.[recordLevel[severity]](cleanFields(fields, redactor), cleaned.join('\n'));
    if (severity === 'debug' && options.verbose !== true) return;
    for (const line of cleaned) options.write(`${prefix(severity)}${line}\n`);
  };
  const event = (severity: Severity, text: string, fields: Fields = {}): void => {
    emit(severity, [`${options.program}: ${severity === 'warning' ? 'warning: ' : ''}${text}`], fields);
  };

  return {
    program: options.program,
    event,
    info: (text, fields) => {
      event('info', text, fields);
    },
    warn: (text, fields) => {
      event('warning', text, fields);
    },
    error: (text, fields) => {
      event('error', text, fields);
    },
    debug: (text, fields) => {
      event('debug', text, fields);
    },
    block: (severity, lines) => {
      emit(
        severity,
        lines.flatMap((line) => line.split('\n')),
        {},
      );
    },
    conceal: (value) => {
      redactor.conceal(value);
    },
    clean: (text) => redactor.clean(text),
  };
}

const recordLevel = { error: 'error', warning: 'warn', info: 'info', debug: 'debug' } as const;

function openRecords(program: string, file: string): ReturnType<typeof pino> {
  // Synchronous, so that the last line before a kill is on file; no transport, which would need a worker file beside us.
  return pino(
    { level: 'debug', base: { program }, timestamp: pino.stdTimeFunctions.isoTime },
    pinoDestination({ dest: file, sync: true, append: true, mode: 0o600 }),
  );
}

function cleanFields(fields: Fields, redactor: Redactor): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? redactor.clean(value) : value]),
  );
}

/** Output of other programs is hostile to terminals: control characters are shown, not sent. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
