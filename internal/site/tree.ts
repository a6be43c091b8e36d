import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Names a tree of files by names and contents: equal for a medium and its copy, whatever owners and times are. In one go, because a site config
 * has some dozen small files and its name is asked for in the middle of decisions.
 */
export function treeDigest(folder: string, wants: (name: string) => boolean = () => true): string {
  const hash = createHash('sha256');
  addFolder(hash, folder, '', wants);
  return hash.digest('hex');
}

function addFolder(hash: Hash, folder: string, at: string, wants: (name: string) => boolean): void {
  const entries = readdirSync(join(folder, at), { withFileTypes: true });
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = join(at, entry.name);
    if (!wants(path)) continue;
    const add = (kind: string, content: string | Uint8Array): void => {
      hash.update(`${kind} ${Buffer.byteLength(path)} ${path} ${content.length}\n`).update(content);
    };
    if (entry.isDirectory()) addFolder(hash, folder, path, wants);
    else if (entry.isSymbolicLink()) add('link', readlinkSync(join(folder, path)));
    else if (entry.isFile()) add('file', readFileSync(join(folder, path)));
  }
}
