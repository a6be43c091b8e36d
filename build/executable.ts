import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile, readFile, chmod } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
const require = createRequire(import.meta.url);

/** Architectures that we build for, as Node and its packages name them. */
export type Architecture = 'x64' | 'arm64';

type Sea = (entry: string, options: { targets: { nodeRange: string; platform: string; arch: string; output: string }[]; nodePath: string; seaConfig: Record<string, unknown> }) => Promise<void>;

/**
 * Makes a single executable for this machine's architecture: pkg's SEA function with absolute paths, because its command
 * line wants to download a Node. The code cache saves the compilation of the bundle at each start.
 */
export async function makeExecutable(bundle: string, node: string, output: string): Promise<void> {
  await withStripped(node, 'strip', async (stripped) => {
    // pkg ships no types for this inner module; its shape is checked by the first call of every build
    const { default: sea } = require('@yao-pkg/pkg/lib-es5/sea') as { default: Sea };
    await sea(bundle, { targets: [{ nodeRange: 'node24', platform: 'linux', arch: 'x64', output }], nodePath: stripped, seaConfig: { useCodeCache: true, disableExperimentalSEAWarning: true } });
    await chmod(output, 0o755);
  });
}

/**
 * The same for another architecture: the blob is made by a Node of the same version that runs here, without code cache
 * (that belongs to one architecture), and injected into the foreign Node.
 */
export async function makeForeignExecutable(bundle: string, hostNode: string, foreignNode: string, output: string): Promise<void> {
  await withStripped(foreignNode, 'eu-strip', async (stripped, folder) => {
    const blob = join(folder, 'sea.blob');
    const config = join(folder, 'sea.json');
    await writeFile(config, JSON.stringify({ main: bundle, output: blob, useCodeCache: false, disableExperimentalSEAWarning: true }));
    await execFileAsync(hostNode, ['--experimental-sea-config', config]);
    const { inject } = require('postject') as { inject: (file: string, resource: string, data: Buffer, options: { sentinelFuse: string; overwrite: boolean }) => Promise<void> };
    await copyFile(stripped, output);
    // Composed, so that this file may itself be bundled without a second sentinel.
    await inject(output, 'NODE_SEA_BLOB', await readFile(blob), { sentinelFuse: ['NODE_SEA', 'FUSE_fce680ab2cc467b6e072b8b5df1996b2'].join('_'), overwrite: true });
    await chmod(output, 0o755);
  });
}

/** Symbols of Node are 15 MB that a live system would carry in memory; they must go before the injection, not after. */
async function withStripped(node: string, strip: 'strip' | 'eu-strip', use: (stripped: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sno-ibi-build-'));
  try {
    const stripped = join(folder, 'node');
    await copyFile(node, stripped);
    await chmod(stripped, 0o755);
    await execFileAsync(strip, strip === 'strip' ? ['--strip-all', stripped] : [stripped]);
    await use(stripped, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
