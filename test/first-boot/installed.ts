import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { kubernetesPrograms } from '../cluster/apiserver/build.ts';
import type { Say } from '../vm/artefacts/cache.ts';
import { rootfs } from '../vm/artefacts/rootfs.ts';
import { enterNamespace } from '../vm/namespace.ts';
import { deploymentOf } from '../vm/nspawn.ts';
import type { VirtualDisk } from '../vm/qemu-arguments.ts';
import { attachLoop, tempDir } from '../vm/resources.ts';
import { podImages } from './artefacts/images.ts';
import { layer } from './artefacts/layer.ts';
import { programs } from './artefacts/programs.ts';
import { stores } from './artefacts/stores.ts';
import { copyStore, ownNotes, type Disk } from './host.ts';
import { openNetwork } from './network.ts';

/*
 * The disk of a host that `ibi` has installed in a virtual machine, for the first boot in a container. What the boot entry, the initramfs and
 * the seed's own units would mount is mounted here: the one deployment as the root, its /usr read-only, its stateroot's /var, and partition 5
 * with the images that the installation has pulled. From the lab come: what CRI-O would hold, since an installation pulls nothing for containerd;
 * /usr/lib/lab; and what mount(8) needs for a config ISO, since this machine's kernel may not know ISO 9660.
 */

/** Mounts that are made already. */
const masked = ['boot.mount', 'var-lib-containers.mount'];

export async function openInstalledDisk(
  { file, sectorSize = 512 }: VirtualDisk,
  stateroot: string,
  scope: AsyncDisposableStack,
  say: Say,
): Promise<Disk> {
  const kubernetes = await kubernetesPrograms(say);
  const store = await stores(await layer(await rootfs(say), say), await podImages(kubernetes, say), say);
  const lab = await programs(kubernetes, say);
  const { path: dir } = scope.use(await tempDir('installed'));
  const at = (name: string): string => join(dir, name);
  for (const name of ['sysroot', 'lab', 'ways', 'store']) await mkdir(at(name));
  await copyStore(store.path('containerd'), at('store'));
  const loop = scope.use(await attachLoop(file, { sectorSize }));
  const inside = scope.use(await enterNamespace({ PATH: process.env['PATH'] }));
  const mount = async (...args: string[]): Promise<void> => {
    await inside.run('mount', args);
  };
  await inside.run('bash', ['-c', ownNotes]);
  await mount(loop.part(4), at('sysroot'));
  const ofStateroot = join(at('sysroot/ostree/deploy'), stateroot);
  const root = await deploymentOf(inside, ofStateroot);
  await mount('--bind', at('sysroot'), join(root, 'sysroot'));
  await mount(loop.part(3), join(root, 'boot'));
  await mount('--bind', join(ofStateroot, 'var'), join(root, 'var'));
  await mount(loop.part(5), join(root, 'var/lib/containers'));
  await mount('--bind', at('store/containerd'), join(root, 'var/lib/containerd'));
  // an overlay without an upper folder is read-only, as OSTree's /usr is
  await mount('-t', 'overlay', 'overlay', '-o', `lowerdir=${lab.path('helpers')}:${root}/usr`, join(root, 'usr'));
  await mount('--bind', '-o', 'ro', lab.path('root'), join(root, 'usr/lib/lab'));
  return { dir, inside, root, network: await openNetwork(inside, at('ways')), shared: [], masked };
}
