import { execFile } from 'node:child_process';
import { link, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { bundlePrograms } from './bundle.ts';
import { makeExecutable } from './executable.ts';

/** Names of the one executable. `ibi` is the file, the others are hard links to it. */
export const programNames = ['ibi', 'post-pivot', 'precache-extract', 'recert', 'lca-cli'] as const;

const execFileAsync = promisify(execFile);
const top = dirname(import.meta.dirname);
/** `node build/build.ts [FOLDER]`: builds into `dist/`, or into the folder that is named. What stood there is removed. */
const dist = resolve(process.argv[2] ?? join(top, 'dist'));

async function main(): Promise<void> {
  const say = (text: string): void => {
    process.stdout.write(`build: ${text}\n`);
  };
  const { version } = JSON.parse(await readFile(join(top, 'package.json'), 'utf8')) as { version: string };
  const commit = await describeCommit();
  await rm(dist, { recursive: true, force: true });
  await mkdir(join(dist, 'arm64'), { recursive: true });

  const bundles = await bundlePrograms(dist, { version, commit });
  say(
    `bundle ${Math.round((await stat(bundles.programs)).size / 1024)} kB, version ${version} (${commit}), Node ${process.version}`,
  );

  await makeExecutable({ bundles, arch: 'x64', node: process.execPath, output: join(dist, 'ibi') });
  await linkNames(dist);
  say(
    `${join(dist, 'ibi')} ${((await stat(join(dist, 'ibi'))).size / 1e6).toFixed(1)} MB, also as ${programNames.slice(1).join(', ')}`,
  );

  const foreign = join(homedir(), '.cache/sno-ibi', `node-linux-arm64-${process.version}`, 'node');
  if (
    !(await stat(foreign).then(
      () => true,
      () => false,
    ))
  ) {
    say(`no arm64 executable: "${foreign}" is missing; the set-up fetches it from the npm registry`);
    return;
  }
  await makeExecutable({ bundles, arch: 'arm64', node: foreign, output: join(dist, 'arm64/ibi') });
  await linkNames(join(dist, 'arm64'));
  say(`${join(dist, 'arm64/ibi')} ${((await stat(join(dist, 'arm64/ibi'))).size / 1e6).toFixed(1)} MB`);
}

async function linkNames(folder: string): Promise<void> {
  for (const name of programNames.slice(1)) await link(join(folder, 'ibi'), join(folder, name));
}

/** The commit that is built; "+" marks a tree that differs from it. */
async function describeCommit(): Promise<string> {
  try {
    const { stdout } = await execFileAsync('git', ['-C', top, 'describe', '--always', '--dirty=+', '--exclude=*'], {
      encoding: 'utf8',
    });
    return stdout.trim();
  } catch {
    return 'unknown';
  }
}

await main();
