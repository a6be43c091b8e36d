import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Failure, errorCode } from '../../errors/errors.ts';
import { temporaryFolder } from '../../host/files.ts';
import type { Host } from '../../host/host.ts';
import type { Replacement } from '../document.ts';

/** The server keys of SSH in a folder. */
export type SshHostKeys = {
  /** Path and type of each key file, private and public. */
  readonly files: readonly { readonly path: string; readonly type: string; readonly isPublic: boolean }[];
  /** What is there and cannot be made anew here: certificates of the old keys, other names. */
  readonly left: readonly string[];
};

const keyFile = /^ssh_host_([a-z\d]+)_key(\.pub)?$/;

/** Finds the server keys below a folder. Throws when there is none: the folder was meant to hold some. */
export async function findSshHostKeys(folder: string): Promise<SshHostKeys> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new Failure(`the folder "${folder}" cannot be read: ${errorCode(error) ?? 'unknown error'}`, {
      next: 'correct regenerate_server_ssh_keys',
      cause: error,
    });
  });
  const candidates = names
    .filter((name) => /^ssh_host_.*_key/.test(basename(name)))
    .sort()
    .map((name) => join(folder, name));
  const files = candidates.flatMap((path) => {
    const [, type, isPublic] = keyFile.exec(basename(path)) ?? [];
    return type === undefined ? [] : [{ path, type, isPublic: isPublic !== undefined }];
  });
  if (files.length === 0)
    throw new Failure(`there is no SSH server key in "${folder}"`, {
      next: 'correct regenerate_server_ssh_keys, or leave it out',
    });
  const known = new Set(files.map(({ path }) => path));
  return { files, left: candidates.filter((path) => !known.has(path)) };
}

/**
 * New keys of the same types, made before any old one goes. What stands in the files is replaced by the commit, together with
 * everything else: mode, owner and label stay as found.
 */
export async function renewSshHostKeys(host: Host, { files }: SshHostKeys): Promise<Replacement[]> {
  await using folder = await temporaryFolder(host.env['TMPDIR'] ?? '/tmp', 'recert-ssh-');
  for (const type of new Set(files.map((file) => file.type))) {
    try {
      // As the host's own sshd-keygen does it: the default size, no comment, no passphrase.
      await host.run('ssh-keygen', ['-q', '-t', type, '-C', '', '-N', '', '-f', join(folder.path, type)]);
    } catch (error) {
      throw new Failure(`ssh-keygen of this host makes no SSH server key of type "${type}"`, {
        next: `remove ${files
          .filter((file) => file.type === type)
          .map(({ path }) => path)
          .join(', ')} if nobody uses it`,
        cause: error,
      });
    }
  }
  const replacements: Replacement[] = [];
  for (const { path, type, isPublic } of files) {
    const [bytes, after] = [await readFile(path), await readFile(join(folder.path, isPublic ? `${type}.pub` : type))];
    replacements.push({ kind: 'changed', document: { in: 'file', path, bytes }, after });
  }
  return replacements;
}
