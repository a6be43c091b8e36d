import { join } from 'node:path';
import type { Target } from '../../internal/disk/disk.ts';
import { recordOnDisk, signDisk } from '../../internal/seal/on-disk.ts';
import { recordFolder } from '../../internal/seal/record.ts';
import type { Ibi } from './context.ts';
import { places } from './places.ts';

/** The seed's content on the target until it is deployed. */
export function stagingFolder(target: Target): string {
  return join(target.root, recordFolder, 'seed');
}

/** True when this very installation has written this disk and not finished it. */
export async function isWritten({ host, disk, seed }: Ibi): Promise<boolean> {
  const record = await recordOnDisk(host, disk, places.runFolder);
  return record?.installId === seed.installId && record.state === 'open';
}

/** Leaves the record on a disk that was just written; from here on a later run continues instead of writing again. */
export async function signWritten({ host, disk, seed, config, options }: Ibi): Promise<void> {
  await signDisk(host, disk, join(places.runFolder, 'root'), () =>
    Promise.resolve({
      format: 1,
      installId: seed.installId,
      configDigest: config.digest,
      state: 'open',
      program: `ibi ${options.version}`,
      disk: {
        path: disk.path,
        model: disk.model,
        serial: disk.serial,
        wwn: disk.wwn,
        sizeBytes: disk.sizeBytes,
        sectorBytes: disk.sectorBytes,
        byId: disk.byId,
      },
      seed: {
        reference: seed.image.pinned,
        digest: seed.image.digest,
        version: config.seedVersion,
        stateroot: seed.stateroot,
      },
      milestones: { written: host.now().toISOString() },
    }),
  );
}
