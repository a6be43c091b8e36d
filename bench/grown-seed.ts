import { appendFile, cp, mkdir, readFile, readdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensure, type Artefact, type Say } from '../test/vm/artefacts/cache.ts';
import { makeSeed, type Seed } from '../test/vm/artefacts/seed.ts';
import { tempDir } from '../test/vm/resources.ts';
import { run } from '../test/vm/command.ts';

const MiB = 1024 * 1024;

/**
 * A seed whose OS has `osMiB` unpacked. It grows by further copies of the lab OS's own files, each with a line of its own at the
 * end: sizes, kinds and compressibility are those of an operating system, no two objects are the same, and gzip's window of
 * 32 KiB does not see the copy. The executable of the seed (podman's here: a program of Go, as the real one) is in it twice, as
 * seed creation leaves it.
 */
export async function grownSeed(tree: Artefact, osMiB: number, say: Say): Promise<Seed> {
  const artefact = await ensure(
    {
      name: 'bench-seed',
      sources: [import.meta.url, new URL('../test/vm/artefacts/seed.ts', import.meta.url)],
      inputs: { osMiB },
      from: [tree],
      async build(dir) {
        await using work = await tempDir('bench-seed');
        const root = join(work.path, 'tree/root');
        await mkdir(dirname(root));
        await run('cp', ['-al', tree.path('root'), root]); // links: only new files are written below
        await grow(root, osMiB * MiB);
        const grown: Artefact = {
          name: 'tree',
          key: `grown-${String(osMiB)}`,
          dir: join(work.path, 'tree'),
          path: (file) => join(work.path, 'tree', file),
        };
        // The steps in between are gigabytes and serve nothing but this seed: they live and die in a cache of their own.
        const outer = process.env['SNO_IBI_CACHE'];
        process.env['SNO_IBI_CACHE'] = join(work.path, 'cache');
        try {
          const seed = await makeSeed(
            grown,
            { lcaCli: tree.path('root/usr/bin/podman'), lcaCliInVar: true, manyFiles: 2 * osMiB },
            say,
          );
          await rename(seed.dir, join(dir, 'layout')).catch(() =>
            cp(seed.dir, join(dir, 'layout'), { recursive: true }),
          ); // another file system
          await run('sh', [
            '-c',
            'printf %s "$0" > "$1"',
            JSON.stringify({ ...seed, dir: undefined }),
            join(dir, 'seed.json'),
          ]);
        } finally {
          if (outer === undefined) delete process.env['SNO_IBI_CACHE'];
          else process.env['SNO_IBI_CACHE'] = outer;
        }
      },
    },
    say,
  );
  const facts = JSON.parse(await readFile(artefact.path('seed.json'), 'utf8')) as Omit<Seed, 'dir' | 'path'>; // written above
  return { ...facts, dir: artefact.path('layout'), path: (file) => join(artefact.dir, 'layout', file) };
}

/** Adds copies of the files below `usr` until all files together have this size. */
async function grow(root: string, wanted: number): Promise<void> {
  const files: { path: string; size: number }[] = [];
  for (const entry of await readdir(join(root, 'usr'), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.push({ path, size: (await stat(path)).size });
  }
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (let copy = 1; total < wanted; copy += 1) {
    for (const { path, size } of files) {
      if (total >= wanted) return;
      const to = join(root, 'usr/share/bench-copies', String(copy), path.slice(root.length));
      await mkdir(dirname(to), { recursive: true });
      await cp(path, to);
      await appendFile(to, `\ncopy ${String(copy)}\n`);
      total += size;
    }
  }
}
