import type { Amount } from '../log/progress.ts';

/** What a running step may tell while it works. */
export type StepIo = {
  /** States a fact about the work; the runner puts the step's number and name in front. */
  say(fact: string): void;
  /** States why the run goes on although something is not as wished ("continuing because …"). */
  warn(fact: string): void;
  /** Reports how far the work is; also a sign of life that restarts the step's budget. */
  progress(amount: Amount): void;
  /** Says what the step waits for and who must act; repeated every 30 s until something else is reported. */
  waiting(forWhat: string): void;
  /** Ends the step's programs and transfers when its budget is spent. */
  readonly signal: AbortSignal;
};

/**
 * One step of a flow: it joins rooms and holds no logic of its own. `C` is what the steps of one program share.
 *
 * The world decides, the journal explains: `isDone` looks at the machine. A step without `isDone` runs each time.
 */
export type Step<C> = {
  readonly name: string;
  /** What the step does, in the words of the log: "Deploy the seed as a new stateroot". */
  readonly says: string;
  /** What the result depends on. When it differs from the journal's entry, this step and all after it run again. */
  readonly inputs?: (context: C) => readonly unknown[];
  /** A sentence when the step is not wanted in this run (configuration), undefined when it is. */
  readonly notWanted?: (context: C) => string | undefined;
  /** True when the machine shows the finished result of exactly these inputs. */
  readonly isDone?: (context: C) => Promise<boolean>;
  /** Takes back what an interrupted earlier attempt left; called before `run` when the journal says "started". */
  readonly recover?: (context: C, io: StepIo) => Promise<void>;
  readonly run: (context: C, io: StepIo) => Promise<void>;
  /** The longest time without a sign of life, in milliseconds; absent where the rooms below keep their own budgets. */
  readonly budgetMs?: number;
};

/**
 * A paragraph of a flow. `changes: 'nothing'` marks steps that only look: they run in every run, also before `--from`.
 */
export type Heading = {
  readonly heading: string;
  readonly changes: 'nothing' | 'machine';
};

/** The whole program, readable from top to bottom. */
export type Flow<C> = readonly (Heading | Step<C>)[];

/** A paragraph title. */
export function heading(text: string, changes: Heading['changes'] = 'machine'): Heading {
  return { heading: text, changes };
}

/** A step with its place in the flow. */
export type PlacedStep<C> = {
  readonly step: Step<C>;
  readonly index: number;
  readonly heading: Heading;
};

/** The steps of a flow in order, each with its number (from 1) and its heading. */
export function stepsOf<C>(flow: Flow<C>): PlacedStep<C>[] {
  let current = heading('Run');
  const placed: PlacedStep<C>[] = [];
  for (const entry of flow) {
    if ('heading' in entry) current = entry;
    else placed.push({ step: entry, index: placed.length + 1, heading: current });
  }
  return placed;
}
