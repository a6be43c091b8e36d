import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensure, type Artefact, type Say } from './cache.ts';
import { addDirectoryLayer, createLayout, writeImages, type Layer, type Written } from './oci-layout.ts';

export type ImageSetOptions = {
  count: number;
  /** Sizes in KiB of the layer that all share, of those that six share, and of the one that each image has alone. */
  sharedKiB?: number;
  groupKiB?: number;
  ownKiB?: number;
};

/** The images that a seed's containers.list names: small, incompressible, and sharing layers as images of one release do. */
export type ImageSet = Artefact & { readonly images: readonly Written[]; readonly uniqueLayerBytes: number };

/** Repeatable bytes that do not compress. */
function noise(name: string, sizeBytes: number): Buffer {
  const blocks: Buffer[] = [];
  for (let index = 0; index * 64 < sizeBytes; index += 1)
    blocks.push(
      createHash('sha512')
        .update(`${name} ${String(index)}`)
        .digest(),
    );
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

/** An OCI layout with `count` images, tags `app-00` and up. */
export async function imageSet(options: ImageSetOptions, say: Say): Promise<ImageSet> {
  const { count, sharedKiB = 2048, groupKiB = 1024, ownKiB = 256 } = options;
  const artefact = await ensure(
    {
      name: 'images',
      sources: [import.meta.url, new URL('oci-layout.ts', import.meta.url)],
      inputs: { count, sharedKiB, groupKiB, ownKiB },
      async build(dir) {
        await createLayout(dir);
        const layer = async (name: string, sizeKiB: number): Promise<Layer> => {
          const staging = join(dir, 'staging');
          await mkdir(join(staging, 'opt'), { recursive: true });
          await writeFile(join(staging, 'opt', name), noise(name, sizeKiB * 1024));
          const made = await addDirectoryLayer(dir, staging);
          await rm(staging, { recursive: true });
          return made;
        };
        const shared = await layer('base', sharedKiB);
        const groups: Layer[] = [];
        for (let index = 0; index < Math.ceil(count / 6); index += 1)
          groups.push(await layer(`runtime-${String(index)}`, groupKiB));
        const images = [];
        for (let index = 0; index < count; index += 1) {
          const tag = `app-${String(index).padStart(2, '0')}`;
          const group = groups[Math.floor(index / 6)] ?? shared;
          images.push({ tag, layers: [shared, group, await layer(tag, ownKiB)], labels: { name: tag } });
        }
        await writeImages(dir, images);
      },
    },
    say,
  );
  // the file was written by writeImages() of this same recipe, whose text is in the key
  const images = JSON.parse(await readFile(artefact.path('images.json'), 'utf8')) as Written[];
  const unique = new Map(images.flatMap((image) => image.layers.map((one) => [one.digest, one.sizeBytes] as const)));
  return { ...artefact, images, uniqueLayerBytes: [...unique.values()].reduce((sum, size) => sum + size, 0) };
}
