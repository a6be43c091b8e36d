import { Interrupted, UsageError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { listImages } from './pull-list.ts';
import { pullOnce } from './pull-once.ts';
import { schedulePulls } from './pull-plan.ts';
import { openPullRun, type PullProgress } from './pull-run.ts';
import { openStatus } from './pull-status.ts';
import { dropBroken, proveImages, type FailedPull } from './pull-verify.ts';
import type { Registry } from './registry.ts';
import type { PatienceOptions } from './retry.ts';
import { isStopped, type Stops } from './stops.ts';
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
  const say =
    options.say ??
    ((text) => {
      host.log.info(text);
    });
  const store = openStore(host, options.store);
  const stops: Stops = { stop: host.stop, signal: options.signal };
  const status = openStatus(host, options.statusFile, list);
  await status.write();

  const images = await listImages(options.registry, [...new Set(list)], await store.images(), { say, ...stops });
  const present = images.filter(({ isPresent }) => isPresent);
  const absent = images.filter(({ isPresent }) => !isPresent);
  for (const { name } of present) status.pulled(name);
  await status.write();

  const schedule = schedulePulls(absent, await store.layerDigests());
  const there = present.length === 0 ? '' : `, ${present.length} of them present`;
  say(`${images.length} images${there}, ${(schedule.totalBytes / 1e6).toFixed(1)} MB in missing layers`);
  await using work = await pullOnce(host, { ...options, store });
  const run = openPullRun({
    work,
    store,
    status,
    stops,
    threads,
    say,
    patience: options.patience,
    onProgress: options.onProgress,
    totalBytes: schedule.totalBytes,
    totalImages: list.length,
  });
  await run.finish(schedule);

  const suspects = options.suspects ?? new Set<string>();
  const broken = await dropBroken(
    store,
    absent.filter(({ name }) => !run.failures.has(name)),
    suspects,
    stops,
  );
  for (const { name } of broken) say(`image "${name}" took up a broken layer of an earlier run; it is pulled again`);
  await run.finish(schedulePulls(broken, await store.layerDigests()));
  if (isStopped(stops))
    throw new Interrupted('stopped while images were pulled', {
      why: 'images and layers that are there are not fetched again',
    });

  const failed = await proveImages(store, images, run.failures, status);
  await status.write();
  return {
    total: list.length,
    pulled: status.counts().pulled,
    alreadyPresent: present.length,
    failed,
    bytes: schedule.totalBytes,
    durationMs: performance.now() - started,
  };
}

/** A whole number of at least one, or a clear word; the reference implementation hangs on 0 and dies on -1. */
export function threadsFrom(value: string | undefined): number {
  if (value === undefined || value === '') return 10;
  if (!/^\d+$/.test(value) || Number(value) < 1 || Number(value) > 1000)
    throw new UsageError(`MAX_PULL_THREADS is "${value}"; give a whole number from 1 to 1000`);
  return Number(value);
}
