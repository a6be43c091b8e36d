import type { Evidence } from '../gather/bundle.ts';
import type { RunRecord } from '../steps/journal.ts';
import type { Flow } from '../steps/step.ts';
import type { Call } from './program.ts';
import type { Session } from './session.ts';

/** The two folders of a program that is a flow. */
export type FlowFolders = {
  /** Lost with the power: lock and status. */
  readonly run: string;
  /** Journal and machine-readable log. */
  readonly state: string;
};

/** What lies in them. */
export const filesOf = ({ run, state }: FlowFolders, program: string) =>
  ({
    lock: `${run}/lock`,
    status: `${run}/status.json`,
    journal: `${state}/journal.json`,
    log: `${state}/${program}.jsonl`,
  }) as const;

/**
 * What a program says of itself to get `run`, `plan`, `status`, `timeline` and `gather`. `C` is what its steps share, `L` what the command
 * line gives to each of these, `R` what it gives to `run` and `plan`.
 */
export type FlowProgram<C extends Disposable, R extends L, L> = {
  readonly flow: Flow<C>;
  readonly folders: FlowFolders;
  /** Makes what the steps of one run share; `runs` are the runs that are remembered, this one last once it has begun. It is disposed when the run ends. */
  readonly context: (session: Session, call: Call<R>, runs: () => readonly RunRecord[]) => C;
  /** What a request to stop does, for the log; absent: what is said of a program that writes an image store. */
  readonly stopping?: string;
  /** What is put before every program of the host: how a container reaches it. */
  readonly through?: (values: R) => readonly string[];
  /** A sentence when this machine needs no run any more; then none begins, and nothing is changed. */
  readonly nothingToDo?: (session: Session) => Promise<string | undefined>;
  /** The options that the same again needs: `-f FILE`. */
  readonly again: (values: L) => string;
  /** What a finished run adds to "finished in 3 min": `disk "/dev/sda" boots version 4.17.0`. */
  readonly result: (context: C) => string | undefined;
  /** The state of the machine after a failure under this heading, which decides how much hurry there is. */
  readonly leaves: (context: C, heading: string) => string;
  /** What belongs into a support bundle beside the program's own files and the usual facts of the host. */
  readonly evidence: (session: Session, values: L) => readonly Evidence[];
  /** JSON files whose every text is a secret. */
  readonly secretFiles: readonly string[];
  /** Where a run's record may lie that only this program can read, for `timeline`: in words, and how. */
  readonly recordElsewhere?: {
    readonly says: string;
    readonly isOne: (from: string) => boolean;
    readonly read: (session: Session, from: string) => Promise<unknown>;
  };
};
