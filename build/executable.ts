import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompressSync } from 'node:zlib';
import type { Bundles } from './bundle.ts';
import { assets } from './program-loader.ts';

const execFileAsync = promisify(execFile);
const require = createRequire(import.meta.url);

/**
 * The young generation stays small, so that it is collected often and buffers that are done with go soon (internal/host/short-lived-buffers.ts).
 * Of V8's flags only those that Node sets per isolate may stand here: any other makes V8 reject the code cache of Node's own modules.
 */
const v8Flags = ['--max-semi-space-size=1'] as const;

export type ExecutableRequest = {
  readonly bundles: Bundles;
  /** The Node that the executable becomes. */
  readonly node: string;
  /** True when that Node is for another machine and cannot run here. */
  readonly foreign: boolean;
  readonly output: string;
};

/**
 * Makes a single executable (Node's own format, "SEA"): the start text, and the programs with their code cache as assets.
 * A code cache belongs to one architecture, so a foreign executable has none and compiles at each start.
 */
export async function makeExecutable({ bundles, node, foreign, output }: ExecutableRequest): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sno-ibi-build-'));
  try {
    const [text, cache, blob, config] = [join(folder, assets.text), join(folder, assets.cache), join(folder, 'sea.blob'), join(folder, 'sea.json')];
    await writeFile(text, packed(await readFile(bundles.programs)));
    if (!foreign) await execFileAsync(process.execPath, [...v8Flags, join(import.meta.dirname, 'code-cache.ts'), bundles.programs, cache], { cwd: folder });
    await writeFile(config, JSON.stringify({
      main: bundles.start,
      output: blob,
      disableExperimentalSEAWarning: true,
      execArgv: v8Flags,
      assets: { [assets.text]: text, ...(foreign ? {} : { [assets.cache]: cache }) },
    }));
    await execFileAsync(process.execPath, ['--experimental-sea-config', config]);
    const stripped = join(folder, 'node');
    await copyFile(node, stripped);
    await chmod(stripped, 0o755);
    // Symbols of Node are 15 MB that a live system would carry in memory; they must go before the injection, not after.
    await execFileAsync(foreign ? 'eu-strip' : 'strip', foreign ? [stripped] : ['--strip-all', stripped]);
    // postject ships no types; the first build of a checkout proves this shape
    const { inject } = require('postject') as { inject: (file: string, resource: string, data: Buffer, options: { sentinelFuse: string; overwrite: boolean }) => Promise<void> };
    // Composed, so that this file may itself be bundled without a second sentinel.
    await withoutNoise(async () => inject(stripped, 'NODE_SEA_BLOB', await readFile(blob), { sentinelFuse: ['NODE_SEA', 'FUSE_fce680ab2cc467b6e072b8b5df1996b2'].join('_'), overwrite: true }));
    await copyFile(stripped, output);
    await chmod(output, 0o755);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The text of the programs as it stands in the executable. */
export function packed(text: Buffer): Buffer {
  return zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
}

/** postject's ELF library warns of notes that `strip` has left without a name; nothing reads them. */
async function withoutNoise(work: () => Promise<void>): Promise<void> {
  const { error, warn } = console;
  const quiet = (say: typeof warn) => (...words: unknown[]): void => { if (!String(words[0]).includes("Can't find string offset for section name")) say(...words); };
  Object.assign(console, { error: quiet(error), warn: quiet(warn) });
  try {
    await work();
  } finally {
    Object.assign(console, { error, warn });
  }
}
