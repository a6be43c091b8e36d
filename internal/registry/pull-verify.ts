import { isStopped, type Stops } from './stops.ts';
import type { PlannedImage } from './pull-plan.ts';
import type { ImageStore } from './store.ts';

/**
 * Checks images that took up layers of an earlier, unclean run, and removes the broken ones: podman reuses a layer by its digest and does
 * not look inside. All of them go before any is pulled again, because a layer stays as long as one image has it.
 *
 * @returns the images to pull again
 */
export async function dropBroken(store: ImageStore, images: readonly PlannedImage[], suspects: ReadonlySet<string>, stops: Stops): Promise<PlannedImage[]> {
  const broken: PlannedImage[] = [];
  for (const image of images) {
    const mayBeBroken = image.layers === undefined ? suspects.size > 0 : image.layers.some(({ digest }) => suspects.has(digest));
    if (mayBeBroken && !isStopped(stops) && !(await store.isWhole(image.name))) broken.push(image);
  }
  for (const { name } of broken) await store.podman(['rmi', '--force', name], { onStop: 'finish', budgetMs: 300_000 });
  return broken;
}
