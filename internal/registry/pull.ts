import { Interrupted, type Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { listImages, type ListedImage } from './pull-list.ts';
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
  /** True: pull what can be pulled. Else nothing is pulled once an image is known that no pull can bring. Default: true. */
  readonly bestEffort?: boolean;
  /** Facts worth a line. */
  readonly say?: (text: string) => void;
  readonly warn?: (text: string) => void;
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
 * @throws Interrupted after running pulls have ended, when we were told to stop
 */
export async function pullImages(host: Host, list: readonly string[], options: PullOptions): Promise<PullReport> {
  const started = performance.now();
  const { say = host.log.info, warn = host.log.warn, bestEffort = true } = options;
  const threads = options.threads ?? threadsFrom(host.env['MAX_PULL_THREADS'], warn);
  const store = openStore(host, options.store);
  const stops: Stops = { stop: host.stop, signal: options.signal };
  const status = openStatus(host, options.statusFile, list);
  await status.write();

  const images = await listImages(options.registry, [...new Set(list)], await store.images(), { say, ...stops });
  const present = images.filter(({ isPresent }) => isPresent);
  const hopeless = new Map(
    images.flatMap(({ name, hopeless: why }) => (why === undefined ? [] : [[name, why] as const])),
  );
  const absent = images.filter(({ name, isPresent }) => !isPresent && !hopeless.has(name));
  for (const { name } of present) status.pulled(name);
  await status.write();
  const report = async (
    failures: ReadonlyMap<string, Failure>,
    of: readonly ListedImage[],
    bytes: number,
  ): Promise<PullReport> => {
    const failed = await proveImages(store, of, failures, status);
    await status.write();
    return {
      total: list.length,
      pulled: status.counts().pulled,
      alreadyPresent: present.length,
      failed,
      bytes,
      durationMs: performance.now() - started,
    };
  };
  if (hopeless.size > 0 && !bestEffort)
    return await report(
      hopeless,
      images.filter(({ name }) => hopeless.has(name)),
      0,
    );

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

  return await report(new Map([...run.failures, ...hopeless]), images, schedule.totalBytes);
}

const defaultThreads = 10;

/** A whole number of at least one. A unit may set something else: that costs time, not the installation. */
export function threadsFrom(value: string | undefined, warn: (text: string) => void): number {
  if (value === undefined || value === '') return defaultThreads;
  if (/^\+?\d{1,9}$/.test(value) && Number(value) >= 1) return Number(value);
  warn(
    `MAX_PULL_THREADS is "${value}"; continuing with ${defaultThreads} pulls at once, because it is no whole number from 1`,
  );
  return defaultThreads;
}
