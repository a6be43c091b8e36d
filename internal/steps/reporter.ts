import type { Log } from '../log/log.ts';
import { createMeter, durationText, type Amount, type Meter, type ProgressEvent } from '../log/progress.ts';
import type { PlacedStep, StepIo } from './step.ts';

/** What a person or program may ask of a run that is under way or over. */
export type RunStatus = {
  readonly program: string;
  readonly state: 'running' | 'done' | 'failed' | 'interrupted';
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly step?: {
    readonly name: string;
    readonly index: number;
    readonly steps: number;
    readonly says: string;
    readonly startedAt: string;
  };
  readonly progress?: Amount;
  readonly lastProgressAt?: string;
  readonly waitingFor?: string;
  readonly failure?: readonly string[];
};

export type ReporterOptions = {
  readonly log: Log;
  readonly steps: number;
  readonly now: () => Date;
  /** Gets every event, for `--progress-fd` and the journal. */
  readonly emit: (event: ProgressEvent) => void;
  /** Draws over the current line; only on a terminal. */
  readonly bar?: (text: string) => void;
  /** Keeps the status file; called at most once a second and at each change of state. */
  readonly keepStatus: (status: RunStatus) => void;
};

/** Tells the world about the step that runs: facts, progress, waits, and a sign of life when there is nothing else to say. */
export type Reporter = {
  begin(placed: PlacedStep<never>, onLife: () => void): Omit<StepIo, 'signal'>;
  end(state: 'done' | 'skipped' | 'failed', details?: { reason?: string; durationMs?: number }): void;
  close(state: Exclude<RunStatus['state'], 'running'>, exitCode: number, failure?: readonly string[]): void;
};

const heartbeatMs = 30_000;
const plainProgressMs = 10_000;
const barGapMs = 200;
const statusGapMs = 1000;

type Current = {
  placed: PlacedStep<never>;
  startedAt: Date;
  meter: Meter;
  amount?: Amount;
  waitingFor?: string;
  lastLifeAt: Date;
  timer: NodeJS.Timeout;
};

/** Makes the reporter of one run. */
export function createReporter(options: ReporterOptions): Reporter {
  const { log, now } = options;
  const startedAt = now();
  let current: Current | undefined;
  let lastLineMs = 0;
  let lastBarMs = 0;
  let lastStatusMs = 0;

  const label = (placed: PlacedStep<never>): string => `step ${placed.index}/${options.steps} ${placed.step.name}`;
  const line = (severity: 'info' | 'warning', text: string, placed: PlacedStep<never>): void => {
    options.bar?.('');
    lastLineMs = now().getTime();
    log.event(severity, `${label(placed)}: ${text}`, { step: placed.step.name });
  };
  const status = (state: RunStatus['state'], failure?: readonly string[]): void => {
    lastStatusMs = now().getTime();
    options.keepStatus({
      program: log.program,
      state,
      startedAt: startedAt.toISOString(),
      updatedAt: now().toISOString(),
      ...(current === undefined
        ? {}
        : {
            step: {
              name: current.placed.step.name,
              index: current.placed.index,
              steps: options.steps,
              says: current.placed.step.says,
              startedAt: current.startedAt.toISOString(),
            },
            lastProgressAt: current.lastLifeAt.toISOString(),
            ...(current.amount === undefined ? {} : { progress: current.amount }),
            ...(current.waitingFor === undefined ? {} : { waitingFor: current.waitingFor }),
          }),
      ...(failure === undefined ? {} : { failure }),
    });
  };
  const heartbeat = (): void => {
    if (current === undefined || now().getTime() - lastLineMs < heartbeatMs) return;
    const spent = durationText(now().getTime() - current.startedAt.getTime());
    const meter = current.meter.text(now().getTime());
    if (current.waitingFor !== undefined)
      line('info', `still waiting for ${current.waitingFor} (${spent})`, current.placed);
    else line('info', meter === '' ? `still working (${spent})` : meter, current.placed);
    status('running');
  };

  return {
    begin(placed, onLife) {
      const step: Current = {
        placed,
        startedAt: now(),
        meter: createMeter(now().getTime()),
        lastLifeAt: now(),
        timer: setInterval(heartbeat, 1000),
      };
      step.timer.unref();
      current = step;
      options.emit({
        type: 'step',
        step: placed.step.name,
        index: placed.index,
        steps: options.steps,
        state: 'started',
      });
      line('info', placed.step.says, placed);
      status('running');
      const life = (): void => {
        step.lastLifeAt = now();
        delete step.waitingFor;
        onLife();
      };
      return {
        say: (fact) => {
          life();
          line('info', fact, placed);
        },
        warn: (fact) => {
          life();
          line('warning', fact, placed);
        },
        waiting: (forWhat) => {
          if (step.waitingFor === forWhat) return;
          step.waitingFor = forWhat;
          options.emit({ type: 'waiting', step: placed.step.name, for: forWhat });
          line('info', `waiting for ${forWhat}`, placed);
          status('running');
        },
        progress: (amount) => {
          if (step.amount?.done !== amount.done) life();
          step.amount = amount;
          const nowMs = now().getTime();
          step.meter.update(amount, nowMs);
          options.emit({ type: 'progress', step: placed.step.name, ...amount });
          if (options.bar !== undefined && nowMs - lastBarMs >= barGapMs) {
            lastBarMs = nowMs;
            options.bar(`${label(placed)}: ${step.meter.text(nowMs)}`);
          } else if (options.bar === undefined && nowMs - lastLineMs >= plainProgressMs) {
            line('info', step.meter.text(nowMs), placed);
          }
          if (nowMs - lastStatusMs >= statusGapMs) status('running');
        },
      };
    },
    end(state, details = {}) {
      if (current === undefined) return;
      clearInterval(current.timer);
      const { placed } = current;
      const spent = details.durationMs === undefined ? '' : ` in ${durationText(details.durationMs)}`;
      const reason = details.reason === undefined ? '' : `: ${details.reason}`;
      options.emit({
        type: 'step',
        step: placed.step.name,
        index: placed.index,
        steps: options.steps,
        state,
        ...details,
      });
      if (state !== 'failed') line('info', `${state}${spent}${reason}`, placed);
      options.bar?.('');
      current = undefined;
      status('running');
    },
    close(state, exitCode, failure) {
      if (current !== undefined) clearInterval(current.timer);
      options.bar?.('');
      options.emit({ type: 'end', state, exitCode });
      status(state, failure);
    },
  };
}
