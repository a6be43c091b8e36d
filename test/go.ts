import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ensure, type Say } from './vm/artefacts/cache.ts';

const run = promisify(execFile);

/** For a Go that works in a folder whose module file pins everything: nothing of the caller's own settings decides what is built. */
export const goEnvironment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  GOTOOLCHAIN: 'local',
  GOFLAGS: '',
  GOWORK: 'off',
  CGO_ENABLED: '0',
});

const noGo = 'Go is needed here, and there is none on PATH or in "/usr/local/go"';

/** Why there is no Go, or false. */
export async function goMissing(): Promise<string | false> {
  return (await goesOfThisMachine()).length > 0 ? false : noGo;
}

/** The Go that is fetched where there is only an older one, as on Debian 12: a module like any other, and pinned like one. */
const toolchain = {
  version: 'v0.0.1-go1.24.13.linux-amd64',
  sum: 'h1:5sgfUhn9QCgVl4UYj32GrIYFHI3bi2UX55tNfupXwxc=',
} as const;

/** A Go that understands the module files of this repository. */
export async function newEnoughGo(say: Say): Promise<string> {
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
