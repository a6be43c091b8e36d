import { both, optionalText, type FlagsFor } from './flags.ts';
import type { FlowProgram } from './flow-program.ts';
import { action, sessionAction, type AnyAction } from './program.ts';
import { selectionFlags, type SelectionValues } from './selection.ts';

export type FlowActions<C extends Disposable, R extends L, L> = {
  /** What a run does, for the help: `install`. */
  readonly runSays: string;
  /** Options of every action. */
  readonly flags: FlagsFor<L>;
  /** Options of `run` and `plan`: those, and what only they take. */
  readonly runFlags: FlagsFor<R>;
  /** Loaded when there is work. */
  readonly load: () => Promise<FlowProgram<C, R, L>>;
};

/** The actions that every program has which is a flow. */
export function flowActions<C extends Disposable, R extends L, L>({
  runSays,
  flags,
  runFlags,
  load,
}: FlowActions<C, R, L>): Readonly<Record<'run' | 'plan' | 'status' | 'timeline' | 'gather', AnyAction>> {
  const selecting = both<R, SelectionValues>(runFlags, selectionFlags);
  return {
    run: action({
      says: `${runSays} (the default)`,
      isDefault: true,
      flags: selecting,
      run: async (call) => (await import('./flow-run.ts')).runProgramFlow(await load(), call),
    }),
    plan: action({
      says: 'say what a run would do; nothing is changed',
      flags: selecting,
      run: async (call) => (await import('./flow-plan.ts')).planProgramFlow(await load(), call),
    }),
    status: sessionAction({
      says: 'say what the current or last run does or did',
      flags,
      run: async (session, call) => (await import('./flow-look.ts')).showStatus(session, await load(), call),
    }),
    timeline: sessionAction({
      says: 'draw the times of a run',
      argument: ['[source]', 'timeline.json, journal.json or a finished disk'],
      flags: both<L, { svg: string | undefined }>(flags, {
        svg: optionalText('--svg <file>', 'write the drawing to this file'),
      }),
      run: async (session, call) => (await import('./flow-look.ts')).showTimeline(session, await load(), call),
    }),
    gather: sessionAction({
      says: 'collect evidence in one redacted archive',
      argument: ['[archive]', 'file to write'],
      flags,
      run: async (session, call) => (await import('./flow-gather.ts')).gather(session, await load(), call),
    }),
  };
}
