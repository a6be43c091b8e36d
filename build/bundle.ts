import { dirname, join } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { etcdDescriptor } from './etcd-descriptor.ts';

/** What the build writes into the bundle. */
export type BundleFacts = { readonly version: string; readonly commit: string };

/** The two texts of the executable: what every start runs, and what holds the programs. */
export type Bundles = { readonly start: string; readonly programs: string };

const top = dirname(import.meta.dirname);

/**
 * Bundles the programs to CommonJS: a Node 24 single executable takes no other form.
 *
 * `start.cjs` is `cmd/main.ts` alone, in which the import of `cmd/ibi/main.ts` has become a call of `program-loader.ts`; `programs.cjs` holds
 * whatever is imported so, once. Node makes the code cache of an executable's main text before that text has run, so that hardly a
 * function is in it; for a text that we load ourselves we can make it afterwards (`code-cache.ts`).
 */
export async function bundlePrograms(folder: string, facts: BundleFacts): Promise<Bundles> {
  const bundles = { start: join(folder, 'start.cjs'), programs: join(folder, 'programs.cjs') };
  const found = new Set<string>();
  await build({
    ...common(facts),
    entryPoints: [join(top, 'cmd/main.ts')],
    outfile: bundles.start,
    plugins: [programsApart(found)],
  });
  const exports = [...found]
    .sort()
    .map((program) => `export const ${exportOf(program)} = () => import('./cmd/${program}/main.ts');`)
    .join('\n');
  await build({
    ...common(facts),
    stdin: { contents: exports, resolveDir: top, sourcefile: 'programs.ts', loader: 'ts' },
    outfile: bundles.programs,
  });
  return bundles;
}

function common({ version, commit }: BundleFacts): BuildOptions {
  return {
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: false, // identifiers are not shortened, so a stack trace from the field can be read
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [etcdDescriptor, englishOnly],
    charset: 'ascii', // the loader reads it as Latin-1, which costs one copy and no decoding
    define: { BUILD_VERSION: JSON.stringify(version), BUILD_COMMIT: JSON.stringify(commit) },
  };
}

/** zod brings its messages in fifty languages; we write our own, and it falls back to the English ones, which it imports by themselves. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};', loader: 'js' }));
  },
};

/** Turns the dispatcher's import of a program into a call of the loader, and notes the program. */
function programsApart(found: Set<string>): Plugin {
  return {
    name: 'programs-apart',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\/[a-z-]+\/main\.ts$/ }, ({ path, kind, importer }) => {
        if (kind !== 'dynamic-import' || importer !== join(top, 'cmd/main.ts')) return undefined;
        const program = path.split('/')[1] ?? '';
        found.add(program);
        return { path: program, namespace: 'program' };
      });
      onLoad({ filter: /.*/, namespace: 'program' }, ({ path }) => ({
        contents: `import { loadProgram } from './build/program-loader.ts';\nexport const main = async (...words) => (await loadProgram('${exportOf(path)}')).main(...words);`,
        resolveDir: top,
        loader: 'js',
      }));
    },
  };
}

function exportOf(program: string): string {
  return program.replaceAll('-', '_');
}
