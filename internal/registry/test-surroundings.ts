import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHost, type Host } from '../host/host.ts';
import { mountTable } from '../host/mounts.ts';
import { openLog } from '../log/log.ts';

/** What a test of this room starts from: a folder, a host whose log is kept, and an end that leaves nothing. */
export type Surroundings = AsyncDisposable & {
  readonly folder: string;
  readonly lines: string[];
  readonly host: Host;
  hostWith(env: Readonly<Record<string, string>>): Host;
};

/** Makes the surroundings of one test. Nothing of the machine's own proxy or certificate settings gets in. */
export async function surroundings(stop?: AbortSignal): Promise<Surroundings> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-test-'));
  const lines: string[] = [];
  const hostWith = (env: Readonly<Record<string, string>>): Host =>
    openHost({
      log: openLog({ program: 'test', verbose: true, write: (line) => lines.push(line) }),
      env: { PATH: process.env['PATH'], HOME: folder, ...env },
      ...(stop === undefined ? {} : { stop }),
    });
  return { folder, lines, hostWith, host: hostWith({}), [Symbol.asyncDispose]: () => removed(folder) };
}

/** podman mounts the folder of its store on itself, and a failing pull leaves it so. */
async function removed(folder: string): Promise<void> {
  for (const { target } of (await mountTable()).filter(({ target }) => target.startsWith(`${folder}/`)).reverse())
    execFileSync('umount', [target]);
  await rm(folder, { recursive: true, force: true });
}
