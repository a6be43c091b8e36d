import type { Host } from '../host/host.ts';
import { temporaryFolder } from '../host/files.ts';
import { fileSystemType } from './mounting.ts';
import { partitionPath, type Partition } from './partitions.ts';

/** A file system that may be read until the scope ends. */
export type Look = AsyncDisposable & { readonly path: string };

// A read-only mount alone still replays the journal, which is a write.
const withoutReplay: Readonly<Record<string, string>> = {
  xfs: 'ro,norecovery,nouuid',
  ext4: 'ro,noload',
  ext3: 'ro,noload',
};

/** Mounts a partition so that not one byte of it changes. After an unclean stop it may show a slightly old state. */
export async function lookInto(host: Host, partition: Partition, parentFolder: string): Promise<Look> {
  const path = partitionPath(partition);
  const type = await fileSystemType(host, path);
  const folder = await temporaryFolder(parentFolder, 'look-');
  try {
    const mount = await host.mount(path, folder.path, [
      ...(type === undefined ? [] : ['-t', type]),
      '-o',
      withoutReplay[type ?? ''] ?? 'ro',
    ]);
    return {
      path: folder.path,
      // The folder is removed only after the unmount worked: removing descends.
      [Symbol.asyncDispose]: async () => {
        await mount[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}
