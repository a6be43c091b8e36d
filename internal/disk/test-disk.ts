import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../host/files.ts';
import { openHost, type Host } from '../host/host.ts';
import { openLog } from '../log/log.ts';
import { resolveDisk, type Disk } from './identity.ts';

/** A loop device over a sparse file, gone when its scope ends, also after a failed test. */
export type TestDisk = AsyncDisposable & {
  readonly host: Host;
  readonly path: string;
  /** A folder for files and mount points of the test. */
  readonly folder: string;
  /** Facts that were said. */
  readonly said: string[];
  readonly say: (fact: string) => void;
  disk(): Promise<Disk>;
  sfdisk(script: string): Promise<void>;
  /** Puts a program in front of PATH. */
  fake(name: string, script: string): Promise<void>;
};

/** A quiet host of its own, whose PATH begins with `bin`. */
export function testHost(bin?: string, stop?: AbortSignal): Host {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return openHost({
    log: openLog({ program: 'test', write: () => undefined }),
    env: { PATH: bin === undefined ? path : `${bin}:${path}`, HOME: '/root' },
    ...(stop === undefined ? {} : { stop }),
  });
}

export async function testDisk({
  mebibytes = 1024,
  sectorBytes = 512,
  readOnly = false,
  stop,
}: { mebibytes?: number; sectorBytes?: number; readOnly?: boolean; stop?: AbortSignal } = {}): Promise<TestDisk> {
  await using scope = new AsyncDisposableStack();
  const folder = scope.use(await temporaryFolder(tmpdir(), 'disk-test-')).path;
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const host = testHost(bin, stop);
  const file = await open(join(folder, 'disk.img'), 'w');
  await file.truncate(mebibytes * 1024 * 1024);
  await file.close();
  const path = await host.text('losetup', [
    '--find',
    '--show',
    ...(readOnly ? ['--read-only'] : []),
    '--sector-size',
    String(sectorBytes),
    join(folder, 'disk.img'),
  ]);
  scope.defer(async () => {
    await testHost().run('losetup', ['--detach', path]);
  });
  scope.defer(async () => {
    await testHost().run('partx', ['--delete', path], { okStatuses: [0, 1] });
  });
  scope.defer(async () => {
    await unmountAll(folder, path);
  });
  const said: string[] = [];
  const held = scope.move();
  return {
    host,
    path,
    folder,
    said,
    say: (fact) => {
      said.push(fact);
    },
    disk: () => resolveDisk(host, path, { waitMs: 0 }),
    sfdisk: async (script) => {
      await host.run('sfdisk', ['--quiet', path], { input: script });
      await host.run('partx', ['--update', path], { okStatuses: [0, 1] });
    },
    fake: async (name, script) => {
      await writeFile(join(bin, name), script);
      await chmod(join(bin, name), 0o755);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** The layout of an RHCOS image: 1 BIOS-BOOT, 2 EFI-SYSTEM, 3 boot, 4 root, with file systems. */
export async function writeCoreosLayout(disk: TestDisk): Promise<void> {
  await disk.sfdisk(
    'label: gpt\nsize=1M, name="BIOS-BOOT"\nsize=10M, name="EFI-SYSTEM"\nsize=64M, name="boot"\nsize=350M, name="root"\n',
  );
  await disk.host.run('mkfs.ext4', ['-q', '-F', '-L', 'boot', `${disk.path}p3`]);
  await disk.host.run('mkfs.xfs', ['-q', '-f', '-L', 'root', `${disk.path}p4`]);
}

async function unmountAll(folder: string, path: string): Promise<void> {
  const host = testHost();
  for (const swap of (await host.text('swapon', ['--noheadings', '--show=NAME']))
    .split('\n')
    .filter((name) => name.startsWith(path)))
    await host.run('swapoff', [swap]);
  for (const mount of (await host.mounts())
    .filter(
      (entry) => entry.target.startsWith(`${folder}/`) || entry.source === path || entry.source.startsWith(`${path}p`),
    )
    .reverse())
    await host.unmount(mount.target);
}
