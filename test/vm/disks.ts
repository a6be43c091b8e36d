import { createHash } from 'node:crypto';
import { copyFile, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VirtualDisk } from './qemu-arguments.ts';
import { run } from './command.ts';
import { attachLoop, mount, tempDir } from './resources.ts';

/** Kernel, initramfs and arguments of an installed disk, copied out so that QEMU can start them without firmware. */
export type BootFiles = { file: string; initrd: string; arguments: string };

export async function makeBlankDisk(
  dir: string,
  serial: string,
  options: { sizeBytes?: number; sectorSize?: 512 | 4096 } = {},
): Promise<VirtualDisk> {
  const file = join(dir, `${serial}.img`);
  await writeFile(file, '');
  await truncate(file, options.sizeBytes ?? 8 * 1024 ** 3);
  return { serial, file, sectorSize: options.sectorSize ?? 512 };
}

export async function copyDisk(from: string, to: string): Promise<void> {
  await run('cp', ['--sparse=always', '--reflink=auto', from, to]);
}

const chunkBytes = 1024 * 1024;

/**
 * A digest of all that is on a disk, zeros left out: where the holes of a sparse file are is no property of its content, and
 * changes when the host writes its cache back.
 */
export async function contentDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  const zeros = Buffer.alloc(chunkBytes);
  const chunk = Buffer.alloc(chunkBytes);
  await using disk = await open(file);
  for (let offset = 0; ; offset += chunkBytes) {
    const { bytesRead } = await disk.read(chunk, 0, chunkBytes, offset);
    if (bytesRead === 0) return hash.digest('hex');
    const part = chunk.subarray(0, bytesRead);
    if (!part.equals(zeros.subarray(0, bytesRead))) hash.update(`${String(offset)}\n`).update(part);
  }
}

/** Those of the texts that stand anywhere on the disk as they are: also in deleted files, logs and journals of all sorts. */
export async function textsOnDisk(file: string, texts: readonly string[]): Promise<string[]> {
  const { stdout } = await run('grep', ['-azoF', ...texts.flatMap((text) => ['-e', text]), file], {
    accept: [0, 1],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const found = new Set(stdout.split('\0'));
  return texts.filter((text) => found.has(text));
}

/** Reads what the disk would boot by default: the entry with the highest number, as the boot loader of the lab does. */
export async function bootFilesOf(disk: VirtualDisk, dir: string): Promise<BootFiles> {
  await using work = await tempDir('boot');
  await using loop = await attachLoop(disk.file, { sectorSize: disk.sectorSize ?? 512, readOnly: true });
  const boot = join(work.path, 'boot');
  await using _mounted = await mount(loop.part(3), boot, { flags: 'ro' });
  const { stdout } = await run('bash', ['-c', 'cat "$(ls "$0"/loader/entries/*.conf | sort -V | tail -n 1)"', boot]);
  const field = (name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(stdout)?.[1] ?? '';
  const files = { file: join(dir, 'vmlinuz'), initrd: join(dir, 'initramfs.img'), arguments: field('options') };
  for (const [name, to] of [
    ['linux', files.file],
    ['initrd', files.initrd],
  ] as const)
    await copyFile(join(boot, field(name).replace(/^\/boot\//, '/')), to);
  return files;
}
