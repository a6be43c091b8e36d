import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isNotFound } from '../errors/errors.ts';
import { readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';

/** Where NetworkManager keeps its profiles. It refuses one that others may read. */
const profiles = '/etc/NetworkManager/system-connections';

/** Lays the profiles of a site among those of the host, each whole or not at all. @returns how many differ from what stood there */
export async function layConnections(host: Host, from: string, to = profiles): Promise<number> {
  let changed = 0;
  for (const path of await filesBelow(from)) {
    const target = join(to, relative(from, path));
    const content = await readFile(path, 'utf8');
    if ((await readTextIfPresent(target)) === content) continue;
    await host.writeFile(target, content, { mode: 0o600 });
    changed += 1;
  }
  return changed;
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
