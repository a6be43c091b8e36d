import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isNotFound } from '../errors/errors.ts';
import { exists } from '../host/files.ts';
import type { Host } from '../host/host.ts';

/** The name of the stateroot for a version: `4.17.0-rc.1` → `rhcos_4.17.0_rc.1`. */
export function staterootName(version: string): string {
  return `rhcos_${version.replaceAll('-', '_')}`;
}

/** The stateroots of a sysroot, by name. */
export async function stateroots(sysroot: string): Promise<string[]> {
  try {
    return (await readdir(join(sysroot, 'ostree/deploy'))).sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** Makes an empty stateroot; one that exists stays as it is (the command would fail on it). */
export async function initStateroot(host: Host, sysroot: string, name: string): Promise<void> {
  if (await exists(join(sysroot, 'ostree/deploy', name))) return;
  await host.run('ostree', ['admin', 'os-init', '--sysroot', sysroot, name]);
}
