import { readFile } from 'node:fs/promises';
import { Failure } from '../../internal/errors/errors.ts';
import { mirrorSources } from '../../internal/image/mirrors.ts';
import { overridesSeedRegistry, replaceRegistry } from '../../internal/image/seed-registry.ts';
import type { PullReport } from '../../internal/registry/pull.ts';
import { openStore, repairStore } from '../../internal/registry/store.ts';
import { reach, readRecord } from '../../internal/seal/record.ts';
import { imageList } from '../../internal/seed/image-list.ts';
import { parseSeedManifest } from '../../internal/config/seed-manifest.ts';
import { stagingAt } from '../../internal/seed/staging.ts';
import type { StepIo } from '../../internal/steps/step.ts';
import type { Ibi } from './context.ts';
import { stagingFolder } from './written.ts';

/**
 * The images that the host will need, under the names it will look for: the seed's list, with the seed's registry replaced
 * where this site's mirrors ask for it (internal/image/seed-registry.ts).
 */
export async function imagesToPull({ egress, config, target }: Ibi): Promise<{ images: string[]; why: string }> {
  const staging = stagingAt(stagingFolder(target));
  const list = imageList(await staging.member('containers.list'));
  const manifest = parseSeedManifest(await staging.member('manifest.json'), '"manifest.json"');
  const from = manifest.release_registry;
  const overrides = overridesSeedRegistry({
    mirrorSources: mirrorSources(egress.mirrors),
    seedRegistry: from,
    seedHasMirrors: manifest.mirror_registry_configured,
  });
  if (!overrides) return { images: list, why: `${list.length} images of the seed's list, under the seed's names` };
  return {
    images: list.map((image) => replaceRegistry(image, from, config.releaseRegistry)),
    why: `${list.length} images of the seed's list, "${from}" replaced by "${config.releaseRegistry}"`,
  };
}

/**
 * Layers in the store that may be hollow. A power cut leaves files of zero length in layers that the store believes to be
 * complete; a killed process does not. So the store is checked only when pulls began under another boot than this one.
 */
export async function suspectLayers(
  { host, target, seed }: Ibi,
  say: (fact: string) => void,
): Promise<ReadonlySet<string>> {
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const before = (await readRecord(target.root))?.milestones['pulling'];
  await reach(host, target.root, 'pulling', `${seed.installId} ${boot}`);
  if (before === undefined || before.endsWith(` ${boot}`)) return new Set();
  say('pulls of an earlier run were cut off with the power; the image store is checked');
  const check = await repairStore(host, openStore(host));
  for (const image of check.dropped) say(`image "${image}" was damaged and is pulled again`);
  return check.suspects;
}

/** @throws Failure naming every image that is missing, unless the configuration takes what it can get */
export function judgePulls(report: PullReport, bestEffort: boolean, io: Pick<StepIo, 'say' | 'warn'>): void {
  if (report.failed.length === 0) {
    io.say(`all ${report.total} images are in the store, ${report.alreadyPresent} were there before`);
    return;
  }
  for (const { image, why } of report.failed) io.warn(`image "${image}" is missing: ${why}`);
  if (bestEffort) {
    io.warn(
      `${report.failed.length} of ${report.total} images are missing; continuing because the configuration says precacheBestEffort`,
    );
    return;
  }
  const first = report.failed[0];
  throw new Failure('failed to pre-cache one or more images', {
    why: `${report.failed.length} of ${report.total} are missing, the first is "${first?.image ?? ''}": ${first?.why ?? ''}`,
    ...(first?.next === undefined ? {} : { next: first.next }),
  });
}
