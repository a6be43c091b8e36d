import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { removeTree } from '../host/remove.ts';
import { useOf } from './layout.ts';
import type { Staging } from './staging.ts';

/** The members that an entry of a layer takes away from the layers below it: those that it marks as removed, or the one that it replaces. */
export function hiddenBy(name: string, below: ReadonlySet<string>): string[] {
  if (name === '.wh..wh..opq') return [...below];
  const hidden = name.replace(/^\.wh\./, '');
  return below.has(hidden) ? [hidden] : [];
}

/** Takes a member of a lower layer out of the staging. */
export async function forget(host: Host, staging: Staging, name: string): Promise<void> {
  switch (useOf(name)) {
    case 'unpack': {
      const folder = name === 'ostree.tgz' ? staging.repository : staging.var;
      await removeTree(host, folder);
      await mkdir(folder, { mode: 0o700 });
      return;
    }
    case 'store':
      return rm(join(staging.folder, name), { force: true });
    case 'keep':
    case 'origin':
      return rm(join(staging.membersFolder, name), { force: true });
    case 'ignore':
  }
}
