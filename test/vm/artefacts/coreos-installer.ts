import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { read, run } from '../command.ts';
import { cacheRoot, type Artefact, type Say } from './cache.ts';

/** The version the lab was made with. A newer one may print other messages, so it is a deliberate step to raise it. */
const version = '0.27.0';

/**
 * The real coreos-installer, compiled from its crate. About six minutes on two cores, once per machine: it is keyed by its
 * version and not by this file. File: `bin/coreos-installer`.
 */
export async function coreosInstaller(say: Say): Promise<Artefact> {
  const dir = join(cacheRoot(), 'coreos-installer');
  const binary = join(dir, 'bin/coreos-installer');
  if (!(await isVersion(binary))) {
    say(`coreos-installer: compiling version ${version}, this takes several minutes`);
    await mkdir(dir, { recursive: true });
    await run('cargo', ['install', 'coreos-installer', '--locked', '--version', version, '--root', dir], { budgetMs: 3_600_000, env: process.env });
    await run('strip', [binary]);
  }
  return { name: 'coreos-installer', key: version, dir, path: (file) => join(dir, file) };
}

async function isVersion(binary: string): Promise<boolean> {
  if (await stat(binary).then(() => false, () => true)) return false;
  return (await read(binary, ['--version'])).endsWith(` ${version}`);
}
