import { writeSync } from 'node:fs';

/** The process as a program sees it: the only place that touches arguments, environment, signals and exit. */
export type Process = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly stderrIsTerminal: boolean;
  readonly columns: number;
};

/** Standard streams of this process, written synchronously so that nothing is lost at exit. */
export function ownProcess(): Process {
  const writer =
    (fd: number) =>
    (text: string): void => {
      let rest = Buffer.from(text);
      while (rest.length > 0) {
        try {
          rest = rest.subarray(writeSync(fd, rest));
        } catch (error) {
          if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') continue;
          return; // the reader went away: nobody is left to tell
        }
      }
    };
  return {
    env: process.env,
    stdout: writer(1),
    stderr: writer(2),
    stderrIsTerminal: process.stderr.isTTY,
    columns: process.stderr.isTTY ? process.stderr.columns : 80,
  };
}
