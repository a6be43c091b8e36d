import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { goEnvironment, newEnoughGo } from '../go.ts';
import { ensure, type Artefact, type Recipe, type Say } from '../vm/artefacts/cache.ts';

/**
 * The real validator of Ignition as an executable, `ignition-validate`: what a live ISO would refuse, it refuses. The module file pins it.
 * Compiled once for a machine: half a minute of a processor, 5 MB.
 */
export const ignitionValidate = (say: Say = () => undefined): Promise<Artefact> =>
  ensure(ignitionValidateRecipe(say), say);

export function ignitionValidateRecipe(say: Say = () => undefined): Recipe {
  const at = (name: string): URL => new URL(name, import.meta.url);
  return {
    name: 'ignition-validate',
    sources: [at('go.mod'), at('go.sum')],
    async build(dir) {
      const go = await newEnoughGo(say);
      const source = join(dir, 'source');
      for (const name of ['go.mod', 'go.sum']) await cp(at(name), join(source, name));
      const output = join(dir, 'ignition-validate');
      const flags = ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags', '-s -w', '-o', output];
      await promisify(execFile)('nice', ['-n', '10', go, 'build', ...flags, 'github.com/coreos/ignition/v2/validate'], {
        cwd: source,
        env: goEnvironment(),
        maxBuffer: 1e8,
      });
    },
  };
}
