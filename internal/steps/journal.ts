import { createHash } from 'node:crypto';
import { readTextIfPresent, writeFileDurably } from '../host/files.ts';

/** What is known of the last attempt at a step. */
export type JournalEntry = {
  readonly state: 'started' | 'done' | 'failed' | 'interrupted';
  /** Digest of the step's inputs, so that changed inputs make an old result worthless. */
  readonly inputs: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly durationMs?: number;
  readonly error?: string;
};

/** One step's time in one run, for the timeline. Times in milliseconds since the run began. */
export type StepTime = {
  readonly step: string;
  readonly heading: string;
  readonly state: 'done' | 'skipped' | 'failed' | 'interrupted';
  readonly startMs: number;
  readonly durationMs: number;
  readonly reason?: string;
};

/** A run with its step times: what `timeline` draws. */
export type RunRecord = {
  readonly program: string;
  readonly version: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly state: 'running' | 'done' | 'failed' | 'interrupted';
  readonly failure?: string;
  readonly steps: readonly StepTime[];
};

type JournalFile = {
  readonly format: 1;
  readonly steps: Readonly<Record<string, JournalEntry>>;
  readonly runs: readonly RunRecord[];
};

/** The memory of earlier runs. It explains; the machine decides. A lost or torn journal costs time, not correctness. */
export type Journal = {
  readonly file: string;
  entry(step: string): JournalEntry | undefined;
  runs(): readonly RunRecord[];
  /** On disk before it returns. */
  put(step: string, entry: JournalEntry): Promise<void>;
  forget(steps: readonly string[]): Promise<void>;
  putRun(run: RunRecord): Promise<void>;
};

const runsKept = 20;

/** Opens the journal; an unreadable one is treated as lost. */
export async function openJournal(file: string): Promise<Journal> {
  let content = parse(await readTextIfPresent(file));
  const save = async (next: JournalFile): Promise<void> => {
    content = next;
    await writeFileDurably(file, `${JSON.stringify(content, undefined, 1)}\n`);
  };
  return {
    file,
    entry: (step) => content.steps[step],
    runs: () => content.runs,
    put: (step, entry) => save({ ...content, steps: { ...content.steps, [step]: entry } }),
    forget: async (steps) => {
      if (!steps.some((step) => step in content.steps)) return;
      await save({
        ...content,
        steps: Object.fromEntries(Object.entries(content.steps).filter(([name]) => !steps.includes(name))),
      });
    },
    putRun: (run) =>
      save({
        ...content,
        runs: [...content.runs.filter((old) => old.startedAt !== run.startedAt), run].slice(-runsKept),
      }),
  };
}

function parse(text: string | undefined): JournalFile {
  const empty: JournalFile = { format: 1, steps: {}, runs: [] };
  if (text === undefined) return empty;
  try {
    const data: unknown = JSON.parse(text);
    const isOurs =
      typeof data === 'object' &&
      data !== null &&
      'format' in data &&
      data.format === 1 &&
      'steps' in data &&
      'runs' in data;
    // Written by this very program version or a compatible one (format 1); anything else counts as lost.
    return isOurs ? (data as JournalFile) : empty;
  } catch {
    return empty;
  }
}

/** A short digest of a step's inputs; key order of objects does not matter. */
export function digestInputs(inputs: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(inputs, sortKeys)).digest('hex').slice(0, 32);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
