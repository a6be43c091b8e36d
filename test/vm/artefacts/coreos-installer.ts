import { run } from '../command.ts';
import { ensure, type Artefact, type Recipe, type Say } from './cache.ts';

/** The version the lab was made with. A newer one may print other messages, so it is a deliberate step to raise it. */
const version = '0.27.0';

/** The real coreos-installer, compiled from its crate. About six minutes on two cores, once per machine: it is keyed by its version and not by this file. */
export const coreosInstallerRecipe: Recipe = {
  name: 'coreos-installer',
  sources: [],
  inputs: { version },
  async build(dir) {
    await run(
      'nice',
      ['-n', '10', 'cargo', 'install', 'coreos-installer', '--locked', '--version', version, '--root', dir],
      { budgetMs: 3_600_000, env: process.env },
    );
    await run('strip', [`${dir}/bin/coreos-installer`]);
  },
};

/** File: `bin/coreos-installer`. */
export const coreosInstaller = (say: Say): Promise<Artefact> => ensure(coreosInstallerRecipe, say);
