import { createReadStream } from 'node:fs';
import { chmod, copyFile, readdir, realpath, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { errorCode, Failure, isNotFound, messageOf } from '../errors/errors.ts';
import { exists } from '../host/files.ts';
import type { ArchiveTar } from './archive-tar.ts';
import { memberName } from './layout.ts';
import { originOf } from './origin.ts';
import type { Staging } from './staging.ts';

const rebuild = { next: 'build the seed image again with lca-cli create' };

/**
 * Puts the seed's `/var` in place of the empty one that ostree made, by rename. What only the empty one has (stamps and
 * folders ostree made) is carried over first. Doing it again after it was done does nothing.
 *
 * @param stateroot folder of the stateroot
 */
export async function placeVar(staging: Staging, stateroot: string): Promise<void> {
  const fresh = join(staging.var, 'var');
  const place = join(stateroot, 'var');
  if (!(await exists(fresh))) {
    if (await exists(place)) return; // moved by an earlier run
    throw new Failure(`"${fresh}" and "${place}" are both missing`, {
      next: 'start from the seed again: ibi run --again fetch-seed',
    });
  }
  if (await exists(place)) {
    const has = new Set(await readdir(fresh));
    for (const name of await readdir(place)) if (!has.has(name)) await rename(join(place, name), join(fresh, name));
    await rm(place, { recursive: true, force: true });
  }
  await rename(fresh, place);
}

/** Unpacks the seed's `/etc` over the deployment's, after every name in it was found to stay inside. */
export async function restoreEtc(tar: ArchiveTar, staging: Staging, deployment: string): Promise<void> {
  await requireInside(staging.etcArchive, 'etc', 'etc.tgz');
  await tar.unpack(staging.etcArchive, deployment, 'etc.tgz');
}

/** Copies the origin file of the seed's deployment to the new one's. @throws Failure when the seed has none */
export async function restoreOrigin(staging: Staging, deployment: string, reference: string): Promise<void> {
  await copyFile(await originOf(staging, reference), `${deployment}.origin`);
  await chmod(`${deployment}.origin`, 0o644);
}

/**
 * Removes what the seed's administrator had removed from `/etc`: one absolute path a line. A path that is gone already is
 * fine; a folder that is not empty, or a path that leaves `/etc` (also by a link on the way), is an error.
 *
 * @returns how many were removed
 */
export async function applyDeletions(text: string, deployment: string): Promise<number> {
  let removed = 0;
  const etc = await realpath(join(deployment, 'etc'));
  for (const line of text.split('\n')) {
    const path = line.trim();
    if (path === '') continue;
    const fail = (why: string, cause?: unknown): never => {
      throw new Failure(`failed to process etc.deletions: failed to remove ${path}: ${why}`, { ...rebuild, cause });
    };
    if (!path.startsWith('/etc/') || normalize(path) !== path.replace(/\/+$/, '')) fail('it is not a path below /etc');
    const full = join(deployment, path);
    try {
      const parent = await realpath(dirname(full));
      if (parent !== etc && !parent.startsWith(`${etc}/`)) fail('a link on the way leads outside /etc');
      await removeOne(full);
      removed += 1;
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (!isNotFound(error) && errorCode(error) !== 'ENOTDIR') fail(errorCode(error) ?? messageOf(error), error);
    }
  }
  return removed;
}

async function removeOne(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) !== 'EISDIR' && errorCode(error) !== 'EPERM') throw error;
    if (!(await stat(path)).isDirectory()) throw error;
    await rmdir(path);
  }
}

/**
 * Reads an archive's names without unpacking it: tar would follow `..`-free names like "usr/bin/x" into the deployment, and a
 * hard link may name a file elsewhere in it.
 */
async function requireInside(archive: string, part: string, name: string): Promise<void> {
  const isInside = (path: string): boolean => path === part || path.startsWith(`${part}/`);
  const members = extract();
  const feeding = pipeline(createReadStream(archive), createGunzip(), members);
  feeding.catch(() => undefined); // reported below, when reading fails
  try {
    for await (const entry of members) {
      const { header } = entry;
      const path = memberName(header.name);
      const linked = header.type === 'link' ? memberName(header.linkname) : undefined;
      for (const candidate of [path, ...(linked === undefined ? [] : [linked])]) {
        if (candidate === '' && header.type === 'directory') continue; // "./"
        if (!isInside(candidate) || candidate.split('/').includes('..'))
          throw new Failure(
            `seed archive "${name}" holds "${header.name}"${candidate === linked ? `, a hard link to "${header.linkname}"` : ''} outside "${part}/"`,
            { why: 'it reaches outside its target', ...rebuild },
          );
      }
      entry.resume();
    }
    await feeding;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`seed archive "${name}" cannot be read`, { why: messageOf(error), cause: error, ...rebuild });
  }
}
