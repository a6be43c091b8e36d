import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, until } from '../../vm/command.ts';
import { enterNamespace } from '../../vm/namespace.ts';
import { ensure, type Artefact, type Say } from '../../vm/artefacts/cache.ts';
import { imageNames } from './images.ts';

/**
 * The container stores of the host, as the installation leaves them: all images of the static pods in containerd's (`containerd/`), which
 * stands for CRI-O, and etcd's in podman's (`containers/`).
 */
export const stores = (layer: Artefact, images: Artefact, say: Say): Promise<Artefact> =>
  ensure(
    {
      name: 'first-boot-stores',
      sources: [import.meta.url],
      from: [layer, images],
      async build(dir) {
        await podmanStore(dir, images.path('etcd.tar'));
        await containerdStore(dir, `${layer.path('root/usr/bin')}:${layer.path('tools')}`, images);
      },
    },
    say,
  );

async function podmanStore(dir: string, archive: string): Promise<void> {
  const graph = join(dir, 'containers/storage');
  const runRoot = join(dir, 'run');
  await mkdir(graph, { recursive: true });
  const store = `containers-storage:[overlay@${graph}+${runRoot}]${imageNames.etcd}`;
  await run('skopeo', ['--insecure-policy', 'copy', `docker-archive:${archive}`, store]);
  await run('umount', [join(graph, 'overlay')], { accept: 'any' });
  await rm(runRoot, { recursive: true, force: true });
}

async function containerdStore(dir: string, bin: string, images: Artefact): Promise<void> {
  await using inside = await enterNamespace({ PATH: `${bin}:${process.env['PATH'] ?? ''}` });
  const state = join(dir, 'state');
  const socket = join(state, 'containerd.sock');
  const config = join(dir, 'containerd.toml');
  await mkdir(state);
  await writeFile(
    config,
    `version = 2\nroot = "${dir}/containerd"\nstate = "${state}"\n[grpc]\n  address = "${socket}"\n`,
  );
  await using server = await inside.start('containerd', ['--config', config], { logFile: join(dir, 'containerd.log') });
  const ctr = (...args: string[]): ReturnType<typeof inside.run> =>
    inside.run('ctr', ['--address', socket, '--namespace', 'k8s.io', ...args], { accept: 'any' });
  await until('containerd', async () => (await ctr('version')).exitCode === 0 || !server.isRunning(), 30_000);
  for (const name of Object.keys(imageNames)) {
    const { exitCode, stderr } = await ctr('images', 'import', images.path(`${name}.tar`));
    if (exitCode !== 0) throw new Error(`containerd does not take "${name}.tar": ${stderr}`);
  }
  await server.stop();
  for (const path of [state, config]) await rm(path, { recursive: true, force: true });
}
