import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errorCode, isNotFound, UsageError } from '../errors/errors.ts';
import type { RecertValues } from './recert-config-values.ts';

/** The old lists stand for two of the new ones each; giving both says two things of one place. */
export function placesOf(values: RecertValues): {
  cryptoDirs: readonly string[];
  cryptoFiles: readonly string[];
  clusterDirs: readonly string[];
  clusterFiles: readonly string[];
} {
  const pick = (
    old: 'static_dirs' | 'static_files',
    one: 'crypto_dirs' | 'crypto_files',
    two: 'cluster_customization_dirs' | 'cluster_customization_files',
  ): [readonly string[], readonly string[]] => {
    const all = values[old] ?? [];
    if (all.length === 0) return [values[one] ?? [], values[two] ?? []];
    for (const key of [one, two]) {
      if (values[key] !== undefined)
        throw new UsageError(`${old} and ${key} are mutually exclusive`, {
          next: `give ${one} and ${two}; ${old} is the old spelling of both`,
        });
    }
    return [all, all];
  };
  const [cryptoDirs, clusterDirs] = pick('static_dirs', 'crypto_dirs', 'cluster_customization_dirs');
  const [cryptoFiles, clusterFiles] = pick('static_files', 'crypto_files', 'cluster_customization_files');
  return { cryptoDirs, cryptoFiles, clusterDirs, clusterFiles };
}

/** True when a folder stands at this path. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Refuses a path that names nothing, or something else. */
export async function mustBe(kind: 'folder' | 'file', key: string, path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (isNotFound(error) || errorCode(error) === 'ENOTDIR')
      throw new UsageError(`${key} must exist: ${path}`, {
        next: 'check the path, and that its file system is mounted',
      });
    throw new UsageError(`${key} cannot be looked at: ${path} (${errorCode(error) ?? ''})`, {
      next: 'check the path and your rights',
    });
  });
  if (kind === 'folder' ? !found.isDirectory() : !found.isFile())
    throw new UsageError(`${key} must be a ${kind === 'folder' ? 'directory' : 'file'}: ${path}`, {
      next: 'check the path',
    });
}

/** Originals are copied to the state folder: it must not be searched for keys. */
export function readStateFolder(stateFolder: string, cryptoDirs: readonly string[]): string {
  if (!stateFolder.startsWith('/'))
    throw new UsageError(`state_dir "${stateFolder}" is not an absolute path`, {
      next: 'leave it out for the usual one',
    });
  const around = cryptoDirs.find((folder) =>
    `${resolve(stateFolder)}/`.startsWith(`${resolve(folder).replace(/\/$/, '')}/`),
  );
  if (around !== undefined)
    throw new UsageError(
      `the state folder "${stateFolder}" is inside of the crypto_dir "${around}", where copies of originals would be renewed, too`,
      { next: 'give another folder with state_dir' },
    );
  return stateFolder;
}
