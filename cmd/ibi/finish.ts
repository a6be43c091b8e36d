import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unmountTarget } from '../../internal/disk/disk.ts';
import { exists } from '../../internal/host/files.ts';
import { signDisk } from '../../internal/seal/on-disk.ts';
import { readRecord } from '../../internal/seal/record.ts';
import { removeTree } from '../../internal/host/remove.ts';
import { readBack } from '../../internal/ostree/read-back.ts';
import type { Ibi } from './context.ts';
import { places } from './places.ts';
import { seedOnDisk } from './seed-on-disk.ts';
import { stagingFolder } from './written.ts';

/**
 * Ends an installation.
 *
 * INVARIANT: the seal is written when every file system of the disk was synced and unmounted, so that a power cut leaves
 * either a sealed disk that is whole or an open one that a later run finishes.
 */
export async function finishDisk(ibi: Ibi, say: (fact: string) => void): Promise<void> {
  const { host, target, seed, disk } = ibi;
  const read = await readBack(target.root, { stateroot: seed.stateroot, ...(await seedOnDisk(ibi)) });
  await keepLogs(ibi, join(target.root, 'ostree/deploy', seed.stateroot, 'var/log/ibi'));
  await removeTree(host, stagingFolder(target));
  const record = await readRecord(target.root);
  if (record === undefined) throw new Error('the install record is gone');
  await unmountTarget(host, target, say);
  await signDisk(host, disk, join(places.runFolder, 'root'), () =>
    Promise.resolve({
      ...record,
      state: 'sealed',
      sealedAt: host.now().toISOString(),
      result: {
        ...record.result,
        deployment: read.deployment.name,
        kernel: read.kernel.sha256,
        initramfs: read.initramfs.sha256,
        run: ibi.runSoFar(),
      },
    }),
  );
  say(`disk "${disk.path}" is sealed: installation ${record.installId}`);
}

/** The evidence of a success is as good as that of a failure: it stays on the installed host under /var/log. */
async function keepLogs({ host, runSoFar }: Ibi, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (await exists(places.stateFolder)) await cp(places.stateFolder, folder, { recursive: true });
  await host.writeFile(join(folder, 'timeline.json'), `${JSON.stringify(runSoFar(), undefined, 1)}\n`);
}
