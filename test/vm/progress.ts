import type { Say } from './artefacts/cache.ts';

/**
 * One line that a person watches: what runs, where it is, for how long. On a terminal it is rewritten in place; elsewhere
 * it is printed now and then, so that a log shows life without drowning in it.
 */
export type Board = Disposable & {
  /** Puts a task on the board; what it says is its state. */
  begin(name: string): { say: Say; end(outcome: string): void };
  print(text: string): void;
};

const gapMs = 30_000;

export function openBoard(write: (text: string) => void, isTerminal: boolean): Board {
  const running = new Map<string, { startedMs: number; state: string }>();
  const line = (): string =>
    [...running]
      .map(
        ([name, { startedMs, state }]) => `${name} ${((performance.now() - startedMs) / 1000).toFixed(0)} s: ${state}`,
      )
      .join(' | ');
  const show = (): void => {
    if (isTerminal && running.size > 0) write(`\r\x1b[K${line().slice(0, 150)}`);
  };
  const print = (text: string): void => {
    write(isTerminal ? `\r\x1b[K${text}\n` : `${text}\n`);
    show();
  };
  const timer = setInterval(
    () => {
      if (isTerminal) show();
      else if (running.size > 0) write(`  ${line()}\n`);
    },
    isTerminal ? 1000 : gapMs,
  );
  timer.unref();
  return {
    print,
    begin(name) {
      const task = { startedMs: performance.now(), state: 'begins' };
      running.set(name, task);
      show();
      return {
        say(state) {
          task.state = state;
          show();
        },
        end(outcome) {
          running.delete(name);
          print(`${outcome} ${name} (${((performance.now() - task.startedMs) / 1000).toFixed(0)} s)`);
        },
      };
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      if (isTerminal) write('\r\x1b[K');
    },
  };
}
