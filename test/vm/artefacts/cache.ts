import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * INVARIANTS
 * - An artefact is a directory named by the hash of all that went into it. If the directory is there, it is complete: it is
 *   built beside and renamed last. Nobody writes into it afterwards.
 * - Two processes that want the same artefact build it once: the lock file names the builder's pid, and a lock whose pid is
 *   dead counts as no lock.
 * - Nothing of it is ever inside the clone.
 */

export type Artefact = {
  readonly name: string;
  readonly key: string;
  readonly dir: string;
  /** A file of this artefact. */
  path(file: string): string;
};

export type Recipe = {
  name: string;
  /** Files of this repository whose text decides the result: the builder itself and what it copies (`import.meta.url`, URLs beside it). */
  sources: readonly (string | URL)[];
  /** Everything else that decides it: package lists, sizes, options. */
  inputs?: unknown;
  from?: readonly Artefact[];
  build(dir: string): Promise<void>;
};

/** Told about every build, so that a person sees why the first run takes minutes. */
export type Say = (line: string) => void;

export const cacheRoot = (): string => process.env['SNO_IBI_CACHE'] ?? join(homedir(), '.cache', 'sno-ibi');

const isThere = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

export async function keyOf(recipe: Pick<Recipe, 'name' | 'sources' | 'inputs' | 'from'>): Promise<string> {
  const hash = createHash('sha256').update(recipe.name);
  for (const source of recipe.sources) hash.update('\0').update(await readFile(fileURLToPath(source)));
  hash.update('\0').update(JSON.stringify(recipe.inputs ?? null));
  for (const input of recipe.from ?? []) hash.update('\0').update(input.key);
  return hash.digest('hex').slice(0, 16);
}

/** Whether somebody has built it already. */
export async function isBuilt(recipe: Recipe): Promise<boolean> {
  return isThere(join(cacheRoot(), recipe.name, await keyOf(recipe)));
}

/** The artefact of a recipe, built now if nobody has built it yet. */
export async function ensure(recipe: Recipe, say: Say): Promise<Artefact> {
  const key = await keyOf(recipe);
  const parent = join(cacheRoot(), recipe.name);
  const dir = join(parent, key);
  const artefact: Artefact = { name: recipe.name, key, dir, path: (file) => join(dir, file) };
  if (!(await isThere(dir))) {
    await mkdir(parent, { recursive: true });
    await using locks = new AsyncDisposableStack();
    locks.use(await takeLock(`${dir}.lock`, () => say(`${recipe.name}: another process is building it, waiting`)));
    if (!(await isThere(dir))) {
      await refuseStaleCode(recipe);
      await buildInto(dir, recipe, say);
    }
  }
  await utimes(dir, new Date(), new Date());
  return artefact;
}

/**
 * The key is made of the text as it is now, the build of the code as it was when this program started. Seen: a long run
 * that built an old tree under the key of an edited recipe, for everyone who came after.
 */
async function refuseStaleCode({ name, sources }: Recipe): Promise<void> {
  for (const source of sources) {
    const file = fileURLToPath(source);
    if ((await stat(file)).mtimeMs > performance.timeOrigin)
      throw new Error(`"${file}" was changed after this program started; start it again to build "${name}"`);
  }
}

async function buildInto(dir: string, recipe: Recipe, say: Say): Promise<void> {
  const began = performance.now();
  const unfinished = `${dir}.unfinished`;
  say(`${recipe.name}: building`);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await recipe.build(unfinished);
  await rename(unfinished, dir);
  say(`${recipe.name}: built in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

async function takeLock(path: string, onWait: () => void): Promise<AsyncDisposable> {
  for (let waited = false; ; waited = true) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      return {
        async [Symbol.asyncDispose]() {
          await rm(path, { force: true });
        },
      };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => '0'));
    const age =
      Date.now() -
      (await stat(path).then(
        (facts) => facts.mtimeMs,
        () => Date.now(),
      ));
    if (owner > 0 ? !(await isThere(`/proc/${String(owner)}`)) : age > 5000) await rm(path, { force: true });
    else if (!waited) onWait();
    await sleep(300);
  }
}

/** Removes all but the newest `keep` versions of every artefact. The keys of old sources never come back. */
export async function prune(keep: number): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(cacheRoot()).catch(() => [])) {
    const versions: { path: string; usedMs: number }[] = [];
    for (const key of await readdir(join(cacheRoot(), name)).catch(() => [])) {
      if (!/^[0-9a-f]{16}$/.test(key)) continue;
      const path = join(cacheRoot(), name, key);
      versions.push({ path, usedMs: (await stat(path)).mtimeMs });
    }
    versions.sort((a, b) => b.usedMs - a.usedMs);
    for (const { path } of versions.slice(keep)) {
      await rm(path, { recursive: true, force: true });
      removed.push(path);
    }
  }
  return removed;
}

/** Writes a file with its directory; the builders' smallest word. */
export async function put(path: string, text: string | Buffer, mode = 0o644): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await rm(path, { force: true });
  await writeFile(path, text, { mode });
}
