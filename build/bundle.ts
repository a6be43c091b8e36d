import { build } from 'esbuild';

/** What the build writes into the bundle. */
export type BundleFacts = { readonly version: string; readonly commit: string };

/**
 * Bundles the programs to one CommonJS file: a Node 24 single executable takes no other form. Names are kept, so that a
 * stack trace from the field can be read.
 */
export async function bundle(entry: string, output: string, facts: BundleFacts): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: false,
    legalComments: 'none',
    logLevel: 'warning',
    define: { BUILD_VERSION: JSON.stringify(facts.version), BUILD_COMMIT: JSON.stringify(facts.commit) },
  });
}
