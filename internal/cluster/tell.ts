import type { Amount } from '../log/progress.ts';

/** What work on the cluster tells while it goes on: what a step of a flow hands down, or anything that can do the same. */
export type Tell = {
  /** States a fact. */
  say(fact: string): void;
  /** States what is not as wished, and that the work goes on. */
  warn(fact: string): void;
  /** Says what is waited for and who must act; the listener repeats it. */
  waiting(forWhat: string): void;
  /** How many of how many objects are done. */
  progress?(amount: Amount): void;
  /** Ends the work. */
  readonly signal: AbortSignal;
};
