import type { Host } from '../host/host.ts';
import { blockDeviceAt } from './block-devices.ts';
import { devicesOf, holderTree } from './holders.ts';
import type { Disk } from './identity.ts';
import type { KernelState } from './kernel-state.ts';

/**
 * Other disks with a file system labelled "boot" or "root". We never look up by label; the installed system does (`root=LABEL=…`,
 * GRUB's search), and may start from the wrong disk. Best effort: it only warns.
 */
export async function lookAlikes(host: Host, state: KernelState, disk: Disk): Promise<string[]> {
  // the paths of a multipath device show its content again
  const own = new Set([disk, ...(disk.paths ?? [])].flatMap(({ device }) => devicesOf(holderTree(state, device))));
  const notes: string[] = [];
  for (const label of ['boot', 'root']) {
    // without its cache blkid reads the devices; status 2: none
    const result = await host
      .run('blkid', ['--cache-file', '/dev/null', '--match-token', `LABEL=${label}`, '--output', 'device'], {
        okStatuses: [0, 2],
      })
      .catch(() => undefined);
    for (const path of (result?.stdout ?? '').split('\n').filter((line) => line !== '')) {
      const device = await blockDeviceAt(path);
      if (typeof device !== 'string' || own.has(device)) continue;
      const block = state.blocks.get(device);
      const whole = block?.partition === undefined ? block : state.blocks.get(block.partition.disk);
      const name = whole?.mapper?.name ?? whole?.name;
      notes.push(
        `"${path}"${name === undefined ? '' : ` on disk "${name}"`} carries a file system labelled "${label}", too; the installed system may find that one first`,
      );
    }
  }
  return notes;
}
