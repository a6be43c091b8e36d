import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, errorCode, isNotFound, messageOf } from '../../errors/errors.ts';
import { chunksOf, eachOf } from '../../host/each-of.ts';
import { syncFolder } from '../../host/files.ts';
import type { Host } from '../../host/host.ts';

/*
 * A new file is made whole in a folder beside the old one, then renamed over it. Space, rights and a read-only file system
 * are found out while nothing is changed yet; the renames that follow need no space.
 *
 * INVARIANTS
 * - A staged file has mode, owner, ACL, SELinux label and other extended attributes of the old one before it has content.
 * - A staging folder is 0700 and named after its run: what is left of a killed run is found by name, without a list.
 */

/** Made in the folder of the target, because a rename must not leave its file system. */
export const stagingFolder = (path: string, run: string): string => join(dirname(path), `.recert-${run}`);
export const stagedPath = (path: string, run: string): string => join(stagingFolder(path, run), basename(path));

/** What `cp` carries over. Anything that cannot be is an error, not a warning; `xattr` includes the SELinux label. */
const attributes = '--preserve=mode,ownership,xattr';
const everything = '--preserve=mode,ownership,timestamps,xattr';

/** Syncs that wait together share a write of the file system's journal. */
export const syncsAtOnce = 8;

/** More names would make a command line too long to show. */
const filesPerCall = 100;

/** Starting a `cp` is nearly all of its work here, and waits for nothing. */
const copiesAtOnce = 2;

/**
 * Makes the staging folders of these files and in them empty files with attributes: those of the file itself, or of another one that it is
 * to be like. `xargs` starts a `cp` for each: a process of this size takes ten times as long to start one.
 */
export async function stageAttributes(
  host: Host,
  files: readonly { readonly path: string; readonly like: string }[],
  run: string,
): Promise<void> {
  for (const folder of new Set(files.map(({ path }) => stagingFolder(path, run)))) {
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      throw cannot('be staged', files.find(({ path }) => stagingFolder(path, run) === folder)?.path ?? folder, error);
    }
  }
  const pairs = files.map(({ path, like }) => `${like}\0${stagedPath(path, run)}\0`).join('');
  if (pairs !== '')
    await host.run(
      'xargs',
      ['--null', '--max-args=2', `--max-procs=${copiesAtOnce}`, 'cp', '--attributes-only', attributes, '--'],
      { input: pairs, onStop: 'finish' },
    );
}

/** Gives a staged file its content, on stable storage. */
export async function stageContent(path: string, run: string, content: Uint8Array): Promise<void> {
  try {
    const file = await open(stagedPath(path, run), 'r+');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw cannot('be staged', path, error);
  }
}

/** Stages a saved copy as it is, to be put back. */
export async function stageCopy(host: Host, copy: string, path: string, run: string): Promise<void> {
  await mkdir(stagingFolder(path, run), { mode: 0o700, recursive: true });
  await rm(stagedPath(path, run), { force: true });
  await host.run('cp', [everything, '--', copy, stagedPath(path, run)], { onStop: 'finish' });
  await syncFile(stagedPath(path, run));
}

/** Copies originals with everything into a folder, by their whole path: 1 `cp` for many. */
export async function copyOriginals(host: Host, paths: readonly string[], folder: string): Promise<void> {
  // From the root, because `cp --parents` looks for the folders of an absolute path below the working directory when it gives them their attributes.
  for (const some of chunksOf(paths, filesPerCall))
    await host.run('cp', [everything, '--parents', '--target-directory', folder, '--', ...some], {
      cwd: '/',
      onStop: 'finish',
      budgetMs: 5 * 60_000,
    });
  await eachOf(paths, syncsAtOnce, (path) => syncFile(join(folder, path)));
  await eachOf(
    [...new Set(paths.flatMap((path) => foldersAbove(join(folder, path), folder)))],
    syncsAtOnce,
    syncFolder,
  );
}

/** Puts the staged file in the place of the old one, and links its other names to it. */
export async function swap(path: string, links: readonly string[], run: string): Promise<void> {
  try {
    for (const other of links) {
      const beside = `${stagedPath(other, run)}.link`;
      await mkdir(stagingFolder(other, run), { mode: 0o700, recursive: true });
      await rm(beside, { force: true });
      await link(stagedPath(path, run), beside);
      await rename(beside, other);
    }
    await rename(stagedPath(path, run), path);
  } catch (error) {
    throw cannot('be replaced', path, error);
  }
}

/** Removes a file of the plan. */
export async function removeFile(path: string, links: readonly string[]): Promise<void> {
  try {
    for (const one of [path, ...links]) await rm(one, { force: true });
  } catch (error) {
    throw cannot('be removed', path, error);
  }
}

/** Removes the staging folders of these files and makes what happened in their folders stay. */
export async function endStaging(paths: readonly string[], run: string): Promise<void> {
  await eachOf([...new Set(paths.map((path) => stagingFolder(path, run)))], syncsAtOnce, async (folder) => {
    await rm(folder, { recursive: true, force: true });
    await syncFolder(dirname(folder)).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  });
}

/** The content of a file, undefined when there is none. */
export async function contentOf(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw cannot('be read', path, error);
  }
}

function cannot(what: string, path: string, error: unknown): Failure {
  const code = errorCode(error);
  const next: Readonly<Record<string, string>> = {
    ENOSPC: 'make room on its file system',
    EDQUOT: 'make room in the quota of its file system',
    EROFS: 'mount its file system read-write',
    EPERM: `take its immutable flag away: chattr -i ${path}`,
    EACCES: 'run as root',
    EBUSY: 'it is a mount point of its own: mount its folder instead',
    EIO: 'look at the disk (dmesg)',
  };
  const advice = next[code ?? ''];
  return new Failure(`the file "${path}" cannot ${what}: ${code ?? messageOf(error)}`, {
    ...(advice === undefined ? {} : { next: advice }),
    cause: error,
  });
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function foldersAbove(path: string, top: string): string[] {
  const folder = dirname(path);
  return folder.length < top.length ? [] : [folder, ...foldersAbove(folder, top)];
}
