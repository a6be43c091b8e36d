import type { Failure } from '../errors/errors.ts';
import type { PlannedImage } from './pull-plan.ts';
import type { PullStatus } from './pull-status.ts';
import { isStopped, type Stops } from './stops.ts';
import type { ImageStore } from './store.ts';

/**
 * Checks images that took up layers of an earlier, unclean run, and removes the broken ones: podman reuses a layer by its digest and does
 * not look inside. All of them go before any is pulled again, because a layer stays as long as one image has it.
 *
 * @returns the images to pull again
 */
export async function dropBroken(
  store: ImageStore,
  images: readonly PlannedImage[],
  suspects: ReadonlySet<string>,
  stops: Stops,
): Promise<PlannedImage[]> {
  const broken: PlannedImage[] = [];
  for (const image of images) {
    const mayBeBroken =
      image.layers === undefined ? suspects.size > 0 : image.layers.some(({ digest }) => suspects.has(digest));
    if (mayBeBroken && !isStopped(stops) && !(await store.isWhole(image.name))) broken.push(image);
  }
  for (const { name } of broken) await store.podman(['rmi', '--force', name], { onStop: 'finish', budgetMs: 300_000 });
  return broken;
}

/** An image that is not in the store, with its reason. */
export type FailedPull = { readonly image: string; readonly why: string; readonly next: string | undefined };

/** The store has the last word: what it holds has not failed, and what it does not hold was not pulled. */
export async function proveImages(
  store: ImageStore,
  images: readonly PlannedImage[],
  failures: ReadonlyMap<string, Failure>,
  status: PullStatus,
): Promise<FailedPull[]> {
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
    failed.push({
      image: name,
      why: failure?.why ?? failure?.message ?? 'podman reported success, and the store does not have it',
      next: failure?.next,
    });
  }
  return failed;
}
