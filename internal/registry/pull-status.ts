import { messageOf } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';

/** The state of all pulls, as others read it from a file. Names of the list that occur twice count twice. */
export type PullStatus = {
  pulled(name: string): void;
  failed(name: string): void;
  counts(): { pulled: number; failed: number };
  /** Puts the present state on disk. Writes follow one another, and a state that is out of date by then is left out. */
  write(): Promise<void>;
};

/** Opens the status of a list; without a file it only counts. */
export function openStatus(host: Host, file: string | undefined, list: readonly string[]): PullStatus {
  const states = new Map<string, 'pulled' | 'failed'>();
  let writing = Promise.resolve();
  let isDue = false;
  const count = (state: 'pulled' | 'failed'): number => list.filter((name) => states.get(name) === state).length;
  const text = (): string => {
    const failed = list.filter((name) => states.get(name) === 'failed');
    return JSON.stringify({
      total: list.length,
      pulled: count('pulled'),
      failed: failed.length,
      failed_pulls: failed.length === 0 ? null : failed,
    });
  };
  return {
    pulled: (name) => {
      states.set(name, 'pulled');
    },
    failed: (name) => {
      states.set(name, 'failed');
    },
    counts: () => ({ pulled: count('pulled'), failed: count('failed') }),
    write() {
      if (file === undefined || isDue) return writing;
      isDue = true;
      writing = writing.then(async () => {
        isDue = false;
        // For others to look at; not worth a pull.
        await host.writeFile(file, text()).catch((error: unknown) => {
          host.log.warn(`pull status "${file}" is not written: ${messageOf(error)}`);
        });
      });
      return writing;
    },
  };
}
