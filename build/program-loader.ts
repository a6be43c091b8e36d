import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import { getRawAsset, isSea } from 'node:sea';
import { Script } from 'node:vm';
import { zstdDecompressSync } from 'node:zlib';

/** What a program offers. */
type Program = { readonly main: (...words: unknown[]) => Promise<number> };
type Programs = Readonly<Record<string, () => Promise<Program>>>;

/** Names of the assets in the executable. The text is packed with zstd: 2 MB less in every live system's memory for 3 ms of a start. */
export const assets = { text: 'programs.cjs.zst', cache: 'programs.cache' } as const;

let loaded: Programs | undefined;

/** Part of the executable's start text: takes a program out of the executable. */
export async function loadProgram(name: string): Promise<Program> {
  loaded ??= run(zstdDecompressSync(Buffer.from(getRawAsset(assets.text))).toString('latin1'), cacheInside()).programs;
  const program = loaded[name];
  if (program === undefined) throw new Error(`this executable holds no program "${name}"`);
  return await program();
}

/** The executable of another architecture carries no code cache. */
function cacheInside(): Buffer | undefined {
  try {
    return Buffer.from(getRawAsset(assets.cache));
  } catch {
    return undefined;
  }
}

/** Runs the text of the programs as Node would run a CommonJS file. V8 takes the cache only for this very text, version and set of flags. */
export function run(text: string, cache?: Buffer): { readonly programs: Programs; readonly script: Script } {
  const script = new Script(`(function (exports, require, module) {${text}\n})`, {
    filename: 'programs.cjs',
    ...(cache === undefined ? {} : { cachedData: cache }),
  });
  const module = { exports: {} };
  // Both casts say what bundle.ts wrote into the text.
  const body = script.runInThisContext() as (
    exports: object,
    require: NodeJS.Require,
    module: { exports: object },
  ) => void;
  body(module.exports, isSea() ? require : createRequire(process.execPath), module);
  return { programs: module.exports, script };
}
