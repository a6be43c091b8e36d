import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { read, run } from '../../vm/command.ts';
import { ensure, type Artefact, type Say } from '../../vm/artefacts/cache.ts';

/**
 * Images of the static pods, by the names that the seed's manifests give them. etcd's is the name that it has in the lab's registry (test/vm/registry.ts):
 * post-pivot's podman needs it where an installation has pulled it to.
 */
export const imageNames = {
  etcd: 'registry.lab:5000/lab/etcd:first-boot',
  hyperkube: 'quay.io/lab/hyperkube:first-boot',
  pause: 'quay.io/lab/pause:first-boot',
} as const;

type Contents = {
  /** Programs of this machine, with the libraries that they are linked with. */
  readonly programs: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly folders: readonly string[];
};

const script = (name: string): string => fileURLToPath(new URL(`../guest/image/${name}`, import.meta.url));
const scripts = ['hyperkube', 'watch-termination', 'pause', 'operator'] as const;
const operators = ['cluster-etcd-operator', 'cluster-kube-apiserver-operator', 'cluster-policy-controller'];

/** Archives of images, `etcd.tar`, `hyperkube.tar` and `pause.tar`, made from the real programs. */
export const podImages = (kubernetes: Artefact, say: Say): Promise<Artefact> =>
  ensure(
    {
      name: 'first-boot-images',
      sources: [import.meta.url, ...scripts.map((name) => new URL(`../guest/image/${name}`, import.meta.url))],
      from: [kubernetes],
      async build(dir) {
        const shell = { programs: ['/bin/bash', '/bin/busybox'], folders: ['tmp', 'var/log'] };
        const contents: Record<keyof typeof imageNames, Contents> = {
          pause: { ...shell, files: { 'usr/bin/pause': script('pause') } },
          etcd: {
            programs: [...shell.programs, '/usr/bin/etcd', '/usr/bin/etcdctl'],
            files: {},
            folders: [...shell.folders, 'var/lib/etcd', 'usr/local/bin'],
          },
          hyperkube: {
            programs: [...shell.programs, '/usr/bin/jq'],
            files: {
              'usr/bin/hyperkube': script('hyperkube'),
              'usr/bin/watch-termination': script('watch-termination'),
              ...Object.fromEntries(operators.map((name) => [`usr/bin/${name}`, script('operator')])),
              'usr/bin/kube-apiserver': kubernetes.path('kube-apiserver'),
              'usr/bin/kube-controller-manager': kubernetes.path('kube-controller-manager'),
            },
            folders: [...shell.folders, 'var/log/kube-apiserver'],
          },
        };
        for (const name of ['pause', 'etcd', 'hyperkube'] as const)
          await archive(dir, name, imageNames[name], contents[name]);
      },
    },
    say,
  );

/** An archive as `docker save` writes it: containerd and podman both take it. */
async function archive(dir: string, name: string, tag: string, contents: Contents): Promise<void> {
  const root = join(dir, name);
  for (const folder of ['bin', ...contents.folders]) await mkdir(join(root, folder), { recursive: true });
  for (const program of contents.programs) await bring(root, program);
  for (const [to, from] of Object.entries(contents.files)) {
    await mkdir(dirname(join(root, to)), { recursive: true });
    await cp(from, join(root, to), { mode: 0 });
    await run('chmod', ['755', join(root, to)]);
  }
  const applets = [
    'sh',
    'ls',
    'cat',
    'mkdir',
    'chmod',
    'touch',
    'mv',
    'rm',
    'cp',
    'sleep',
    'timeout',
    'env',
    'tee',
    'sed',
  ];
  for (const applet of applets) await run('ln', ['-s', 'busybox', join(root, 'bin', applet)]);
  await run('ln', ['-sf', '/bin/busybox', join(root, 'usr/bin/timeout')]);
  const at = join(dir, `${name}.image`);
  await mkdir(at);
  const layerFile = join(at, 'layer.tar');
  await run('tar', ['-C', root, '--sort=name', '--mtime=2024-05-14', '--owner=0', '--group=0', '-cf', layerFile, '.']);
  const diffId = createHash('sha256')
    .update(await readFile(layerFile))
    .digest('hex');
  const config = {
    created: '2024-05-14T00:00:00Z',
    architecture: 'amd64',
    os: 'linux',
    config: {
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
      ...(name === 'pause' ? { Entrypoint: ['/usr/bin/pause'] } : {}),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
    history: [{ created: '2024-05-14T00:00:00Z', created_by: 'the lab' }],
  };
  await writeFile(join(at, 'config.json'), JSON.stringify(config));
  await writeFile(
    join(at, 'manifest.json'),
    JSON.stringify([{ Config: 'config.json', RepoTags: [tag], Layers: ['layer.tar'] }]),
  );
  await run('tar', ['-C', at, '-cf', join(dir, `${name}.tar`), 'manifest.json', 'config.json', 'layer.tar']);
  await run('rm', ['-rf', root, at]);
}

/** A program and what it is linked with, each at the path that it has here. */
async function bring(root: string, program: string): Promise<void> {
  const linked = await read('ldd', [program], { accept: 'any' });
  const libraries = [...linked.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, path]) =>
    path === undefined ? [] : [path],
  );
  for (const path of [program, ...libraries]) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await copyFile(path, join(root, path));
  }
}
