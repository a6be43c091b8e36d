import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensure, type Artefact, type Recipe, type Say } from '../../vm/artefacts/cache.ts';

const run = promisify(execFile);

/** The release that is built; the module file pins it and all it is made of. */
const release = { major: '1', minor: '34', patch: '4' } as const;

/**
 * The real kube-apiserver as an executable, `kube-apiserver`. Built once for a machine: four minutes when it has nothing else to do,
 * nine beside a busy virtual machine, and 2 GB of Go's build cache.
 */
export const apiServerProgram = (say: Say = () => undefined): Promise<Artefact> => ensure(apiServerRecipe(say), say);

export function apiServerRecipe(say: Say = () => undefined): Recipe {
  const at = (name: string): URL => new URL(name, import.meta.url);
  return {
    name: 'kube-apiserver',
    sources: [at('go.mod'), at('go.sum'), at('judge.go')],
    inputs: { release },
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
      say(`kube-apiserver ${version}: compiling, some minutes`);
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
          join(dir, 'kube-apiserver'),
          'k8s.io/kubernetes/cmd/kube-apiserver',
        ],
        {
          cwd: source,
          env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off', CGO_ENABLED: '0' },
          maxBuffer: 1e8,
        },
      );
    },
  };
}

/** The Go that is fetched where there is only an older one, as on Debian 12: a module like any other, and pinned like one. */
const toolchain = {
  version: 'v0.0.1-go1.24.13.linux-amd64',
  sum: 'h1:5sgfUhn9QCgVl4UYj32GrIYFHI3bi2UX55tNfupXwxc=',
} as const;

/** A Go that is new enough for this release. */
async function newEnoughGo(say: Say): Promise<string> {
  const found = await goesOfThisMachine();
  const fit = found.find(({ minor }) => minor >= 24);
  if (fit !== undefined) return fit.program;
  const [any] = found;
  if (any === undefined) throw new Error(noGo);
  const { path } = await ensure(
    {
      name: 'go-toolchain',
      sources: [],
      inputs: toolchain,
      async build(dir) {
        const { stdout } = await run(
          any.program,
          ['mod', 'download', '-json', `golang.org/toolchain@${toolchain.version}`],
          { cwd: dir, env: { ...process.env, GOFLAGS: '' } },
        );
        const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string }; // what `go help mod download` promises
        if (Sum !== toolchain.sum)
          throw new Error(`the Go toolchain ${toolchain.version} has the sum ${Sum}, not ${toolchain.sum}`);
        // Module archives know no modes.
        await run('sh', ['-c', 'cp -r "$1" go && chmod -R u+w go && chmod +x go/bin/* go/pkg/tool/*/*', 'sh', Dir], {
          cwd: dir,
        });
      },
    },
    say,
  );
  return path('go/bin/go');
}

const noGo = 'the API server needs Go to be built, and there is none on PATH or in "/usr/local/go"';

async function goesOfThisMachine(): Promise<{ program: string; minor: number }[]> {
  const found: { program: string; minor: number }[] = [];
  for (const program of ['go', '/usr/local/go/bin/go']) {
    const version = await run(program, ['version'], { env: { ...process.env, GOTOOLCHAIN: 'local' } }).then(
      ({ stdout }) => /go1\.(\d+)/.exec(stdout)?.[1],
      () => undefined,
    );
    if (version !== undefined) found.push({ program, minor: Number(version) });
  }
  return found;
}

/** Why the judge cannot be had, or false. */
export async function judgeMissing(): Promise<string | false> {
  return (await goesOfThisMachine()).length > 0 ? false : noGo;
}
