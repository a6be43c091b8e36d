import { chmod, copyFile, mkdir, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from './command.ts';
import { tempDir } from './resources.ts';

/**
 * A small ext4 disk with programs for the live system, which links them into /usr/local/bin when it is booted with the
 * argument `lab.payload` and the disk has the serial `payload`. Made without a mount, in a second: no ISO to rebuild.
 */
export async function makePayload(file: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await using work = await tempDir('payload');
  await mkdir(join(work.path, 'bin'));
  let bytes = 0;
  for (const [name, path] of Object.entries(programs)) {
    if (name !== basename(name)) throw new Error(`"${name}" is not a program name`);
    await copyFile(path, join(work.path, 'bin', name));
    await chmod(join(work.path, 'bin', name), 0o755);
    bytes += (await stat(path)).size;
  }
  await writeFile(file, '');
  await truncate(file, Math.ceil(bytes * 1.1) + 16 * 1024 * 1024);
  await run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', work.path, file]);
}
