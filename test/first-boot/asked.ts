import { until, type Result, type RunOptions } from '../vm/command.ts';

/** A host that runs, for whoever asks it: in a container or in a machine. */
export type Asked = {
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Standard output of a command, whatever its status. */
  ask(program: string, ...args: string[]): Promise<string>;
  /** Messages of a unit since this boot, or with `all` of every boot. */
  journal(unit: string, all?: boolean): Promise<string>;
  /**
   * Waits until it is so, or until the text stands in the journal of installation-configuration.service. The budget begins anew whenever that
   * journal grows, and ends for good after ten times as long: a program that waits says so, too.
   */
  waitFor(what: string, isTrue?: () => Promise<boolean>, budgetMs?: number): Promise<void>;
};

export const unit = 'installation-configuration.service';

/** `slowness`: how many times longer than in a container everything takes. */
export function asked(
  run: Asked['run'],
  { signal, slowness = 1 }: { signal?: AbortSignal | undefined; slowness?: number },
): Asked {
  const journal = async (name: string, all = false): Promise<string> =>
    (await run('journalctl', ['--no-pager', '-o', 'cat', '-u', name, ...(all ? [] : ['-b'])])).stdout;
  return {
    run,
    ask: async (program, ...args) => (await run(program, args, { accept: 'any' })).stdout.trim(),
    journal,
    async waitFor(what, isTrue, budgetMs = 120_000 * slowness) {
      const is = isTrue ?? (async () => (await journal(unit)).includes(what));
      const end = performance.now() + budgetMs * 10;
      const patient = async (): Promise<boolean> => {
        signal?.throwIfAborted();
        if (performance.now() > end) throw new Error(`waited ${(budgetMs * 10) / 1000} s in all for ${what}`);
        return await is();
      };
      try {
        await until(what, patient, budgetMs, { everyMs: 200 * slowness, progress: () => journal(unit) });
      } catch (error) {
        const last = await journal(unit).then(
          (text) => `; the journal ends with\n${text.split('\n').slice(-15).join('\n')}`,
          () => '',
        );
        throw new Error(`${error instanceof Error ? error.message : String(error)}${last}`);
      }
    },
  };
}
