import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import type { SeedLayer } from './stage.ts';

/** A commit id that no repository has to hold: staging does not look into the repository. */
export const commit = 'ab'.repeat(32);

/** Members of a small, whole seed; tests replace or remove some. */
export type SeedMembers = Record<string, Buffer | string>;

/** Makes the members with real tar, in a folder that is gone afterwards. */
export function seedMembers(parent: string, more: Readonly<Record<string, string>> = {}): SeedMembers {
  const work = mkdtempSync(join(parent, 'make-seed-'));
  try {
    const put = (path: string, text: string | Buffer): void => {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      writeFileSync(join(work, path), text);
    };
    put('repo/config', '[core]\nmode=bare\n');
    put('repo/objects/ab/cd.file', 'object');
    put('var/lib/etcd/data', 'etcd');
    put('etc/hostname', 'seed\n');
    put('etc/kept', 'new\n');
    for (const [path, text] of Object.entries(more)) put(path, text);
    symlinkSync('../run/lock', join(work, 'var/lock'));
    execFileSync('mkfifo', [join(work, 'var/lib/pipe')]);
    execFileSync('mknod', [join(work, 'var/lib/null'), 'c', '1', '3']);
    execFileSync('ln', [join(work, 'var/lib/etcd/data'), join(work, 'var/lib/etcd/hard')]);
    writeFileSync(
      Buffer.concat([Buffer.from(`${join(work, 'var/lib')}/odd \n`), Buffer.from([0xff, 0xfe]), Buffer.from('name')]),
      'odd',
    );
    const tar = (...args: string[]): Buffer =>
      execFileSync('tar', ['-cz', '-C', work, ...args, '--selinux', '--xattrs', '--xattrs-include=*', '--acls'], {
        maxBuffer: 1e9,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    return {
      'containers.list': 'quay.io/a/b@sha256:1\nquay.io/a/c:1',
      'etc.deletions': '/etc/gone\n',
      'etc.tgz': tar('etc'),
      'lca-cli': '#!/bin/sh\n',
      'manifest.json': '{"seed_cluster_ocp_version":"4.17.0"}',
      'mco-currentconfig.json': '{"spec":{"kernelArguments":["a=1","q=\\"x y\\"","l=<&>"],"fips":true}}',
      [`ostree-${commit}.1.origin`]: '[origin]\nrefspec=x\n',
      'ostree.tgz': tar('-C', join(work, 'repo'), '.'),
      'rpm-ostree.json': JSON.stringify({
        deployments: [
          { id: 'other-1', booted: false },
          { id: `rhcos-a-${commit}.1`, booted: true },
        ],
      }),
      'var.tgz': tar('var'),
    };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** A gzip-compressed archive of given headers, with names that tar itself would not write. */
export async function archiveOf(
  entries: readonly (Partial<Header> & { name: string; text?: string })[],
): Promise<Buffer> {
  const archive = pack();
  for (const { text, ...header } of entries) archive.entry(header, text ?? '');
  archive.finalize();
  return gzipSync(await collect(Readable.from(archive)));
}

/** One layer of a seed image, as a registry's verified stream would give it. */
export async function layerOf(members: SeedMembers, prefix = ''): Promise<SeedLayer & { bytes: Buffer }> {
  const bytes = await archiveOf(
    Object.entries(members).map(([name, text]) => ({ name: `${prefix}${name}`, text: text as string })),
  );
  return {
    bytes,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    open: () => Readable.from(chunks(bytes), { objectMode: false }),
  };
}

export function* chunks(bytes: Buffer, size = 4096): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts);
}
