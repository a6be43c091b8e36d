import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensure, type Artefact, type Say } from '../../vm/artefacts/cache.ts';

const run = promisify(execFile);

/** The release that is built; the module file pins it and all it is made of. */
const release = { major: '1', minor: '34', patch: '4' } as const;

/**
 * The real kube-apiserver as an executable, `kube-apiserver`. Built once for a machine: four minutes when it has nothing else to do,
 * nine beside a busy virtual machine, and 2 GB of Go's build cache.
 */
export function apiServerProgram(say: Say = () => undefined): Promise<Artefact> {
  const at = (name: string): URL => new URL(name, import.meta.url);
  return ensure({
    name: 'kube-apiserver', sources: [at('go.mod'), at('go.sum'), at('judge.go'), at('build.ts')],
    async build(dir) {
      const go = await findGo();
      const source = join(dir, 'source');
      for (const name of ['go.mod', 'go.sum', 'judge.go']) await cp(at(name), join(source, name));
      // Without these the server says that it is v0.0.0.
      const fact = (name: string, value: string): string => `-X k8s.io/component-base/version.${name}=${value}`;
      const version = `v${release.major}.${release.minor}.${release.patch}`;
      const flags = ['-s', '-w', fact('gitVersion', version), fact('gitMajor', release.major), fact('gitMinor', release.minor), fact('gitTreeState', 'clean'), fact('gitCommit', 'unknown'), fact('buildDate', '1970-01-01T00:00:00Z')];
      say(`kube-apiserver ${version}: compiling, some minutes`);
      await run('nice', ['-n', '10', go, 'build', '-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags', flags.join(' '), '-o', join(dir, 'kube-apiserver'), 'k8s.io/kubernetes/cmd/kube-apiserver'],
        { cwd: source, env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off', CGO_ENABLED: '0' }, maxBuffer: 1e8 });
    },
  }, say);
}

/** A Go that is new enough for this release. */
async function findGo(): Promise<string> {
  const found: string[] = [];
  for (const program of ['go', '/usr/local/go/bin/go']) {
    const version = await run(program, ['env', 'GOVERSION'], { env: { ...process.env, GOTOOLCHAIN: 'local' } }).then(({ stdout }) => stdout.trim(), () => undefined);
    if (version === undefined) continue;
    const [, minor = '0'] = /^go1\.(\d+)/.exec(version) ?? [];
    if (Number(minor) >= 24) return program;
    found.push(version);
  }
  throw new Error(`the API server needs Go 1.24 or newer to be built; ${found.length === 0 ? 'there is no Go on PATH or in "/usr/local/go"' : `found ${found.join(', ')}`}`);
}

/** Whether the judge can be had: it is built, or there is a Go to build it. The reason why not, or false. */
export async function judgeMissing(): Promise<string | false> {
  return findGo().then(() => false as const, (error: unknown) => String(error));
}

