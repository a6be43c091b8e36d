import { Failure, Interrupted, messageOf } from '../errors/errors.ts';
import type { PullWork } from './pull-once.ts';
import type { PlannedImage, PullSchedule } from './pull-plan.ts';
import type { PullStatus } from './pull-status.ts';
import { patience, type Patience, type PatienceOptions } from './retry.ts';
import { isStopped, stopOf, type Stops } from './stops.ts';
import type { ImageStore } from './store.ts';

export type PullProgress = {
  readonly bytes: number;
  readonly totalBytes: number;
  readonly images: number;
  readonly totalImages: number;
};

export type PullRunOptions = {
  readonly work: PullWork;
  readonly store: ImageStore;
  readonly status: PullStatus;
  readonly stops: Stops;
  readonly threads: number;
  readonly say: (text: string) => void;
  readonly patience: PatienceOptions | undefined;
  readonly onProgress: ((progress: PullProgress) => void) | undefined;
  readonly totalBytes: number;
  readonly totalImages: number;
};

/** Works schedules off. */
export type PullRun = {
  /** Pulls until nothing waits: each image is in the store, or in `failures`, or we were stopped. */
  finish(schedule: PullSchedule): Promise<void>;
  /** Final failures by name. */
  readonly failures: ReadonlyMap<string, Failure>;
};

/**
 * Opens a run. An attempt that fails with a final class is not repeated; others are, with growing delay, until five in a row have brought no
 * layer into the store. While one waits, its layers are free for other pulls.
 */
export function openPullRun({
  work,
  store,
  status,
  stops,
  threads,
  say,
  onProgress,
  totalBytes,
  totalImages,
  patience: own,
}: PullRunOptions): PullRun {
  const failures = new Map<string, Failure>();
  const patients = new Map<PlannedImage, Patience>();
  const inFlight = new Map<PlannedImage, number>();
  let landedBytes = 0;
  const report = (): void => {
    const bytes = [...inFlight.values()].reduce((sum, each) => sum + each, landedBytes);
    onProgress?.({ bytes: Math.min(bytes, totalBytes), totalBytes, images: status.counts().pulled, totalImages });
  };
  const patientOf = (image: PlannedImage): Patience => {
    const patient =
      patients.get(image) ??
      patience({
        attempts: 5,
        firstDelayMs: 5_000,
        longestDelayMs: 60_000,
        signal: stopOf(stops),
        onRetry: retryLine(say),
        ...own,
      });
    patients.set(image, patient);
    return patient;
  };

  /** After a failed attempt: what has landed all the same, and then a wait or the end. */
  const recover = async (schedule: PullSchedule, image: PlannedImage, error: unknown): Promise<void> => {
    const present = await store.layerDigests();
    const arrived = schedule.missing(image).filter(({ digest }) => present.has(digest));
    landedBytes += bytesOf(arrived);
    schedule.failed(image, present);
    const patient = patientOf(image);
    if (arrived.length > 0) patient.progressed();
    try {
      await patient.afterFailure(error);
      schedule.again(image);
    } catch (last) {
      if (last instanceof Interrupted) return;
      const failure = last instanceof Failure ? last : new Failure(messageOf(last), { cause: last });
      failures.set(image.name, failure);
      status.failed(image.name);
      say(`${failure.message}${failure.why === undefined ? '' : ` (${failure.why})`}`);
    }
  };

  const attempt = async (schedule: PullSchedule, image: PlannedImage): Promise<void> => {
    const bytes = bytesOf(schedule.missing(image));
    try {
      await work.pull(image.name, (grown) => {
        inFlight.set(image, Math.min(grown, bytes));
        report();
      });
      inFlight.delete(image);
      landedBytes += bytes;
      schedule.done(image);
      status.pulled(image.name);
    } catch (error) {
      inFlight.delete(image);
      await recover(schedule, image, error);
    }
    await status.write();
    report();
  };

  return {
    failures,
    finish: (schedule) =>
      runBounded(
        schedule.next,
        (image) => attempt(schedule, image),
        threads,
        () => isStopped(stops),
      ),
  };
}

/** Runs what `next` hands out, a bounded number at once, until it has nothing and nothing runs. Each end may free others. */
async function runBounded<T>(
  next: () => T | undefined,
  run: (item: T) => Promise<void>,
  most: number,
  stopped: () => boolean,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for (;;) {
    const item = running.size < most && !stopped() ? next() : undefined;
    if (item !== undefined) {
      const work = run(item).finally(() => running.delete(work));
      running.add(work);
    } else if (running.size === 0) {
      return;
    } else {
      await Promise.race(running);
    }
  }
}

function bytesOf(layers: readonly { readonly size: number }[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}

function retryLine(say: (text: string) => void): NonNullable<PatienceOptions['onRetry']> {
  return (error, delayMs) => {
    say(`${error.message} (${error.why ?? 'unknown reason'}); trying again in ${Math.ceil(delayMs / 1000)} s`);
  };
}
