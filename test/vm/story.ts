/** A story told on a terminal of 80 columns or into a log: each line with the time since the start, phases with what they took. */
export type Story = {
  /** Text as it is. */
  write(text: string): void;
  /** Begins a phase; its name is for the summary. */
  title(phase: string, text: string): void;
  /** A fact, wrapped. A second line is indented like the text after the first run of blanks. */
  say(text: string): void;
  /** A line of a program that works: its step once, then what it says of it; cut off where the terminal ends. */
  glimpse(text: string): void;
};

const columns = 80;
const margin = 10;

export function openStory(
  write = (text: string): void => {
    process.stdout.write(text);
  },
): Story & { summary(): string } {
  const began = performance.now();
  const phases: { name: string; began: number }[] = [];
  const seconds = (since = began, until = performance.now()): string => `${((until - since) / 1000).toFixed(0)} s`;
  const line = (text: string): void => {
    write(`${seconds().padStart(margin - 4)}  ${text}\n`);
  };
  const bold = (text: string): string => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
  let step = '';
  return {
    write,
    title(name, text) {
      phases.push({ name, began: performance.now() });
      write('\n');
      line(bold(text));
    },
    say(text) {
      for (const part of wrapped(text, columns - margin)) line(`  ${part}`);
    },
    glimpse(text) {
      const [, number = '', name, said = text] = /^(?:warning: )?step (\d+\/\d+) ([a-z-]+): (.*)$/.exec(text) ?? [];
      if (/^done in [01]\.\d s$/.test(said)) return;
      const isNew = name !== undefined && name !== step;
      if (isNew) step = name;
      const before = isNew ? `${number.padStart(5)} ${name}: ` : name === undefined ? '' : ' '.repeat(6);
      line(`  ${cut(`${before}${said}`, columns - margin)}`);
    },
    summary() {
      const now = performance.now();
      const width = Math.max(...phases.map(({ name }) => name.length), 'Total'.length) + 2;
      const row = (name: string, took: string): string => `  ${name.padEnd(width)}${took.padStart(6)}\n`;
      return [
        ...phases.map(({ name, began: from }, index) => row(name, seconds(from, phases[index + 1]?.began ?? now))),
        row('Total', seconds(began, now)),
      ].join('');
    },
  };
}

const cut = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);

/** Lines of at most this width. A word that is longer is broken. */
export function wrapped(text: string, width: number): string[] {
  const indent = /^.*? {2,}(?=\S)|^\s*\S /.exec(text)?.[0].length ?? 0;
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(' ', width);
    const at = blank > (lines.length === 0 ? indent : indent + 1) ? blank : width;
    lines.push(rest.slice(0, at));
    rest = `${' '.repeat(indent)}${rest.slice(at).trimStart()}`;
  }
  return [...lines, rest];
}
