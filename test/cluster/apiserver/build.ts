import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { goEnvironment, goMissing, newEnoughGo } from '../../go.ts';
import { ensure, type Artefact, type Recipe, type Say } from '../../vm/artefacts/cache.ts';

const run = promisify(execFile);

/** The release that is built; the module file pins it and all it is made of. */
const release = { major: '1', minor: '34', patch: '4' } as const;

const programs = ['kube-apiserver', 'kube-controller-manager', 'kubelet'] as const;

/**
 * The real programs of Kubernetes as executables, by their names: the API server is the judge of renewals, all three are the cluster of
 * `test/first-boot`. One build for all, since they share nine tenths of their packages. Built once for a machine: six minutes when it has
 * nothing else to do, and 2.4 GB of Go's build cache.
 */
export const kubernetesPrograms = (say: Say = () => undefined): Promise<Artefact> => ensure(kubernetesRecipe(say), say);

export function kubernetesRecipe(say: Say = () => undefined): Recipe {
  const at = (name: string): URL => new URL(name, import.meta.url);
  return {
    name: 'kubernetes',
    sources: [at('go.mod'), at('go.sum'), at('judge.go')],
    inputs: { release, programs },
    async build(dir) {
      const go = await newEnoughGo(say);
      const source = join(dir, 'source');
      for (const name of ['go.mod', 'go.sum', 'judge.go']) await cp(at(name), join(source, name));
      // Without these the server says that it is v0.0.0.
      const fact = (name: string, value: string): string => `-X k8s.io/component-base/version.${name}=${value}`;
      const version = `v${release.major}.${release.minor}.${release.patch}`;
      const flags = [
        '-s',
        '-w',
        fact('gitVersion', version),
        fact('gitMajor', release.major),
        fact('gitMinor', release.minor),
        fact('gitTreeState', 'clean'),
        fact('gitCommit', 'unknown'),
        fact('buildDate', '1970-01-01T00:00:00Z'),
      ];
      say(`Kubernetes ${version}: compiling ${programs.join(', ')}, some minutes`);
      await run(
        'nice',
        [
          '-n',
          '10',
          go,
          'build',
          '-mod=readonly',
          '-buildvcs=false',
          '-trimpath',
          '-ldflags',
          flags.join(' '),
          '-o',
          `${dir}/`,
          ...programs.map((name) => `k8s.io/kubernetes/cmd/${name}`),
        ],
        {
          cwd: source,
          env: goEnvironment(),
          maxBuffer: 1e8,
        },
      );
    },
  };
}

/** Why the judge cannot be had, or false. */
export const judgeMissing = goMissing;
