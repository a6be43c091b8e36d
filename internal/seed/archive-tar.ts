import { randomUUID } from 'node:crypto';
import { copyFile, chmod, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { Failure } from '../errors/errors.ts';
import { selinuxEnabled } from '../host/machine.ts';
import type { Host } from '../host/host.ts';

/** GNU tar as seed archives need it. */
export type ArchiveTar = AsyncDisposable & {
  /** Unpacks a gzip-compressed archive from a stream or file into a folder, with owners, modes, labels, xattrs and ACLs. */
  unpack(archive: Readable | string, folder: string, name: string): Promise<void>;
};

/** Options of both sides of a seed archive (reference A.1); they stand after the operands there, order does not matter. */
const attributeOptions = ['--selinux', '--xattrs', '--xattrs-include=*', '--acls'] as const;

/**
 * Opens tar. Where SELinux is on, a copy labelled install_exec_t does the work: only that domain may set labels that the
 * running policy does not know, and the seed's policy is another one than the live system's (MGMT-17463).
 */
export async function openArchiveTar(host: Host, say: (fact: string) => void): Promise<ArchiveTar> {
  let program = 'tar';
  let copy: string | undefined;
  if (await selinuxEnabled()) {
    copy = `/var/tmp/tar-${randomUUID()}`;
    await copyFile('/usr/bin/tar', copy);
    await chmod(copy, 0o755);
    await host.run('chcon', ['-t', 'install_exec_t', copy]);
    program = copy;
  } else {
    say('SELinux is off on this machine: labels of the archives are restored as stored');
  }
  return {
    async unpack(archive, folder, name) {
      const source = typeof archive === 'string' ? archive : '-';
      try {
        await host.run(program, ['-x', '-z', '-f', source, '-C', folder, '--numeric-owner', ...attributeOptions], {
          ...(typeof archive === 'string' ? {} : { input: archive }),
          // The transfer that feeds it keeps the budget; a local archive is bounded by its size.
          budgetMs: Number.POSITIVE_INFINITY,
        });
      } catch (error) {
        throw new Failure(`seed archive "${name}" cannot be unpacked to "${folder}"`, { cause: error });
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (copy !== undefined) await rm(copy, { force: true });
    },
  };
}
