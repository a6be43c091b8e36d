import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from './files.ts';
import type { Host } from './host.ts';

/** Both ends of a pipe, in blocking mode. Whoever holds them closes them. */
export type Pipe = { readonly reading: FileHandle; readonly writing: FileHandle };

/**
 * Makes a pipe that a thread of ours may write to and a program reads from. What Node makes for a child's standard input is a socket that never
 * blocks, which only its own loop can serve.
 */
export async function openPipe(host: Host): Promise<Pipe> {
  await using folder = await temporaryFolder(tmpdir(), 'pipe-');
  const path = join(folder.path, 'pipe');
  await host.run('mkfifo', ['-m', '600', path]);
  // Opening one end waits for the other; only this flag does not. It would stay with the reading program, so that end is opened anew.
  const opener = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const writing = await open(path, constants.O_WRONLY);
    return { writing, reading: await open(path, constants.O_RDONLY) };
  } finally {
    await opener.close();
  }
}
