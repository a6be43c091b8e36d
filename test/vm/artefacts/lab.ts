import type { Artefact, Say } from './cache.ts';
import { baseCommit } from './commits.ts';
import { coreosInstaller } from './coreos-installer.ts';
import { imageSet, type ImageSet, type ImageSetOptions } from './images.ts';
import { initramfs } from './initramfs.ts';
import { iso } from './iso.ts';
import { live } from './live.ts';
import { metal, type SectorSize } from './metal.ts';
import { rootfs } from './rootfs.ts';
import { makeSeed, type Seed } from './seed.ts';
import type { SeedOptions } from './seed-options.ts';
import { tree } from './tree.ts';

/** What can be had from the cache, each built when it is first asked for. */
export type Lab = {
  tree(): Promise<Artefact>;
  /** Path of the real coreos-installer. */
  installer(): Promise<string>;
  /** Path of the compressed metal image for disks of this sector size. */
  metal(sectorSize: SectorSize): Promise<string>;
  /** Path of a live ISO that carries the metal images for these sector sizes. */
  iso(sectorSizes: readonly SectorSize[]): Promise<string>;
  seed(options?: SeedOptions): Promise<Seed>;
  images(options?: ImageSetOptions): Promise<ImageSet>;
};

/** The lab's parts list, which is also its dependency graph: rootfs → initramfs → tree → commit → metal → ISO. */
export function lab(say: Say): Lab {
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => (made ??= make());
  };
  const root = once(() => rootfs(say));
  const ram = once(async () => initramfs(await root(), say));
  const os = once(async () => tree(await root(), await ram(), say));
  const installer = once(() => coreosInstaller(say));
  const base = once(async () => baseCommit(await os(), say));
  const liveSystem = once(async () => live({ tree: await os(), rootfs: await root(), installer: await installer() }, say));
  const image = async (sectorSize: SectorSize): Promise<Artefact> => metal(await base(), sectorSize, say);
  return {
    tree: os,
    installer: async () => (await installer()).path('bin/coreos-installer'),
    metal: async (sectorSize) => (await image(sectorSize)).path('metal.img.zst'),
    async iso(sectorSizes) {
      const metals: Artefact[] = [];
      for (const size of sectorSizes) metals.push(await image(size));
      return (await iso({ tree: await os(), initramfs: await ram(), live: await liveSystem(), metal: metals }, say)).path('live.iso');
    },
    seed: async (options = {}) => makeSeed(await os(), options, say),
    images: (options = { count: 6 }) => imageSet(options, say),
  };
}
