import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isNotFound } from '../errors/errors.ts';

export type WriteOptions = {
  /** Permission bits, independent of the umask. Default 0600. */
  readonly mode?: number;
};

/**
 * Writes a file so that a power cut leaves either the old or the new content: temporary file, fsync, rename, fsync of the folder.
 * Makes missing folders.
 */
export async function writeFileDurably(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  await replaceDurably(path, options, (file) => file.writeFile(content));
}

/** Writes a stream as `writeFileDurably` writes a value: the file appears when all of it is on the disk, and not at all when the stream fails. */
export async function writeStreamDurably(
  path: string,
  content: AsyncIterable<Uint8Array>,
  options: WriteOptions = {},
): Promise<void> {
  await replaceDurably(path, options, (file) => file.writeFile(content));
}

async function replaceDurably(
  path: string,
  options: WriteOptions,
  fill: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await fill(file);
      await file.chmod(options.mode ?? 0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Makes a rename or removal in this folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The text of a file, or undefined when there is none. Any other trouble is an error. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** True when something stands at this path (links are followed). */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** The sorted names in a folder; none when there is no such folder. Any other trouble is an error. */
export async function namesIfPresent(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** A folder that is gone when its scope ends. */
export type TemporaryFolder = AsyncDisposable & { readonly path: string };

/** Makes a private temporary folder below `parent`. */
export async function temporaryFolder(parent: string, prefix: string): Promise<TemporaryFolder> {
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, prefix));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Writes a stream to a file, without promises about power cuts: for what is fetched again when it is lost. */
export async function writeScratch(path: string, content: Readable, options: WriteOptions = {}): Promise<void> {
  await pipeline(content, createWriteStream(path, { mode: options.mode ?? 0o600 }));
}
