import { chmod, copyFile, link, mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { tempDir } from '../resources.ts';
import { ensure, put, type Artefact, type Say } from './cache.ts';
import { seedCommit } from './commits.ts';
import { writeEvilArchive } from './evil-archive.ts';
import { addDirectoryLayer, createLayout, digestOfFile, writeImages, type Written } from './oci-layout.ts';
import { fillEtc, fillFrom, fillVar } from './seed-content.ts';
import {
  defaultKernelArguments,
  defaultManifest,
  formatLabel,
  infoLabel,
  staterootOf,
  type Damage,
  type SeedOptions,
} from './seed-options.ts';

/** A seed image as an OCI layout (its own directory is the layout, the tag names the image in it). */
export type Seed = Artefact & {
  readonly image: Written;
  readonly version: string;
  readonly stateroot: string;
  /** OSTree commit that the installed host must boot. */
  readonly commit: string;
  readonly kernelArguments: readonly string[];
};

/** The tar options on which seed creation and installation must agree. */
const tarOptions = ['--selinux', '--xattrs', '--xattrs-include=*', '--acls'];

const stub = '#!/bin/sh\necho "lca-cli of the lab: $*"\n';

/** A cluster that a seed is made of, instead of a few files that look like one. */
export type SeedCluster = {
  /** `root/` is laid over the OS of the seed's commit. */
  readonly software: Artefact;
  /** `etc/` and `var/` of the host. */
  readonly host: Artefact;
};

/** Makes a seed image exactly as `lca-cli create` does, or one that differs as told. */
export async function makeSeed(tree: Artefact, options: SeedOptions, say: Say, cluster?: SeedCluster): Promise<Seed> {
  const version = options.version ?? '4.17.0';
  const tag = options.tag ?? version;
  const os = await seedCommit(
    tree,
    { tree: options.os?.tree ?? 'full', padMiB: options.os?.padMiB ?? 0 },
    say,
    cluster?.software,
  );
  const packed = await ostreeArchive(os, say);
  const commit = (await readFile(os.path('commit'), 'utf8')).trim();
  const sources = ['seed-content.ts', 'seed-options.ts', 'evil-archive.ts', 'oci-layout.ts'].map(
    (name) => new URL(name, import.meta.url),
  );
  const lcaCli = options.lcaCli === undefined ? '' : await digestOfFile(options.lcaCli);
  const artefact = await ensure(
    {
      name: 'seed',
      sources: [import.meta.url, ...sources],
      inputs: { ...options, lcaCli },
      from: [packed, ...(cluster === undefined ? [] : [cluster.host])],
      async build(dir) {
        await createLayout(dir);
        const root = join(dir, 'root');
        const manifest = JSON.stringify(
          withoutNulls({ ...defaultManifest, seed_cluster_ocp_version: version, ...options.manifest }),
        );
        await mkdir(root);
        await fillRoot(root, { manifest, commit, ostreeTgz: packed.path('ostree.tgz'), options, cluster });
        const labels = withoutNulls({ [formatLabel]: '4', [infoLabel]: manifest, ...options.labels });
        const layer = await addDirectoryLayer(dir, root);
        await rm(root, { recursive: true });
        await writeImages(dir, [{ tag, architecture: options.architecture ?? 'amd64', labels, layers: [layer] }]);
      },
    },
    say,
  );
  // the file was written by writeImages() of this same recipe, whose text is in the key
  const [image] = JSON.parse(await readFile(artefact.path('images.json'), 'utf8')) as [Written];
  return {
    ...artefact,
    image,
    version,
    stateroot: staterootOf(version),
    commit,
    kernelArguments: options.kernelArguments ?? defaultKernelArguments,
  };
}

/** `tar czf ostree.tgz -C /ostree/repo .`; the largest member, and the same in most variants. */
async function ostreeArchive(os: Artefact, say: Say): Promise<Artefact> {
  return ensure(
    {
      name: 'ostree-tgz',
      sources: [],
      inputs: tarOptions,
      from: [os],
      async build(dir) {
        await run('tar', ['-I', 'pigz -6', '-cf', join(dir, 'ostree.tgz'), '-C', os.path('repo'), '.', ...tarOptions]);
      },
    },
    say,
  );
}

type Ingredients = {
  manifest: string;
  commit: string;
  ostreeTgz: string;
  options: SeedOptions;
  cluster: SeedCluster | undefined;
};

async function fillRoot(root: string, { manifest, commit, ostreeTgz, options, cluster }: Ingredients): Promise<void> {
  const at = (name: string): string => join(root, name);
  await using staging = await tempDir('seed');
  await fillVar(staging.path, manifest, options);
  await fillEtc(staging.path);
  if (cluster !== undefined) await fillFrom(cluster.host, staging.path);
  for (const top of ['var', 'etc']) {
    await run('tar', ['-C', staging.path, '-I', 'pigz -6', '-cf', at(`${top}.tgz`), top, ...tarOptions]);
  }
  await link(ostreeTgz, at('ostree.tgz')).catch(() => copyFile(ostreeTgz, at('ostree.tgz')));
  if (options.lcaCli === undefined) await put(at('lca-cli'), stub);
  else await copyFile(options.lcaCli, at('lca-cli'));
  await chmod(at('lca-cli'), 0o777);
  await put(at('containers.list'), (options.containers ?? []).join('\n'), 0o600);
  await put(at('manifest.json'), manifest, 0o600);
  // a host of a cluster has its name from DHCP until its site gives it one
  await put(at('etc.deletions'), `/etc/lab-deleted-by-the-seed\n${cluster === undefined ? '' : '/etc/hostname\n'}`);
  await put(
    at('rpm-ostree.json'),
    JSON.stringify(
      {
        deployments: [
          {
            id: `rhcos-${commit}.1`,
            osname: 'rhcos',
            checksum: commit,
            serial: 1,
            booted: true,
            staged: false,
            pinned: false,
          },
        ],
        transaction: null,
      },
      null,
      2,
    ),
  );
  await put(
    at('mco-currentconfig.json'),
    JSON.stringify({
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfig',
      metadata: { name: 'rendered-master-0123456789abcdef' },
      spec: {
        config: { ignition: { version: '3.4.0' } },
        fips: options.fips ?? false,
        kernelArguments: options.kernelArguments ?? defaultKernelArguments,
      },
    }),
  );
  await put(at(originName(commit)), `[origin]\nrefspec=${commit}\n`);
  await spoil(root, commit, options);
}

const originName = (commit: string): string => `ostree-${commit}.1.origin`;

/** Applies what makes this seed a bad one. Members are replaced, never changed in place: ostree.tgz is a link into the cache. */
async function spoil(root: string, commit: string, options: SeedOptions): Promise<void> {
  const fileOf = (member: string): string => join(root, member === 'origin' ? originName(commit) : member);
  if (options.evil !== undefined) {
    const { archive, escape } = options.evil;
    await rm(fileOf(archive));
    await writeEvilArchive(fileOf(archive), archive === 'ostree.tgz' ? '.' : archive.replace('.tgz', ''), escape);
  }
  for (const [member, damage] of Object.entries(options.damage ?? {})) await damageFile(fileOf(member), damage);
  for (const [member, text] of Object.entries(options.replace ?? {})) await put(fileOf(member), text);
  for (const member of options.without ?? []) await rm(fileOf(member));
}

async function damageFile(path: string, damage: Damage): Promise<void> {
  await copyFile(path, `${path}.copy`);
  await rename(`${path}.copy`, path);
  const { size } = await stat(path);
  switch (damage) {
    case 'truncated':
      return truncate(path, Math.floor(size / 2));
    case 'empty':
      return truncate(path, 0);
    case 'not-gzip':
      return writeFile(path, 'this is not an archive\n'.repeat(1000));
    case 'flipped': {
      await using file = await open(path, 'r+');
      const middle = Math.floor(size / 2);
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, middle);
      await file.write(Buffer.from([(byte[0] ?? 0) ^ 0x55]), 0, 1, middle);
    }
  }
}

function withoutNulls<T>(record: Readonly<Record<string, T | null>>): Record<string, T> {
  const kept: Record<string, T> = {};
  for (const [key, value] of Object.entries(record)) if (value !== null) kept[key] = value;
  return kept;
}
