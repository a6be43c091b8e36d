import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, chmod, rm } from 'node:fs/promises';
import { errorCode, Failure, messageOf } from '../errors/errors.ts';
import { selinuxEnabled } from '../host/machine.ts';
import { openPipe } from '../host/pipe.ts';
import type { Host } from '../host/host.ts';
import { openInflateThread } from './inflate-thread.ts';

/** Bytes of an archive; destroyed when nobody reads them any longer. */
export type ArchiveContent = AsyncIterable<Uint8Array> & { destroy(): unknown };

/** GNU tar as seed archives need it. */
export type ArchiveTar = AsyncDisposable & {
  /** Unpacks a gzip-compressed archive from a stream or file into a folder, with owners, modes, labels, xattrs and ACLs. */
  unpack(archive: ArchiveContent | string, folder: string, name: string, options?: UnpackOptions): Promise<void>;
};

export type UnpackOptions = {
  /** Leave files that stand there already as they are. Default: the archive's take their place. */
  readonly keepExisting?: boolean;
};

/** Options of both sides of a seed archive (README.md, archives); lca-cli has them after the operands, order does not matter. */
const attributeOptions = ['--selinux', '--xattrs', '--xattrs-include=*', '--acls'] as const;

/** 64 KiB a read, what a pipe holds: tar's own 10 KiB cost a third more of its time. */
const readOptions = ['--blocking-factor=128'] as const;

const readBytes = 256 * 1024;

/**
 * Opens tar. Archives are inflated here and not by `tar -z`, which starts gzip: Node's zlib takes 40 % of gzip's time for the same
 * bytes. It works in a thread of its own that writes to tar by itself, so that the stream goes on meanwhile (bench/README.md).
 *
 * Where SELinux is on, a copy labelled install_exec_t does the work: only that domain may set labels that the
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
  const thread = openInflateThread();
  return {
    async unpack(archive, folder, name, { keepExisting = false } = {}) {
      const failed = (cause: unknown, why?: string): Failure =>
        new Failure(`seed archive "${name}" cannot be unpacked to "${folder}"`, {
          cause,
          ...(why === undefined ? {} : { why }),
        });
      const content = typeof archive === 'string' ? createReadStream(archive, { highWaterMark: readBytes }) : archive;
      const pipe = await openPipe(host);
      let damage: unknown;
      let bytes = 0;
      const inflating = thread
        .inflate(content, pipe.writing.fd)
        .then(
          (all) => {
            bytes = all;
          },
          (error: unknown) => {
            damage = error;
          },
        )
        .finally(() => pipe.writing.close());
      try {
        // The transfer that feeds it keeps the budget; a local archive is bounded by its size.
        await host.run(
          program,
          [
            '-x',
            '-f',
            '-',
            '-C',
            folder,
            '--numeric-owner',
            ...(keepExisting ? ['--skip-old-files'] : []),
            ...readOptions,
            ...attributeOptions,
          ],
          { input: pipe.reading, budgetMs: Number.POSITIVE_INFINITY },
        );
        await inflating;
      } catch (error) {
        await pipe.reading.close();
        content.destroy();
        await inflating;
        // A damaged stream ends tar's input early: its complaint is an echo. When tar ends first, ours is: a closed pipe.
        throw isDamage(damage) ? failed(damage, `it is no whole gzip file: ${messageOf(damage)}`) : failed(error);
      }
      await pipe.reading.close();
      if (damage !== undefined) throw failed(damage);
      if (bytes === 0) throw failed(undefined, 'it is empty, and no gzip file');
    },
    [Symbol.asyncDispose]: async () => {
      await thread[Symbol.asyncDispose]();
      if (copy !== undefined) await rm(copy, { force: true });
    },
  };
}

function isDamage(error: unknown): boolean {
  return /^Z_/.test(errorCode(error) ?? '');
}
