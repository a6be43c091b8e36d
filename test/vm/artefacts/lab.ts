import { join } from 'node:path';
import type { Artefact, Say } from './cache.ts';
import { baseCommit, type OsTree } from './commits.ts';
import { coreosInstaller } from './coreos-installer.ts';
import { imageSet, type ImageSet, type ImageSetOptions } from './images.ts';
import { initramfs, kernelVersion } from './initramfs.ts';
import { iso } from './iso.ts';
import { leftovers } from './leftovers.ts';
import { live } from './live.ts';
import { metal, type SectorSize } from './metal.ts';
import { rootfs } from './rootfs.ts';
import { makeSeed, type Seed, type SeedCluster } from './seed.ts';
import type { SeedOptions } from './seed-options.ts';
import { tree } from './tree.ts';

/** What can be had from the cache, each built when it is first asked for. */
export type Lab = {
  tree(): Promise<Artefact>;
  /** Path of the real coreos-installer. */
  installer(): Promise<string>;
  /** Path of the compressed metal image for disks of this sector size. Its stock OS boots only when it is `full`, the default. */
  metal(sectorSize: SectorSize, stock?: OsTree): Promise<string>;
  /** Path of a live ISO that carries the metal images for these sector sizes. */
  iso(sectorSizes: readonly SectorSize[], stock?: OsTree): Promise<string>;
  /** Kernel and initramfs of the live ISO, for a start without firmware. */
  liveKernel(): Promise<{ file: string; initrd: string }>;
  /** Path of a used disk of 8 GiB, to be copied. */
  leftovers(): Promise<string>;
  seed(options?: SeedOptions, cluster?: SeedCluster): Promise<Seed>;
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
  const liveSystem = once(async () =>
    live({ tree: await os(), rootfs: await root(), installer: await installer() }, say),
  );
  const image = async (sectorSize: SectorSize, stock: OsTree = 'full'): Promise<Artefact> =>
    metal(await baseCommit(await os(), stock, say), sectorSize, say);
  const medium = async (sectorSizes: readonly SectorSize[], stock?: OsTree): Promise<Artefact> => {
    const metals: Artefact[] = [];
    for (const size of sectorSizes) metals.push(await image(size, stock));
    return iso({ tree: await os(), initramfs: await ram(), live: await liveSystem(), metal: metals }, say);
  };
  const liveKernel = async (): Promise<{ file: string; initrd: string }> => {
    const root = (await os()).path('root');
    return {
      file: join(root, 'usr/lib/modules', await kernelVersion(root), 'vmlinuz'),
      initrd: (await ram()).path('initramfs.img'),
    };
  };
  return {
    tree: os,
    installer: async () => (await installer()).path('bin/coreos-installer'),
    metal: async (sectorSize, stock) => (await image(sectorSize, stock)).path('metal.img.zst'),
    iso: async (sectorSizes, stock) => (await medium(sectorSizes, stock)).path('live.iso'),
    liveKernel,
    leftovers: async () =>
      (await leftovers({ iso: await medium([512], 'small'), kernel: await liveKernel() }, say)).path('disk.img'),
    seed: async (options = {}, cluster) => makeSeed(await os(), options, say, cluster),
    images: (options = { count: 6 }) => imageSet(options, say),
  };
}
