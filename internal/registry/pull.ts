import { Failure, Interrupted, UsageError, messageOf } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { listImages, type ListedImage } from './pull-list.ts';
import { pullOnce } from './pull-once.ts';
import { schedulePulls, type PlannedImage, type PullSchedule } from './pull-plan.ts';
import { dropBroken } from './pull-verify.ts';
import { openStatus, type PullStatus } from './pull-status.ts';
import type { Registry } from './registry.ts';
import { patience, type Patience, type PatienceOptions } from './retry.ts';
import { isStopped, stopOf, type Stops } from './stops.ts';
import { openStore, type StoreOptions } from './store.ts';

export type PullOptions = {
  readonly registry: Registry;
  readonly authFile?: string | undefined;
  /** Pulls at once. Default: `MAX_PULL_THREADS` of the environment, else 10. */
  readonly threads?: number;
  /** Where the status is kept for others to read (`{"total":…,"pulled":…,"failed":…,"failed_pulls":…}`); undefined: nowhere. */
  readonly statusFile?: string | undefined;
  readonly store?: StoreOptions;
  /** Folder on the target disk for what podman has in flight. Default: beside the store. */
  readonly workFolder?: string;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Facts worth a line. */
  readonly say?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Longest time without a sign of one pull. Default: 5 minutes. */
  readonly stallMs?: number;
  /** Layers of an unclean run (`repairStore`): images that take them up are checked, and pulled again when broken. */
  readonly suspects?: ReadonlySet<string>;
  /** Default: 5 attempts without progress, 5 s to 60 s apart. */
  readonly patience?: PatienceOptions;
};

export type PullProgress = { readonly bytes: number; readonly totalBytes: number; readonly images: number; readonly totalImages: number };
export type FailedPull = { readonly image: string; readonly why: string; readonly next: string | undefined };

/** What came of it. The caller decides what failures mean (best effort or not). */
export type PullReport = {
  /** Entries of the list. */
  readonly total: number;
  readonly pulled: number;
  /** Of these, images that were there before. */
  readonly alreadyPresent: number;
  readonly failed: readonly FailedPull[];
  /** Layer bytes that were missing at the start, each layer once. */
  readonly bytes: number;
  readonly durationMs: number;
};

/**
 * Brings every image of a list into the store of podman, and proves it.
 *
 * Manifests are read first, so that pulls can be ordered (`pull-plan.ts`). Every name of the list is kept, also where two names mean one
 * image: CRI-O looks images up by name. An image that is there with the right digest is left alone; a tag is resolved anew to know.
 *
 * @throws UsageError for a wrong number of threads · Interrupted after running pulls have ended, when we were told to stop
 */
export async function pullImages(host: Host, list: readonly string[], options: PullOptions): Promise<PullReport> {
  const started = performance.now();
  const threads = options.threads ?? threadsFrom(host.env['MAX_PULL_THREADS']);
  const say = options.say ?? ((text) => { host.log.info(text); });
  const store = openStore(host, options.store);
  const stops: Stops = { stop: host.stop, signal: options.signal };
  const status = openStatus(host, options.statusFile, list);
  await status.write();

  const images = await listImages(options.registry, [...new Set(list)], await store.images(), { say, signal: options.signal, stop: host.stop });
  const present = images.filter(({ isPresent }) => isPresent);
  for (const { name } of present) status.pulled(name);
  await status.write();
  const schedule = schedulePulls(images.filter(({ isPresent }) => !isPresent), await store.layerDigests());
  say(planText(images, present.length, schedule.totalBytes));

  const failures = new Map<string, Failure>();
  const inFlight = new Map<PlannedImage, number>();
  let landedBytes = 0;
  const report = (): void => {
    const bytes = [...inFlight.values()].reduce((sum, each) => sum + each, landedBytes);
    options.onProgress?.({ bytes: Math.min(bytes, schedule.totalBytes), totalBytes: schedule.totalBytes, images: status.counts().pulled, totalImages: list.length });
  };

  const patients = new Map<PlannedImage, Patience>();
  await using work = await pullOnce(host, { ...options, store });
  /** One attempt, and the wait after it when it failed. */
  const attemptOf = (schedule: PullSchedule) => async (image: PlannedImage): Promise<void> => {
    const missing = schedule.missing(image);
    const bytes = missing.reduce((sum, { size }) => sum + size, 0);
    try {
      await work.pull(image.name, (grown) => { inFlight.set(image, Math.min(grown, bytes)); report(); });
      inFlight.delete(image);
      landedBytes += bytes;
      schedule.done(image);
      status.pulled(image.name);
    } catch (error) {
      inFlight.delete(image);
      const landed = await store.layerDigests();
      const patient = patients.get(image) ?? patience({ attempts: 5, firstDelayMs: 5_000, longestDelayMs: 60_000, signal: stopOf(stops), onRetry: retryLine(say), ...options.patience });
      patients.set(image, patient);
      const arrived = missing.filter(({ digest }) => landed.has(digest));
      if (arrived.length > 0) patient.progressed();
      landedBytes += arrived.reduce((sum, { size }) => sum + size, 0);
      schedule.failed(image, landed);
      try {
        await patient.afterFailure(error);
        schedule.again(image);
      } catch (last) {
        if (last instanceof Interrupted) return;
        failures.set(image.name, last instanceof Failure ? last : new Failure(messageOf(last), { cause: last }));
        status.failed(image.name);
        say(`${messageOf(last)}${last instanceof Failure && last.why !== undefined ? ` (${last.why})` : ''}`);
      }
    }
    await status.write();
    report();
  };
  await runBounded(schedule.next, attemptOf(schedule), threads, () => isStopped(stops));
  if (options.suspects !== undefined) {
    const broken = await dropBroken(store, images.filter(({ name, isPresent }) => !isPresent && !failures.has(name)), options.suspects, stops);
    for (const image of broken) say(`image "${image.name}" took up a broken layer of an earlier run; it is pulled again`);
    const repeated = schedulePulls(broken, await store.layerDigests());
    await runBounded(repeated.next, attemptOf(repeated), threads, () => isStopped(stops));
  }
  if (isStopped(stops)) throw new Interrupted('stopped while images were pulled', { next: 'start again; images and layers that are there are not fetched again' });

  const failed = await prove(store, images, failures, status);
  await status.write();
  return { total: list.length, pulled: status.counts().pulled, alreadyPresent: present.length, failed, bytes: schedule.totalBytes, durationMs: performance.now() - started };
}

/** A whole number of at least one, or a clear word; the reference implementation hangs on 0 and dies on -1. */
export function threadsFrom(value: string | undefined): number {
  if (value === undefined || value === '') return 10;
  if (!/^\d+$/.test(value) || Number(value) < 1 || Number(value) > 1000) throw new UsageError(`MAX_PULL_THREADS is "${value}"; give a whole number from 1 to 1000`);
  return Number(value);
}

/** Runs what `next` hands out, a bounded number at once, until it has nothing and nothing runs. Each end may free others. */
async function runBounded<T>(next: () => T | undefined, run: (item: T) => Promise<void>, most: number, stopped: () => boolean): Promise<void> {
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

/** The store has the last word: what it holds has not failed, and what it does not hold was not pulled. */
async function prove(store: ReturnType<typeof openStore>, images: readonly ListedImage[], failures: ReadonlyMap<string, Failure>, status: PullStatus): Promise<FailedPull[]> {
  const known = new Set((await store.images()).flatMap(({ names, digests }) => [...names, ...digests]));
  const failed: FailedPull[] = [];
  for (const { name } of images) {
    if (known.has(name) || (await store.has(name))) {
      // As the reference has it: a tag that could not be renewed, but is there, does not fail the whole.
      status.pulled(name);
      continue;
    }
    const failure = failures.get(name);
    status.failed(name);
    failed.push({ image: name, why: failure?.why ?? failure?.message ?? 'podman reported success, and the store does not have it', next: failure?.next });
  }
  return failed;
}

function planText(images: readonly ListedImage[], present: number, totalBytes: number): string {
  const there = present === 0 ? '' : `, ${present} of them present`;
  return `${images.length} images${there}, ${(totalBytes / 1e6).toFixed(1)} MB in missing layers`;
}

function retryLine(say: (text: string) => void): NonNullable<PatienceOptions['onRetry']> {
  return (error, delayMs) => { say(`${error.message} (${error.why ?? 'unknown reason'}); trying again in ${Math.ceil(delayMs / 1000)} s`); };
}
