import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundlePrograms } from '../build/bundle.ts';
import { makeExecutable } from '../build/executable.ts';
import { cacheRoot } from '../test/vm/artefacts/cache.ts';
import { read } from '../test/vm/command.ts';

const top = join(import.meta.dirname, '..');

let made: Promise<string> | undefined;

/**
 * The executable as it would be shipped, built from the sources as they stand. Not `dist/`: that may be of yesterday, and
 * rebuilding it would take it away from whoever is using it.
 */
export function productExecutable(): Promise<string> {
  return (made ??= build());
}

async function build(): Promise<string> {
  const folder = join(cacheRoot(), 'bench-product');
  await mkdir(folder, { recursive: true });
  const { version } = JSON.parse(await readFile(join(top, 'package.json'), 'utf8')) as { version: string };
  const commit = await read('git', ['-C', top, 'describe', '--always', '--dirty=+', '--exclude=*']).catch(
    () => 'unknown',
  );
  const output = join(folder, 'ibi');
  await makeExecutable({
    bundles: await bundlePrograms(folder, { version, commit }),
    arch: 'x64',
    node: process.execPath,
    output,
  });
  return output;
}
