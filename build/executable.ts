import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompressSync } from 'node:zlib';
import pkg from '@yao-pkg/pkg/lib-es5/sea.js';
import type { Bundles } from './bundle.ts';
import { assets } from './program-loader.ts';

const execFileAsync = promisify(execFile);

/**
 * The young generation stays small, so that it is collected often and buffers that are done with go soon (internal/host/short-lived-buffers.ts).
 * Of V8's flags only those that Node sets per isolate may stand here: any other makes V8 reject the code cache of Node's own modules.
 */
const v8Flags = ['--max-semi-space-size=1'] as const;

export type ExecutableRequest = {
  readonly bundles: Bundles;
  readonly arch: 'x64' | 'arm64';
  /** The Node that the executable becomes, of this very version and that architecture. */
  readonly node: string;
  readonly output: string;
};

/**
 * Makes a single executable: pkg's simple mode writes the blob (start text, and the programs with their code cache as assets) and injects it into Node.
 * A code cache belongs to one architecture, so a foreign executable has none and compiles at each start.
 *
 * INVARIANT: one call at a time: pkg changes the working directory of the process, and we its home, while it works.
 */
export async function makeExecutable({ bundles, arch, node, output }: ExecutableRequest): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sno-ibi-build-'));
  const foreign = arch !== process.arch;
  try {
    const [text, cache] = [join(folder, assets.text), join(folder, assets.cache)];
    await writeFile(text, packed(await readFile(bundles.programs)));
    if (!foreign)
      await execFileAsync(
        process.execPath,
        [...v8Flags, join(import.meta.dirname, 'code-cache.ts'), bundles.programs, cache],
        { cwd: folder },
      );
    const stripped = await layWhereFetched(folder, arch);
    await copyFile(node, stripped);
    await chmod(stripped, 0o755);
    // Symbols of Node are 15 MB that a live system would carry in memory; they must go before the injection, not after.
    await execFileAsync(foreign ? 'eu-strip' : 'strip', foreign ? [stripped] : ['--strip-all', stripped]);
    const seaConfig = {
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: false,
      execArgv: v8Flags, // not in pkg's type, which Node's own configuration is a superset of
      assets: { [assets.text]: text, ...(foreign ? {} : { [assets.cache]: cache }) },
    };
    await atHome(folder, () =>
      pkg.default(bundles.start, {
        targets: [{ nodeRange: `node${process.versions.node}`, platform: 'linux', arch, output }],
        seaConfig,
      }),
    );
    await chmod(output, 0o755);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Where pkg finds a Node that it has fetched, with the three marks that say so: it then fetches nothing, and a build needs no network. Its option
 * `nodePath` would start the file to ask for its version, which a Node of another architecture can't answer.
 *
 * @returns the path at which the Node is to be laid
 */
async function layWhereFetched(home: string, arch: ExecutableRequest['arch']): Promise<string> {
  const fetched = join(home, '.pkg-cache/sea', `node-v${process.versions.node}-linux-${arch}`);
  await mkdir(join(fetched, 'bin'), { recursive: true });
  for (const mark of [`${fetched}.tar.gz`, `${fetched}.tar.gz.ok`, join(fetched, 'bin/node.ok')])
    await writeFile(mark, '');
  return join(fetched, 'bin/node');
}

async function atHome(home: string, work: () => Promise<void>): Promise<void> {
  const before = process.env['HOME'];
  process.env['HOME'] = home;
  try {
    await work();
  } finally {
    if (before === undefined) delete process.env['HOME'];
    else process.env['HOME'] = before;
  }
}

/** The text of the programs as it stands in the executable. */
export function packed(text: Buffer): Buffer {
  return zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
}
