import { join } from 'node:path';
import { exists, namesIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';

/** The name of the stateroot for a version: `4.17.0-rc.1` → `rhcos_4.17.0_rc.1`. */
export function staterootName(version: string): string {
  return `rhcos_${version.replaceAll('-', '_')}`;
}

/** The stateroots of a sysroot, by name. */
export async function stateroots(sysroot: string): Promise<string[]> {
  return namesIfPresent(join(sysroot, 'ostree/deploy'));
}

/** Makes an empty stateroot; one that exists stays as it is (the command would fail on it). */
export async function initStateroot(host: Host, sysroot: string, name: string): Promise<void> {
  if (await exists(join(sysroot, 'ostree/deploy', name))) return;
  await host.run('ostree', ['admin', 'os-init', '--sysroot', sysroot, name]);
}
