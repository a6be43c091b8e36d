import { rm } from 'node:fs/promises';
import type { Host } from './host.ts';

/**
 * Removes a file tree; missing is fine. Deployment roots are immutable while deployed, and so may be files of a seed's `/var`:
 * only when removal fails is the flag taken off, because that walks the whole tree.
 */
export async function removeTree(host: Host, path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await host.run('chattr', ['-R', '-f', '-i', path], { okStatuses: [1], budgetMs: 10 * 60_000 });
    await rm(path, { recursive: true, force: true });
  }
}
