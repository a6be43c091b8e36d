import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { fetchWithSkopeo } from '../../internal/registry/skopeo.ts';
import { recordFolder } from '../../internal/seal/record.ts';
import type { SeedLayer } from '../../internal/seed/stage.ts';
import { removeTree } from '../../internal/host/remove.ts';
import type { StepIo } from '../../internal/steps/step.ts';
import type { Ibi } from './context.ts';
import { waitsBy } from './waits.ts';

/** The layers of the seed, streamed from the registry, or from a copy on the target disk where only skopeo may fetch them. */
export async function seedLayers(ibi: Ibi, io: StepIo): Promise<AsyncDisposable & { layers: SeedLayer[] }> {
  const { host, registry, egress, seed, target, config } = ibi;
  const why = registry.whyNotStreamed(config.seedImage);
  if (why !== undefined) {
    io.say(`skopeo fetches the seed, because ${why}`);
    const folder = join(target.root, recordFolder, 'copy');
    const local = await fetchWithSkopeo(host, egress, seed.image.pinned, folder, {
      signal: io.signal,
      onRetry: waitsBy(io),
      giveUpMs: ibi.options.giveUpMs,
    });
    return {
      layers: local.layers.map(({ digest, mediaType, path }) => ({
        digest,
        mediaType,
        open: () => createReadStream(path, { highWaterMark: 1 << 20 }),
      })),
      [Symbol.asyncDispose]: () => removeTree(host, folder),
    };
  }
  const total = seed.image.layers.reduce((sum, layer) => sum + layer.size, 0);
  let before = 0;
  const layers = seed.image.layers.map((layer) => ({
    digest: layer.digest,
    mediaType: layer.mediaType,
    open: () => {
      const base = before;
      before += layer.size;
      return registry.openBlob(seed.image, layer, {
        signal: io.signal,
        onRetry: waitsBy(io),
        onProgress: (bytes) => {
          io.progress({ done: base + bytes, total, unit: 'bytes' });
        },
      });
    },
  }));
  return { layers, [Symbol.asyncDispose]: () => Promise.resolve() };
}
