/** What the test command counts and prints while it runs. Nothing of it is TAP: the whole of that is in the record. */
export type Tally = {
  readonly begin: (part: string, says: string) => void;
  readonly end: (part: string) => void;
  /** One file, command or scenario has ended. */
  readonly add: (outcome: Outcome) => void;
  readonly note: (text: string) => void;
  readonly slowest: (count: number) => void;
  /** Prints failures, what was skipped, and the last line; answers the exit code. */
  readonly close: (record: string) => number;
};

export type Failed = { readonly name: string; readonly text: string };
export type Outcome = {
  readonly name: string;
  readonly ms: number;
  readonly passed: number;
  readonly failed: readonly Failed[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function openTally(say: (text: string) => void): Tally {
  const outcomes: Outcome[] = [];
  const parts = new Map<string, { startedMs: number; first: number }>();
  const counted = (some: readonly Outcome[]): string => {
    const sum = (of: (outcome: Outcome) => number): number => some.reduce((total, outcome) => total + of(outcome), 0);
    const skipped = sum((outcome) => outcome.skipped.length);
    return `${sum((outcome) => outcome.passed)} passed, ${sum((outcome) => outcome.failed.length)} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
  };
  return {
    begin: (part, says) => {
      parts.set(part, { startedMs: performance.now(), first: outcomes.length });
      say(`\n== ${part}: ${says}`);
    },
    end: (part) => {
      const { startedMs = 0, first = 0 } = parts.get(part) ?? {};
      say(`== ${part}: ${counted(outcomes.slice(first))} in ${seconds(performance.now() - startedMs)}`);
    },
    add: (outcome) => {
      outcomes.push(outcome);
      const { name, ms, passed, failed, skipped } = outcome;
      say(
        `${failed.length === 0 ? '✔' : '✖'} ${name}: ${passed} passed${failed.length === 0 ? '' : `, ${failed.length} failed`}${skipped.length === 0 ? '' : `, ${skipped.length} skipped`} in ${seconds(ms)}`,
      );
      for (const one of failed) say(failureText(one));
    },
    note: (text) => {
      say(`  ${text}`);
    },
    slowest: (count) => {
      say(`\nthe slowest ${count}:`);
      for (const { name, ms } of outcomes.toSorted((a, b) => b.ms - a.ms).slice(0, count))
        say(`${seconds(ms).padStart(9)}  ${name}`);
    },
    close: (record) => {
      const failures = outcomes.flatMap(({ name, failed }) =>
        failed.map((one) => ({ ...one, name: `${name} > ${one.name}` })),
      );
      if (failures.length > 0) say(`\nfailed (all of it: ${record}):`);
      for (const failure of failures) say(failureText(failure));
      const skips = outcomes.flatMap(({ name, skipped }) =>
        skipped.map((one) => `  ${name} > ${one.name}: ${one.reason}`),
      );
      if (skips.length > 0) say(`\nskipped:\n${skips.join('\n')}`);
      say(`\n${counted(outcomes)}`);
      return failures.length === 0 && outcomes.some(({ passed }) => passed > 0) ? 0 : 1;
    },
  };
}

function failureText({ name, text }: Failed): string {
  return `  ✖ ${name}\n${text
    .trimEnd()
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n')}`;
}
