import { writeSync } from 'node:fs';

/**
 * Progress for people and machines. One protocol for all programs: JSON lines on a descriptor that the caller gives
 * (`--progress-fd N`), version 1, at most five progress events a second. Text is for people and may change; JSON is stable.
 *
 * | type     | members                                                                     |
 * |----------|-----------------------------------------------------------------------------|
 * | start    | version, program, steps                                                      |
 * | step     | step, index, steps, state: "started" "done" "skipped" "failed", reason?, durationMs? |
 * | progress | step, done, total?, cached?, unit: "bytes" or "items"                       |
 * | waiting  | step, for                                                                    |
 * | end      | state: "done" "failed" "interrupted", exitCode                               |
 *
 * Every event has `time` (ISO 8601).
 */
export type ProgressEvent =
  | { readonly type: 'start'; readonly version: 1; readonly program: string; readonly steps: number }
  | {
      readonly type: 'step';
      readonly step: string;
      readonly index: number;
      readonly steps: number;
      readonly state: 'started' | 'done' | 'skipped' | 'failed';
      readonly reason?: string;
      readonly durationMs?: number;
    }
  | ({ readonly type: 'progress'; readonly step: string } & Amount)
  | { readonly type: 'waiting'; readonly step: string; readonly for: string }
  | { readonly type: 'end'; readonly state: 'done' | 'failed' | 'interrupted'; readonly exitCode: number };

/** How much of a thing is done. `cached` is what needed no work because it was there. */
export type Amount = {
  readonly done: number;
  readonly total?: number;
  readonly cached?: number;
  readonly unit: 'bytes' | 'items';
};

/** Where progress events go. */
export type ProgressSink = (event: ProgressEvent) => void;

const shortestGapMs = 200;

/**
 * Writes events as JSON lines to a descriptor. A reader that went away does not fail an installation: the first failed
 * write ends the stream.
 */
export function progressToDescriptor(fd: number, now: () => Date): ProgressSink {
  let open = true;
  let last = 0;
  return (event) => {
    if (!open) return;
    const time = now();
    if (event.type === 'progress') {
      const finished = event.total !== undefined && event.done >= event.total;
      if (!finished && time.getTime() - last < shortestGapMs) return;
      last = time.getTime();
    }
    try {
      writeSync(fd, `${JSON.stringify({ time: time.toISOString(), ...event })}\n`);
    } catch {
      open = false;
    }
  };
}

/** Follows one amount over time and says its rate. */
export type Meter = {
  update(amount: Amount, nowMs: number): void;
  /** "412 of 1,180 MB, 96 MB/s, about 8 s left"; empty before the first update. */
  text(nowMs: number): string;
};

/** Makes a meter; `startMs` is when the work began. */
export function createMeter(startMs: number): Meter {
  let first: { amount: Amount; atMs: number } | undefined;
  let last: Amount | undefined;
  return {
    update(amount, nowMs) {
      first ??= {
        amount: { ...amount, done: Math.min(amount.done, amount.cached ?? 0) },
        atMs: Math.min(startMs, nowMs),
      };
      last = amount;
    },
    text(nowMs) {
      if (last === undefined || first === undefined) return '';
      const seconds = (nowMs - first.atMs) / 1000;
      const rate = seconds <= 0.5 ? undefined : (last.done - first.amount.done) / seconds;
      const words = [amountText(last)];
      if (rate !== undefined && last.unit === 'bytes') words.push(`${sizeText(rate)}/s`);
      if (rate !== undefined && rate > 0 && last.total !== undefined && last.total > last.done)
        words.push(`about ${durationText(((last.total - last.done) / rate) * 1000)} left`);
      return words.join(', ');
    },
  };
}

function amountText(amount: Amount): string {
  if (amount.unit === 'items')
    return amount.total === undefined ? grouped(amount.done) : `${grouped(amount.done)} of ${grouped(amount.total)}`;
  if (amount.total === undefined) return sizeText(amount.done);
  // One unit, that of the total, for both numbers.
  return `${grouped(amount.total >= 1e6 ? Math.round(amount.done / 1e6) : Math.ceil(amount.done / 1e3))} of ${sizeText(amount.total)}`;
}

/** Bytes in the unit people buy disks in: "1,180 MB"; below one megabyte "12 kB". */
export function sizeText(bytes: number): string {
  return bytes >= 1e6 ? `${grouped(Math.round(bytes / 1e6))} MB` : `${grouped(Math.ceil(bytes / 1e3))} kB`;
}

/** "0.4 s", "8 s", "3 min 20 s". */
export function durationText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}
